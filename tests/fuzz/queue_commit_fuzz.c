/* QUEUE_COMMIT as a front sends it: what decodes encodes to the same bytes. */
#include "base/check.h"
#include "queue/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct queue_commit_request request;
    struct text bytes = text_of(data, size);
    arena_init(&arena);
    if (queue_commit_decode(bytes, &arena, &request)) {
        struct buffer again;
        buffer_init(&again, RPC_FRAME_MAX);
        queue_commit_encode(&request, &again);
        check(text_equals(buffer_text(&again), bytes));
        check(request.envelope.id != 0 && request.envelope.recipient_count > 0);
        buffer_finish(&again);
    }
    check(arena.used_bytes < 64 + size * 16);
    arena_finish(&arena);
    return 0;
}
