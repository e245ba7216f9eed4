/* Messages that come from anywhere, with one kind of each alternative. Oracle: the pieces are bytes
 * of the message, never more than it, and there is nothing left to leave out of a whole part. */
#include "base/check.h"
#include "mail/alternative.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    for (unsigned kind = ALTERNATIVE_PLAIN; kind <= ALTERNATIVE_HTML; kind++) {
        struct alternative_pieces pieces;
        uint64_t sum = 0;
        bool reduced = alternative_reduce(text_of(data, size), kind, &arena, &pieces);
        for (unsigned i = 0; i < pieces.count; i++) {
            check(pieces.at[i].length > 0 && pieces.at[i].offset <= size);
            check(pieces.at[i].length <= size - pieces.at[i].offset);
            sum += pieces.at[i].length;
        }
        check(sum == pieces.size && sum <= size);
        check(reduced || pieces.count == 0);
    }
    arena_finish(&arena);
    return 0;
}
