#include "mail/words.h"

#include <string.h>

#include "base/check.h"
#include "base/encoding.h"

struct word {
    struct text charset, encoded;
    bool is_base64;
    size_t length; /* of the whole */
};

/* RFC 2047 2. Longer words than 75 are met and taken; a word holds no space. */
static bool word_at(struct text text, struct word *out)
{
    if (!text_starts_with(text, TEXT("=?")))
        return false;
    struct text rest = text_from_position(text, 2);
    size_t end = text_find(rest, '?');
    if (end == 0 || end + 3 >= rest.length || rest.data[end + 2] != '?')
        return false;
    char kind = rest.data[end + 1];
    struct text encoded = text_from_position(rest, end + 3);
    size_t length = text_find(encoded, '?');
    if (length + 1 >= encoded.length || encoded.data[length + 1] != '=')
        return false;
    /* RFC 2231 5: a language may stand behind the charset. */
    out->charset = text_before(text_head(rest, end), '*');
    out->encoded = text_head(encoded, length);
    out->is_base64 = kind == 'B' || kind == 'b';
    out->length = 2 + end + 3 + length + 2;
    return (out->is_base64 || kind == 'Q' || kind == 'q') && text_find(out->encoded, ' ') == length;
}

/* RFC 2047 4.2 */
static bool decode_q(struct text encoded, struct buffer *out)
{
    for (size_t i = 0; i < encoded.length; i++) {
        char c = encoded.data[i];
        if (c == '=') {
            int byte = hex_byte_value(text_from_position(encoded, i + 1));
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        } else if (c == '_') {
            c = ' ';
        }
        buffer_append_byte(out, c);
    }
    return true;
}

/* Some writers leave the padding out. */
static bool decode_b(struct text encoded, struct buffer *out)
{
    struct buffer padded;
    buffer_init(&padded, encoded.length + 4);
    buffer_append(&padded, encoded);
    while (padded.length % 4 != 0)
        buffer_append_byte(&padded, '=');
    bool fine = base64_decode(buffer_text(&padded), out);
    buffer_finish(&padded);
    return fine;
}

/* Words of one charset in a row are one text: a character may be cut between them (some writers do
 * so). Takes them off *rest. */
static bool decode_run(struct text *rest, struct charset_guess *guess, struct buffer *out)
{
    struct word first, word;
    struct buffer bytes;
    bool any = false;
    if (!word_at(*rest, &first))
        return false;
    buffer_init(&bytes, MAIL_WORDS_MAX);
    struct text at = *rest;
    while (word_at(at, &word) && text_equals_nocase(word.charset, first.charset)) {
        size_t before = bytes.length;
        if (!(word.is_base64 ? decode_b : decode_q)(word.encoded, &bytes)) {
            buffer_cut(&bytes, before);
            break;
        }
        any = true;
        *rest = text_from_position(at, word.length);
        at = text_trim(*rest);
    }
    if (any)
        charset_to_utf8(first.charset, buffer_text(&bytes), guess, out);
    buffer_finish(&bytes);
    return any;
}

/* What stands between words, up to the next thing that looks like one. */
static struct text take_plain(struct text *rest)
{
    size_t end = 1 + text_find_text(text_from_position(*rest, 1), TEXT("=?"));
    struct text plain = text_head(*rest, end);
    *rest = text_from_position(*rest, end);
    return plain;
}

struct text mail_words_decode(struct text value, struct charset_guess *guess, struct arena *arena)
{
    struct text rest = text_head(value, MAIL_WORDS_MAX);
    struct buffer out;
    bool after_word = false;
    buffer_init(&out, 4 * MAIL_WORDS_MAX);
    while (!text_is_empty(rest)) {
        struct text next = text_trim(rest);
        struct word word;
        if (after_word && word_at(next, &word))
            rest = next;
        after_word = decode_run(&rest, guess, &out);
        if (!after_word)
            charset_to_utf8(TEXT(""), take_plain(&rest), guess, &out);
    }
    struct text decoded = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return decoded;
}

/* Encoding */

/* The next character as it may stand in a word, into bytes; how many of value it took. */
static size_t next_clean(struct text value, struct text *clean)
{
    unsigned character;
    size_t length = utf8_next(value, &character);
    if (length == 0) {
        *clean = TEXT("?");
        return 1;
    }
    *clean = character < 32 || character == 127 ? TEXT(" ") : text_head(value, length);
    return length;
}

/* RFC 2047 2, 5: no word is longer than 75 bytes, none ends inside a character. */
void mail_words_encode(struct text value, size_t column, struct buffer *out)
{
    enum {
        LINE_MOST = 76,
        AROUND = sizeof("=?utf-8?B?"
                        "?=") -
                 1,
        WORD_BYTES_MAX = 45
    };
    bool first = true;
    check(column <= MAIL_WORDS_COLUMN_MAX);
    while (value.length > 0) {
        char bytes[WORD_BYTES_MAX];
        size_t count = 0, room = WORD_BYTES_MAX;
        if (column + AROUND + 4 * WORD_BYTES_MAX / 3 > LINE_MOST)
            room = (LINE_MOST - AROUND - column) / 4 * 3;
        while (value.length > 0) {
            struct text clean;
            size_t taken = next_clean(value, &clean);
            if (count + clean.length > room)
                break;
            memcpy(bytes + count, clean.data, clean.length);
            count += clean.length;
            value = text_from_position(value, taken);
        }
        buffer_append(out, first ? TEXT("=?utf-8?B?") : TEXT("\r\n =?utf-8?B?"));
        base64_encode(text_of(bytes, count), out);
        buffer_append(out, TEXT("?="));
        column = 1;
        first = false;
    }
}
