#include "queue/look/probe.h"

#include "base/clock.h"
#include "mail/address.h"
#include "queue/internal.h"
#include "queue/turn/turn.h"

enum { PROBE_MOST_MS = 4 * MINUTE };

void queue_probe_encode(const struct queue_probe *probe, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)probe->kind);
    wire_put_text(out, probe->domain);
    wire_put_u16(out, probe->port);
    wire_put_text(out, probe->connector);
    wire_put_text(out, probe->host);
    wire_put_text(out, probe->listens);
    wire_put_u8(out, probe->asks_recipient);
    wire_put_text(out, probe->from);
    wire_put_text(out, probe->recipient);
}

/* These become parts of commands and of DNS names. */
static bool is_one_word(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 127)
            return false;
    return text.length <= MAIL_ADDRESS_MAX;
}

bool queue_probe_decode(struct text bytes, struct queue_probe *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t kind = wire_get_u8(&in);
    *out = (struct queue_probe){.kind = (enum queue_probe_kind)kind};
    out->domain = wire_get_text(&in);
    out->port = wire_get_u16(&in);
    out->connector = wire_get_text(&in);
    out->host = wire_get_text(&in);
    out->listens = wire_get_text(&in);
    uint8_t asks = wire_get_u8(&in);
    out->asks_recipient = asks == 1;
    out->from = wire_get_text(&in);
    out->recipient = wire_get_text(&in);
    return wire_end(&in) && kind < QUEUE_PROBE_KINDS && asks <= 1 && is_one_word(out->domain) &&
           out->domain.length > 0 && is_one_word(out->connector) && is_one_word(out->host) &&
           is_one_word(out->listens) && is_one_word(out->from) && is_one_word(out->recipient);
}

static bool take_findings(struct text bytes, struct findings *findings)
{
    struct findings found;
    findings_init(&found, findings->arena);
    if (!findings_decode(arena_copy(findings->arena, bytes), &found))
        return false;
    findings_append(findings, &found);
    return true;
}

enum status queue_look(struct queue *queue, const struct queue_probe *probe,
                       struct findings *findings)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    if (queue->send == NULL)
        return try_later("the server is not running (mailroot serve)");
    if (!text_is_empty(probe->connector) &&
        settings_connector_find(queue->settings, probe->connector) == NULL)
        return refused("there is no connector '%.*s'", TEXT_ARG(probe->connector));
    buffer_init(&request, 4096);
    queue_probe_encode(probe, &request);
    enum status status = rpc_ask(queue->send, SEND_PROBE, buffer_text(&request), -1,
                                 clock_monotonic_ms() + PROBE_MOST_MS, &reply);
    buffer_finish(&request);
    if (status == OK && !take_findings(buffer_text(&reply.bytes), findings))
        status = try_later("what the sender found is malformed");
    rpc_reply_finish(&reply);
    return status;
}
