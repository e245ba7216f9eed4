/* QUEUE_REPORT and QUEUE_CLAIM as send sends them, and the queue items that come of it; QUEUE_URL
 * as front does, and its answer. What decodes says the same when it is encoded and decoded again.
 */
#include "base/check.h"
#include "queue/schedule/item.h"
#include "queue/wire.h"

static void check_report(struct text bytes, struct arena *arena)
{
    struct queue_report_request first, second;
    struct buffer once, twice;
    if (!queue_report_decode(bytes, arena, &first))
        return;
    buffer_init(&once, RPC_FRAME_MAX);
    buffer_init(&twice, RPC_FRAME_MAX);
    queue_report_encode(first.lease, first.outcomes, first.count, &once);
    check(queue_report_decode(buffer_text(&once), arena, &second));
    queue_report_encode(second.lease, second.outcomes, second.count, &twice);
    check(text_equals(buffer_text(&once), buffer_text(&twice)));
    check(once.length <= bytes.length && first.count == second.count);
    for (unsigned i = 0; i < first.count; i++)
        check(first.outcomes[i].enhanced.length <= 9);
    buffer_finish(&once);
    buffer_finish(&twice);
}

static void check_claims(struct text bytes, struct arena *arena)
{
    struct queue_claim *claims;
    struct buffer again;
    unsigned count;
    if (!queue_claims_decode(bytes, arena, &claims, &count))
        return;
    buffer_init(&again, RPC_FRAME_MAX);
    queue_claims_encode(claims, count, &again);
    check(text_equals(buffer_text(&again), bytes));
    buffer_finish(&again);
}

static void check_url(struct text bytes)
{
    struct queue_url_question question;
    struct queue_url_answer answer = {0};
    struct buffer again;
    buffer_init(&again, RPC_FRAME_MAX);
    buffer_init(&answer.bytes, QUEUE_BODY_CHUNK);
    if (queue_url_decode(bytes, &question)) {
        queue_url_encode(&question, &again);
        check(text_equals(buffer_text(&again), bytes));
    }
    buffer_reset(&again, RPC_FRAME_MAX);
    if (queue_url_answer_decode(bytes, &answer)) {
        check(answer.way < QUEUE_URL_WAYS && !answer.bytes.overflowed);
        queue_url_answer_encode(&answer, &again);
        check(again.length <= bytes.length);
    }
    buffer_finish(&answer.bytes);
    buffer_finish(&again);
}

static void check_item(struct text bytes, struct arena *arena)
{
    struct item item;
    struct buffer again;
    if (!item_decode(bytes, arena, &item))
        return;
    buffer_init(&again, ITEM_BYTES_MAX);
    item_encode(&item, &again);
    struct item second;
    check(again.overflowed || item_decode(buffer_text(&again), arena, &second));
    check(again.overflowed || again.length == bytes.length);
    item_hop_name(&item, arena);
    buffer_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size == 0)
        return 0;
    arena_init(&arena);
    struct text bytes = text_of(data + 1, size - 1);
    if (data[0] & 1)
        check_report(bytes, &arena);
    else if (data[0] & 2)
        check_claims(bytes, &arena);
    else if (data[0] & 4)
        check_url(bytes);
    else
        check_item(bytes, &arena);
    arena_finish(&arena);
    return 0;
}
