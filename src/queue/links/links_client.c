/* The asking side of link states, and the bytes of these calls. */
#include "base/clock.h"
#include "queue/links/links.h"
#include "queue/wire.h"

enum { CALL_MS = 20 * SECOND };

static void question_encode(const struct queue_link_question *question, struct buffer *out)
{
    wire_put_u8(out, question->is_member);
    wire_put_text(out, question->packet);
}

bool queue_link_question_decode(struct text bytes, struct queue_link_question *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t is_member = wire_get_u8(&in);
    out->is_member = is_member == 1;
    out->packet = wire_get_text(&in);
    return wire_end(&in) && is_member <= 1;
}

static enum status ask(struct rpc_channel *store, uint16_t method, struct text request,
                       struct buffer *out)
{
    struct rpc_reply reply = {0};
    enum status status =
        rpc_ask(store, method, request, -1, clock_monotonic_ms() + CALL_MS, &reply);
    if (status == OK && !buffer_append(out, buffer_text(&reply.bytes)))
        status = try_later("the store says too much");
    rpc_reply_finish(&reply);
    return status;
}

enum status queue_link_answer(struct rpc_channel *store, const struct queue_link_question *question,
                              struct buffer *out)
{
    struct buffer request;
    buffer_init(&request, RPC_FRAME_MAX);
    question_encode(question, &request);
    enum status status = ask(store, QUEUE_LINK_ANSWER, buffer_text(&request), out);
    buffer_finish(&request);
    return status;
}

enum status queue_link_say(struct rpc_channel *store, struct text connector, unsigned step,
                           struct text heard, struct buffer *out)
{
    struct buffer request;
    buffer_init(&request, RPC_FRAME_MAX);
    wire_put_text(&request, connector);
    wire_put_u8(&request, (uint8_t)step);
    wire_put_text(&request, heard);
    enum status status = ask(store, QUEUE_LINK_SAY, buffer_text(&request), out);
    buffer_finish(&request);
    return status;
}
