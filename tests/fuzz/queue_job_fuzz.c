/* The answer to a lease, as the store sends it: what decodes encodes to the same bytes, job by job.
 */
#include "base/check.h"
#include "queue/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct queue_job *jobs;
    unsigned count;
    struct text bytes = text_of(data, size);
    arena_init(&arena);
    if (queue_jobs_decode(bytes, &arena, &jobs, &count) == OK) {
        struct buffer again;
        buffer_init(&again, RPC_FRAME_MAX);
        wire_put_u32(&again, count);
        for (unsigned i = 0; i < count; i++)
            queue_job_encode(&jobs[i], &again);
        check(count <= QUEUE_JOBS_MAX && text_equals(buffer_text(&again), bytes));
        buffer_finish(&again);
    }
    check(arena.used_bytes < 1024 + QUEUE_JOBS_MAX * sizeof(struct queue_job) + size * 64);
    arena_finish(&arena);
    return 0;
}
