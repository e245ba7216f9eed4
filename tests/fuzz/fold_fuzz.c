/* Folding. The oracle does it a word at a time; and what is folded piece by piece, cut before a
 * space, is the same. */
#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/check.h"
#include "base/encoding.h"
#include "mail/fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void fold_word(struct text word, struct buffer *out)
{
    size_t length = 0;
    uint8_t *folded = NULL;
    if (utf8_is_valid(word))
        folded =
            u8_casefold((const uint8_t *)word.data, word.length, NULL, UNINORM_NFKD, NULL, &length);
    if (folded != NULL)
        buffer_append(out, text_of(folded, length));
    for (size_t i = 0; folded == NULL && i < word.length; i++) {
        char c = word.data[i];
        buffer_append_byte(out, c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
    }
    free(folded);
}

static void fold_slowly(struct text text, struct buffer *out)
{
    for (size_t at = 0, start; at < text.length;) {
        for (start = at; at < text.length && is_space(text.data[at]); at++)
            continue;
        if (at > start && (out->length == 0 || out->data[out->length - 1] != ' '))
            buffer_append_byte(out, ' ');
        for (start = at; at < text.length && !is_space(text.data[at]); at++)
            continue;
        if (at > start)
            fold_word(text_of(text.data + start, at - start), out);
    }
}

static void fold_in_pieces(struct text text, struct buffer *out)
{
    for (size_t i = 1; i < text.length; i++) {
        if (!is_space(text.data[i]) || is_space(text.data[i - 1]))
            continue;
        mail_fold(text_head(text, i), out);
        text = text_from_position(text, i);
        i = 0;
    }
    mail_fold(text, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text text = text_of(data, size);
    struct buffer whole, slow, pieces;
    size_t most = 64 * size + 64;
    buffer_init(&whole, most);
    buffer_init(&slow, most);
    buffer_init(&pieces, most);
    mail_fold(text, &whole);
    fold_slowly(text, &slow);
    fold_in_pieces(text, &pieces);
    check(!slow.overflowed && text_equals(buffer_text(&whole), buffer_text(&slow)));
    check(text_equals(buffer_text(&whole), buffer_text(&pieces)));
    check(ascii_length(text) == size || data[ascii_length(text)] >= 0x80);
    buffer_finish(&whole);
    buffer_finish(&slow);
    buffer_finish(&pieces);
    return 0;
}
