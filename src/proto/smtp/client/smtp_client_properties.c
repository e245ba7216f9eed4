/* XEXCH50 towards a server of our own organisation: what a message brought with it by that verb
 * goes on by it, between the last RCPT and the message. The mail never depends on it. */
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/client/smtp_client_log.h"
#include "proto/smtp/client/smtp_client_transaction.h"
#include "proto/smtp/smtp_properties.h"

bool smtp_transaction_has_properties(const struct smtp_transaction *tx)
{
    return !text_is_empty(tx->job->terms.properties) && tx->client->is_exps &&
           smtp_client_offers(tx->client, EXTENSION_XEXCH50);
}

/* What Exchange tells as events 7004 and 7010. */
static void log_refusal(const struct smtp_transaction *tx, struct text reason)
{
    char id[ID_TEXT_BYTES], peer[NET_ADDRESS_TEXT_BYTES];
    log_warning("smtp.properties-refused", "id=%s peer=%s reason=%s", id_format(tx->job->id, id),
                net_address_text(stream_peer(tx->client->stream), peer), log_text(reason));
}

/* The rows of recipients are in the order of their RCPTs, so they go with all of them or not at
 * all. False: the octets are not such as we take ourselves. */
static bool fit_properties(const struct smtp_transaction *tx, struct text *octets, unsigned *rows)
{
    struct smtp_properties seen;
    *octets = tx->job->terms.properties;
    if (smtp_properties_check(*octets, UINT32_MAX, &seen) != OK || seen.rows == 0)
        return false;
    bool is_whole = seen.rows == tx->named_count + 1 && tx->accepted == tx->named_count;
    *rows = is_whole ? seen.rows : 1;
    *octets = text_head(*octets, is_whole ? octets->length : seen.message_bytes);
    return true;
}

/* A firewall that eats the octets leaves the peer waiting for them, and us for it (KB 818222): then
 * the message is tried again without them. */
static enum status give_up(struct smtp_transaction *tx)
{
    if (stream_end(tx->client->stream) == STREAM_TIMED_OUT)
        tx->client->unfit |= EXTENSION_BIT(EXTENSION_XEXCH50);
    log_refusal(tx, text_from(tx->client->trouble.words));
    return TRY_LATER;
}

enum status smtp_transaction_properties(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    struct text octets;
    unsigned rows;
    if (!fit_properties(tx, &octets, &rows))
        return OK;
    stream_printf(client->stream, "XEXCH50 %zu %u\r\n", octets.length, rows);
    if (smtp_client_read(client, SMTP_STEP_XEXCH50) != OK)
        return give_up(tx);
    if (client->reply.code == 354) {
        smtp_client_write_octets(client, octets);
        if (smtp_client_read(client, SMTP_STEP_XEXCH50) != OK)
            return give_up(tx);
    } else if (client->reply.code < 400) {
        return smtp_client_fail_reply(client, SMTP_STEP_XEXCH50);
    }
    if (smtp_reply_status(&client->reply) == OK)
        return OK;
    smtp_client_fail_reply(client, SMTP_STEP_XEXCH50);
    log_refusal(tx, text_from(client->trouble.words));
    return client->is_broken ? TRY_LATER : OK;
}
