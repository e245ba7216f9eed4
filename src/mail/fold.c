#include "mail/fold.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/encoding.h"

static bool is_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One word without white space. */
static void fold_word(struct text word, struct buffer *out)
{
    if (is_ascii(word) || !utf8_is_valid(word)) {
        for (size_t i = 0; i < word.length; i++) {
            char c = word.data[i];
            buffer_append_byte(out, c >= 'A' && c <= 'Z' ? (char)(c | 32) : c);
        }
        return;
    }
    size_t length = 0;
    uint8_t *folded =
        u8_casefold((const uint8_t *)word.data, word.length, NULL, UNINORM_NFKD, NULL, &length);
    buffer_append(out, folded == NULL ? word : text_of(folded, length));
    free(folded);
}

void mail_fold(struct text text, struct buffer *out)
{
    size_t at = 0;
    while (at < text.length) {
        size_t start = at;
        while (at < text.length && is_space(text.data[at]))
            at++;
        bool after_space = out->length > 0 && out->data[out->length - 1] == ' ';
        if (at > start && !after_space)
            buffer_append_byte(out, ' ');
        for (start = at; at < text.length && !is_space(text.data[at]);)
            at++;
        fold_word(text_of(text.data + start, at - start), out);
    }
}
