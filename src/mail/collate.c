#include "mail/collate.h"

#include <unicase.h>
#include <uninorm.h>

#include "base/encoding.h"

enum { HANGUL_FIRST = 0xAC00, HANGUL_LAST = 0xD7A3 };

/* RFC 5051 2, 2b: with or without a tag, and of what comes out again. Hangul syllables have no
 * decomposition in the data file that the RFC means; the library computes theirs. */
static void put_decomposed(ucs4_t character, struct buffer *out)
{
    ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
    int tag, count = -1;
    if (character < HANGUL_FIRST || character > HANGUL_LAST)
        count = uc_decomposition(character, &tag, parts);
    if (count < 0)
        utf8_append(out, character);
    for (int i = 0; i < count; i++)
        put_decomposed(parts[i], out);
}

void mail_collate(struct text text, struct buffer *out)
{
    while (text.length > 0) {
        unsigned char byte = (unsigned char)text.data[0];
        unsigned character;
        size_t length = 1;
        if (byte < 0x80)
            buffer_append_byte(out, (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte));
        else if ((length = utf8_next(text, &character)) > 0)
            put_decomposed(uc_totitle(character), out);
        else
            buffer_append(out, text_head(text, length = 1));
        text = text_from_position(text, length);
    }
}
