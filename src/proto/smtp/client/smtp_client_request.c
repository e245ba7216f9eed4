/* Asking the peer for mail that it holds for us: ETRN (RFC 1985), ATRN (RFC 2645), TURN. */
#include <stdlib.h>

#include "proto/smtp/client/smtp_client_log.h"

static enum status not_offered(struct smtp_client *client, const char *verb)
{
    return smtp_client_fail(client, REFUSED, "5.5.1", "the peer does not offer %s", verb);
}

/* The reply, whatever it is, in client->trouble. YIELDS. */
static enum status hear(struct smtp_client *client)
{
    struct buffer words;
    const struct smtp_reply *reply = &client->reply;
    if (smtp_client_expect(client, SMTP_STEP_ASK) != OK)
        return client->trouble.status;
    buffer_init(&words, 2 * SMTP_REPLY_MAX_BYTES);
    smtp_reply_describe(reply, REASON_BYTES - 1, &words);
    smtp_client_fail(client, OK, *reply->enhanced != '\0' ? reply->enhanced : "2.0.0", "%.*s",
                     TEXT_ARG(buffer_text(&words)));
    buffer_finish(&words);
    return OK;
}

/* Give what was said away: none of it is said of a message that may follow. */
static void take_said(struct smtp_client *client, struct smtp_client_trouble *said)
{
    *said = client->trouble;
    client->trouble.status = TRY_LATER;
}

enum status smtp_client_etrn(struct smtp_client *client, struct text node,
                             struct smtp_client_trouble *said)
{
    enum status status;
    if (!smtp_client_offers(client, EXTENSION_ETRN)) {
        status = not_offered(client, "ETRN");
    } else {
        stream_printf(client->stream, "ETRN %.*s\r\n", TEXT_ARG(node));
        status = hear(client);
    }
    take_said(client, said);
    return status;
}

static void write_atrn(struct smtp_client *client, const struct text *domains, unsigned count)
{
    stream_write(client->stream, TEXT("ATRN"));
    for (unsigned i = 0; i < count; i++)
        stream_printf(client->stream, "%c%.*s", i == 0 ? ' ' : ',', TEXT_ARG(domains[i]));
    stream_write(client->stream, TEXT("\r\n"));
}

/* The stream is the caller's; what else the client was goes. */
static struct stream *give_stream(struct smtp_client **client)
{
    struct stream *stream = (*client)->stream;
    smtp_client_log_end(*client);
    stream_set_deadline(stream, NO_DEADLINE);
    smtp_reply_finish(&(*client)->reply);
    free(*client);
    *client = NULL;
    return stream;
}

enum status smtp_client_turn(struct smtp_client **client, const struct text *domains,
                             unsigned count, struct stream **turned,
                             struct smtp_client_trouble *said)
{
    bool knows_atrn = smtp_client_offers(*client, EXTENSION_ATRN);
    bool knows_turn = smtp_client_offers(*client, EXTENSION_TURN) && count == 0;
    enum status status;
    if (knows_atrn)
        write_atrn(*client, domains, count);
    else if (knows_turn)
        stream_write((*client)->stream, TEXT("TURN\r\n"));
    status = knows_atrn || knows_turn ? hear(*client) : not_offered(*client, "ATRN");
    take_said(*client, said);
    if (status == OK)
        *turned = give_stream(client);
    return status;
}
