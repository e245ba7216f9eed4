#include "mail/fold.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/encoding.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What an ASCII byte is folded to; others stay. */
static char folded_byte(char c)
{
    return is_space(c) ? ' ' : c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

/* Two spaces in a row are written over each other, without a branch. Returns how many bytes were
 * written. */
static size_t fold_each(struct text text, char last, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = folded_byte(text.data[i]);
        out[length] = c;
        length += c != ' ' || last != ' ';
        last = c;
    }
    return length;
}

/* Eight bytes as one number: what is found of each is told by its highest bit. */
#define IN_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Of bytes without their highest bits. */
static uint64_t at_least(uint64_t bytes, unsigned char least)
{
    return (bytes + IN_EACH(0x80u - least)) & IN_EACH(0x80u);
}

/* False: there is more to do than to change case. */
static bool fold_eight(const char *from, char last, char *out)
{
    uint64_t bytes;
    memcpy(&bytes, from, sizeof(bytes));
    bytes = le64toh(bytes);
    uint64_t low = bytes & IN_EACH(0x7fu), ascii = ~bytes & IN_EACH(0x80u);
    uint64_t controls = ascii & ~at_least(low, ' ');
    uint64_t spaces = ascii & at_least(low, ' ') & ~at_least(low, ' ' + 1);
    uint64_t behind_spaces = spaces << 8 | (last == ' ' ? 0x80u : 0);
    if (controls != 0 || (spaces & behind_spaces) != 0)
        return false;
    uint64_t capitals = ascii & at_least(low, 'A') & ~at_least(low, 'Z' + 1);
    bytes = htole64(bytes | capitals >> 2); /* 0x80 becomes 0x20 */
    memcpy(out, &bytes, sizeof(bytes));
    return true;
}

/* Each byte by itself. This is most of what looking through a mailbox costs. */
static void fold_bytes(struct text text, struct buffer *out)
{
    enum { EIGHT = 8 };
    char *room = text.length > 0 ? buffer_reserve(out, text.length) : NULL;
    char last = out->length > 0 ? out->data[out->length - 1] : '\0';
    size_t length = 0;
    if (room == NULL)
        return;
    while (text.length > 0) {
        struct text piece = text_head(text, EIGHT);
        bool is_done = piece.length == EIGHT && fold_eight(piece.data, last, room + length);
        length += is_done ? EIGHT : fold_each(piece, last, room + length);
        last = length > 0 ? room[length - 1] : last;
        text = text_from_position(text, piece.length);
    }
    buffer_grew(out, length);
}

/* One word without white space. */
static void fold_word(struct text word, struct buffer *out)
{
    size_t length = 0;
    if (!utf8_is_valid(word)) {
        fold_bytes(word, out);
        return;
    }
    uint8_t *folded =
        u8_casefold((const uint8_t *)word.data, word.length, NULL, UNINORM_NFKD, NULL, &length);
    buffer_append(out, folded == NULL ? word : text_of(folded, length));
    free(folded);
}

/* How much at the start is nothing but ASCII, up to where a word begins that is not, or the end. */
static size_t plain_length(struct text text)
{
    size_t length = ascii_length(text);
    while (length > 0 && length < text.length && !is_space(text.data[length - 1]))
        length--;
    return length;
}

static size_t word_length(struct text text)
{
    size_t length = 0;
    while (length < text.length && !is_space(text.data[length]))
        length++;
    return length;
}

void mail_fold(struct text text, struct buffer *out)
{
    while (text.length > 0) {
        size_t plain = plain_length(text);
        fold_bytes(text_head(text, plain), out);
        text = text_from_position(text, plain);
        size_t word = word_length(text);
        if (word > 0)
            fold_word(text_head(text, word), out);
        text = text_from_position(text, word);
    }
}
