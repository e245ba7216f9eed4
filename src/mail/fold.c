#include "mail/fold.h"

#include <stdlib.h>
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

/* Each byte by itself. Two spaces in a row are written over each other, without a branch: this is
 * most of what looking through a mailbox costs. */
static void fold_bytes(struct text text, struct buffer *out)
{
    char *room = text.length > 0 ? buffer_reserve(out, text.length) : NULL;
    char last = out->length > 0 ? out->data[out->length - 1] : '\0';
    size_t length = 0;
    if (room == NULL)
        return;
    for (size_t i = 0; i < text.length; i++) {
        char c = folded_byte(text.data[i]);
        room[length] = c;
        length += c != ' ' || last != ' ';
        last = c;
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
