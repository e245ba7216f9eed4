#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"

#define STANDARD "WINDOWS-1252"

/* The names of IANA's registry that mail carries, and the name iconv knows. A name from the network
 * goes to iconv through this table alone: it takes suffixes that change what it does. New ones at
 * the end: what is kept knows a charset by the first place it has here. */
static const struct charset {
    const char *name, *iconv;
} charsets[] = {
    {"windows-1252", STANDARD},
    {"utf-8", "UTF-8"},
    {"utf8", "UTF-8"},
    {"iso-8859-1", STANDARD}, /* as WHATWG's: what bytes 0x80 to 0x9f are meant as */
    {"latin1", STANDARD},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-3", "ISO-8859-3"},
    {"iso-8859-4", "ISO-8859-4"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-6", "ISO-8859-6"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-8", "ISO-8859-8"},
    {"iso-8859-8-i", "ISO-8859-8"},
    {"iso-8859-9", "ISO-8859-9"},
    {"iso-8859-10", "ISO-8859-10"},
    {"iso-8859-11", "ISO-8859-11"},
    {"iso-8859-13", "ISO-8859-13"},
    {"iso-8859-14", "ISO-8859-14"},
    {"iso-8859-15", "ISO-8859-15"},
    {"iso-8859-16", "ISO-8859-16"},
    {"windows-1250", "CP1250"},
    {"windows-1251", "CP1251"},
    {"windows-1253", "CP1253"},
    {"windows-1254", "CP1254"},
    {"windows-1255", "CP1255"},
    {"windows-1256", "CP1256"},
    {"windows-1257", "CP1257"},
    {"windows-1258", "CP1258"},
    {"windows-874", "CP874"},
    {"tis-620", "TIS-620"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
    {"ibm437", "CP437"},
    {"ibm850", "CP850"},
    {"ibm852", "CP852"},
    {"ibm866", "CP866"},
    {"macintosh", "MACINTOSH"},
    {"gb2312", "GBK"},
    {"gbk", "GBK"},
    {"gb18030", "GB18030"},
    {"big5", "BIG5"},
    {"big5-hkscs", "BIG5-HKSCS"},
    {"euc-jp", "EUC-JP"},
    {"shift_jis", "CP932"},
    {"iso-2022-jp", "ISO-2022-JP"},
    {"euc-kr", "CP949"},
    {"ks_c_5601-1987", "CP949"},
    {"iso-2022-kr", "ISO-2022-KR"},
    {"utf-7", "UTF-7"},
    {"utf-16", "UTF-16"},
    {"utf-16le", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
};
enum { CHARSET_COUNT = sizeof(charsets) / sizeof(charsets[0]) };

#define REPLACEMENT TEXT("\xef\xbf\xbd")
_Static_assert((int)CHARSET_COUNT <= (int)CHARSETS_MAX, "a set of charsets has no room for all");

struct charsets {
    iconv_t open[CHARSET_COUNT];
};

static bool is_open(iconv_t converter)
{
    return converter != (iconv_t)-1;
}

static const struct charset *find(struct text name)
{
    for (unsigned i = 0; i < CHARSET_COUNT && name.length > 0; i++)
        if (text_equals_nocase(name, text_from(charsets[i].name)))
            return &charsets[i];
    return NULL;
}

uint8_t charset_number(struct text name)
{
    const struct charset *charset = find(name);
    uint8_t number = 0;
    while (charset != NULL && strcmp(charsets[number].iconv, charset->iconv) != 0)
        number++;
    return number;
}

struct charsets *charsets_hold(void)
{
    struct charsets *held = calloc(1, sizeof(*held));
    check(held != NULL);
    for (unsigned i = 0; i < CHARSET_COUNT; i++)
        held->open[i] = iconv_open("UTF-8", charsets[i].iconv);
    return held;
}

void charsets_release(struct charsets **held)
{
    if (*held == NULL)
        return;
    for (unsigned i = 0; i < CHARSET_COUNT; i++)
        if (is_open((*held)->open[i]))
            iconv_close((*held)->open[i]);
    free(*held);
    *held = NULL;
}

uint64_t charset_readers(const struct charset_guess *guess)
{
    check(guess->charset < CHARSETS_MAX);
    return guess->was_used ? UINT64_C(1) << guess->charset : 0;
}

bool charset_is_for(uint64_t readers, uint8_t charset)
{
    check(charset < CHARSETS_MAX);
    return readers == 0 || (readers >> charset & 1) != 0;
}

bool charset_is_known(struct text name)
{
    return find(name) != NULL || text_equals_nocase(name, TEXT("us-ascii"));
}

/* Of the sequence at the start, which is no character. */
static size_t odd_length(struct text piece)
{
    size_t length = 1;
    while (length < piece.length && (piece.data[length] & 0xc0) == 0x80)
        length++;
    return length;
}

/* Whole characters as iconv wrote them. It takes and writes numbers beyond Unicode's last, as UTF-8
 * was before RFC 3629: each is one U+FFFD. */
static bool append_characters(struct text piece, struct buffer *out)
{
    unsigned character;
    if (utf8_is_valid(piece))
        return buffer_append(out, piece);
    while (piece.length > 0) {
        size_t length = utf8_next(piece, &character);
        if (!buffer_append(out, length == 0 ? REPLACEMENT : text_head(piece, length)))
            return false;
        piece = text_from_position(piece, length == 0 ? odd_length(piece) : length);
    }
    return true;
}

/* What iconv stopped at is passed over, a byte at a time, each run of it one U+FFFD. */
static bool convert(iconv_t converter, struct text bytes, struct buffer *out)
{
    char *in = (char *)bytes.data, room[1024];
    size_t left = bytes.length;
    bool in_bad_run = false;
    while (left > 0) {
        char *to = room;
        size_t space = sizeof(room), before = left;
        size_t result = iconv(converter, &in, &left, &to, &space);
        if (left < before)
            in_bad_run = false;
        if (!append_characters(text_of(room, (size_t)(to - room)), out))
            return false;
        if (result != (size_t)-1 || errno == E2BIG)
            continue;
        if (!in_bad_run && !buffer_append(out, REPLACEMENT))
            return false;
        in_bad_run = true;
        in++;
        left--;
    }
    /* What may combine with a next character was held back: some charsets of Vietnam and Israel. */
    char *to = room;
    size_t space = sizeof(room);
    iconv(converter, NULL, NULL, &to, &space);
    return append_characters(text_of(room, (size_t)(to - room)), out);
}

static bool convert_from(const char *name, struct text bytes, struct buffer *out)
{
    iconv_t converter = iconv_open("UTF-8", name);
    if (!is_open(converter))
        return buffer_append(out, REPLACEMENT);
    bool fits = convert(converter, bytes, out);
    iconv_close(converter);
    return fits;
}

static bool convert_guessed(struct text bytes, struct charset_guess *guess, struct buffer *out)
{
    uint8_t number = guess == NULL ? 0 : guess->charset;
    check(number < CHARSET_COUNT);
    if (guess != NULL)
        guess->was_used = true;
    return convert_from(charsets[number].iconv, bytes, out);
}

bool charset_to_utf8(struct text name, struct text bytes, struct charset_guess *guess,
                     struct buffer *out)
{
    const struct charset *charset = find(name);
    bool is_utf8 = charset == NULL || text_equals(text_from(charset->iconv), TEXT("UTF-8"));
    if (is_utf8 && utf8_is_valid(bytes))
        return buffer_append(out, bytes);
    return charset == NULL ? convert_guessed(bytes, guess, out)
                           : convert_from(charset->iconv, bytes, out);
}
