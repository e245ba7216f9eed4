/* What send says of block lists, as a front reads it: what decodes encodes to the same bytes, and
 * is within its bounds. */
#include "base/check.h"
#include "queue/block_lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct filter_listing *listings;
    struct text bytes = text_of(data, size);
    unsigned count;
    arena_init(&arena);
    if (block_lists_decode(bytes, &arena, &listings, &count)) {
        struct buffer again;
        buffer_init(&again, size + 16);
        block_lists_encode(listings, count, &again);
        check(text_equals(buffer_text(&again), bytes));
        buffer_finish(&again);
    }
    check(count <= UINT8_MAX);
    arena_finish(&arena);
    return 0;
}
