/* PREVIEW (RFC 8970): the beginning of a message's text, made once and kept beside it. */
#include "base/encoding.h"
#include "base/wire.h"
#include "mail/charset.h"
#include "mail/html_text.h"
#include "mail/transfer_decoding.h"
#include "proto/imap/message/imap_fetch.h"
#include "proto/imap/message/imap_structure.h"
#include "store/derived.h"

enum {
    PREVIEW_CHARACTERS = 200,   /* RFC 8970 3.1 */
    PREVIEW_BYTES = 1024,       /* they take no more */
    LOOKED_AT_BYTES = 32 << 10, /* of a part, as it is encoded */
    UTF8_BYTES = 8 * LOOKED_AT_BYTES,
    PARTS_MOST = 20,
    MARK = 0xff,
    PREVIEW_VERSION = 2,
    HEAD_BYTES = 2 + sizeof(uint64_t),
};

static bool is_read(const struct mime_part *part)
{
    return text_equals(part->type.value, TEXT("text")) &&
           !text_equals_nocase(part->disposition.value, TEXT("attachment"));
}

/* What others wrote and is quoted says little of this message. */
static bool is_quote(struct text line)
{
    return text_starts_with(text_trim(line), TEXT(">"));
}

/* Its words, as many as there is room for. */
static void choose_words(struct text text, bool skips_quotes, struct buffer *out)
{
    struct text line, word;
    unsigned character, count = 0;
    while (text_split(&text, '\n', &line)) {
        struct text rest = text_trim(line);
        if (skips_quotes && is_quote(rest))
            continue;
        while (text_word(&rest, &word)) {
            if (out->length > 0 && ++count <= PREVIEW_CHARACTERS)
                buffer_append_byte(out, ' ');
            for (size_t length; (length = utf8_next(word, &character)) > 0;) {
                if (++count > PREVIEW_CHARACTERS)
                    return;
                buffer_append(out, text_head(word, length));
                word = text_from_position(word, length);
            }
        }
    }
}

static void convert(const struct mime_part *part, struct text bytes, struct charset_guess *guess,
                    struct buffer *out)
{
    const struct mime_parameter *charset = mime_parameter_find(&part->type, TEXT("charset"));
    bool is_html = text_equals(part->type.subtype, TEXT("html"));
    struct buffer utf8, plain;
    buffer_init(&utf8, UTF8_BYTES);
    buffer_init(&plain, UTF8_BYTES + 8);
    charset_to_utf8(charset == NULL ? TEXT("") : charset->value, bytes, guess, &utf8);
    if (is_html) {
        struct html_text html;
        html_text_init(&html);
        html_text_feed(&html, buffer_text(&utf8), &plain);
        html_text_end(&html, &plain);
    }
    choose_words(buffer_text(is_html ? &plain : &utf8), !is_html, out);
    buffer_finish(&utf8);
    buffer_finish(&plain);
}

/* YIELDS. */
static enum status read_part(struct imap_message *message, const struct mime_part *part,
                             struct charset_guess *guess, struct buffer *out)
{
    struct buffer encoded, decoded;
    uint32_t length = part->body_length < LOOKED_AT_BYTES ? (uint32_t)part->body_length
                                                          : (uint32_t)LOOKED_AT_BYTES;
    buffer_init(&encoded, LOOKED_AT_BYTES);
    buffer_init(&decoded, LOOKED_AT_BYTES + 8);
    enum status status = imap_message_read(message, part->body_start, length, &encoded);
    if (status == OK) {
        transfer_decode(part->encoding, buffer_text(&encoded), &decoded);
        convert(part, buffer_text(&decoded), guess, out);
    }
    buffer_finish(&encoded);
    buffer_finish(&decoded);
    return status;
}

/* MARK, which no UTF-8 has, a version and who can use it (charset_readers) stand before it: by
 * themselves earlier ones stood there. */
static void keep(struct imap_message *message, struct text preview, uint64_t readers)
{
    struct buffer out;
    buffer_init(&out, PREVIEW_BYTES + HEAD_BYTES);
    buffer_append_byte(&out, (char)MARK);
    buffer_append_byte(&out, PREVIEW_VERSION);
    wire_put_u64(&out, readers);
    buffer_append(&out, preview);
    imap_message_keep(message, DERIVED_PREVIEW, buffer_text(&out));
    buffer_finish(&out);
}

/* Into out, which is empty. */
static bool load(struct imap_message *message, struct buffer *out)
{
    struct buffer kept;
    buffer_init(&kept, PREVIEW_BYTES + HEAD_BYTES);
    bool is_there = imap_message_kept(message, DERIVED_PREVIEW, &kept);
    struct wire_reader in = wire_reader_of(buffer_text(&kept));
    is_there = is_there && wire_get_u8(&in) == MARK && wire_get_u8(&in) == PREVIEW_VERSION &&
               charset_is_for(wire_get_u64(&in), message->charset) && !in.bad;
    if (is_there)
        buffer_append(out, in.rest);
    buffer_finish(&kept);
    return is_there;
}

/* Of the first part that has words. YIELDS. */
static enum status make(struct imap_message *message, struct buffer *out)
{
    struct charset_guess guess = {.charset = message->charset};
    const struct mime_tree *tree;
    unsigned tried = 0;
    enum status status = imap_message_tree(message, &tree);
    const struct mime_part *part = status == OK ? tree->root : NULL;
    for (; part != NULL && status == OK && out->length == 0 && tried < PARTS_MOST;
         part = mime_part_next(part)) {
        if (!is_read(part))
            continue;
        status = read_part(message, part, &guess, out);
        tried++;
    }
    if (status == OK)
        keep(message, buffer_text(out), charset_readers(&guess));
    return status;
}

enum status imap_fetch_preview(struct imap_fetch_message *fetched,
                               const struct imap_fetch_item *item)
{
    struct imap_message *message = &fetched->message;
    struct buffer *out = &fetched->session->out, preview;
    enum status status = OK;
    buffer_init(&preview, PREVIEW_BYTES);
    bool is_there = load(message, &preview);
    if (!is_there && !item->is_lazy)
        status = make(message, &preview);
    if (status == OK) {
        buffer_append(out, TEXT("PREVIEW "));
        if (is_there || !item->is_lazy)
            imap_put_string(out, buffer_text(&preview));
        else
            buffer_append(out, TEXT("NIL"));
    }
    buffer_finish(&preview);
    return status;
}
