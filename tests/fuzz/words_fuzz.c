/* Encoded words: any bytes become UTF-8, bounded by what came in. */
#include "base/check.h"
#include "base/encoding.h"
#include "mail/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    struct text decoded = mail_words_decode(text_of(data, size), NULL, &arena);
    check(utf8_is_valid(decoded));
    check(decoded.length <= 4 * size + 4);
    arena_finish(&arena);
    return 0;
}
