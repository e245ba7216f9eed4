/* The asking side of mail that waits to be asked for, and the bytes of these calls. */
#include "base/clock.h"
#include "queue/turn/turn.h"
#include "queue/wire.h"

enum { CALL_MS = 2 * MINUTE, END_MS = 20 * SECOND, NODE_MAX = 255 };

void queue_etrn_encode(const struct queue_etrn *etrn, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)etrn->kind);
    wire_put_u8(out, etrn->is_trusted);
    wire_put_text(out, etrn->node);
    wire_put_u64(out, etrn->session);
    wire_put_text(out, etrn->peer);
}

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    return true;
}

bool queue_etrn_decode(struct text bytes, struct queue_etrn *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t kind = wire_get_u8(&in), trusted = wire_get_u8(&in);
    *out = (struct queue_etrn){.kind = (enum queue_etrn_kind)kind, .is_trusted = trusted == 1};
    out->node = wire_get_text(&in);
    out->session = wire_get_u64(&in);
    out->peer = wire_get_text(&in);
    return wire_end(&in) && kind < QUEUE_ETRN_KINDS && trusted <= 1 && out->node.length > 0 &&
           out->node.length <= NODE_MAX && is_printable(out->node) &&
           out->peer.length <= QUEUE_FACT_MAX && is_printable(out->peer);
}

static bool read_verdict(struct text bytes, enum queue_etrn_verdict *verdict, unsigned *count)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t value = wire_get_u8(&in);
    *verdict = (enum queue_etrn_verdict)value;
    *count = wire_get_u32(&in);
    return wire_end(&in) && value < QUEUE_ETRN_VERDICTS;
}

enum status queue_etrn(struct rpc_channel *store, const struct queue_etrn *etrn,
                       enum queue_etrn_verdict *verdict, unsigned *count)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 4096);
    queue_etrn_encode(etrn, &request);
    enum status status = rpc_ask(store, QUEUE_ETRN, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CALL_MS, &reply);
    buffer_finish(&request);
    if (status == OK && !read_verdict(buffer_text(&reply.bytes), verdict, count))
        status = try_later("the store's answer is malformed");
    rpc_reply_finish(&reply);
    return status;
}

void queue_turn_encode(const struct queue_turn *turn, struct buffer *out)
{
    wire_put_u64(out, turn->id);
    wire_put_u64(out, turn->session);
    wire_put_text(out, turn->account);
    wire_put_text(out, turn->peer);
}

bool queue_turn_decode(struct text bytes, struct queue_turn *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    out->id = wire_get_u64(&in);
    out->session = wire_get_u64(&in);
    out->account = wire_get_text(&in);
    out->peer = wire_get_text(&in);
    return wire_end(&in) && out->id != 0 && out->account.length <= QUEUE_FACT_MAX &&
           out->peer.length <= QUEUE_FACT_MAX;
}

enum status queue_turn_lease(struct rpc_channel *store, uint64_t turn, unsigned max,
                             struct arena *arena, struct queue_job **jobs, unsigned *count)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 64);
    wire_put_u64(&request, turn);
    wire_put_u32(&request, max);
    enum status status = rpc_ask(store, QUEUE_TURN_LEASE, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CALL_MS, &reply);
    buffer_finish(&request);
    if (status == OK)
        status = queue_jobs_decode(buffer_text(&reply.bytes), arena, jobs, count);
    rpc_reply_finish(&reply);
    return status;
}

void queue_turn_end(struct rpc_channel *store, uint64_t turn, struct text reason)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 2048);
    wire_put_u64(&request, turn);
    wire_put_text(&request, text_head(reason, QUEUE_FACT_MAX));
    /* Lost only when the store went away, and the turn with it. */
    (void)rpc_ask(store, QUEUE_TURN_END, buffer_text(&request), -1, clock_monotonic_ms() + END_MS,
                  &reply);
    buffer_finish(&request);
    rpc_reply_finish(&reply);
}

enum status queue_receive(struct rpc_channel *store, struct text peer, int fd)
{
    struct rpc_reply reply = {0};
    enum status status =
        rpc_ask(store, QUEUE_RECEIVE, peer, fd, clock_monotonic_ms() + END_MS, &reply);
    rpc_reply_finish(&reply);
    return status;
}
