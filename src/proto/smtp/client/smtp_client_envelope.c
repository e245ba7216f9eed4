/* The envelope: MAIL and RCPTs, pipelined where the peer allows that (RFC 2920). */
#include "proto/smtp/client/smtp_client_log.h"
#include "proto/smtp/client/smtp_client_transaction.h"

/* What follows the last RCPT without waiting, where RFC 2920 3.1 and RFC 3030 4.2 allow it. */
static void write_ahead(struct smtp_transaction *tx)
{
    const struct queue_job *job = tx->job;
    struct smtp_client *client = tx->client;
    bool is_inline = tx->convert == NULL && job->body.length == job->size;
    if (!smtp_client_offers(client, EXTENSION_PIPELINING) || smtp_transaction_has_properties(tx))
        return;
    if (!smtp_client_offers(client, EXTENSION_CHUNKING)) {
        tx->data_is_sent = true;
        stream_write(client->stream, TEXT("DATA\r\n"));
    } else if (job->size <= SMTP_ONE_SHOT_MOST && is_inline) {
        tx->is_one_shot = true;
        stream_printf(client->stream, "BDAT %zu LAST\r\n", job->body.length);
        smtp_client_write_octets(client, job->body);
    }
}

/* RFC 5321 4.5.3.1.10: too many recipients, not this one; 552 from servers that say it the old way.
 * An enhanced code tells what it is else (4.2.2: its mailbox is full). */
static bool says_too_many(const struct smtp_reply *reply)
{
    return (reply->code == 452 || reply->code == 552) &&
           (*reply->enhanced == '\0' || text_equals(text_from(reply->enhanced + 1), TEXT(".5.3")));
}

static enum status read_rcpt(struct smtp_transaction *tx, unsigned i)
{
    struct smtp_client *client = tx->client;
    if (smtp_client_read(client, SMTP_STEP_RCPT) != OK)
        return TRY_LATER;
    if (smtp_reply_status(&client->reply) == OK) {
        tx->fates[i] = SMTP_ACCEPTED;
        tx->accepted++;
        return OK;
    }
    smtp_client_fail_reply(client, SMTP_STEP_RCPT);
    if (says_too_many(&client->reply)) {
        client->trouble.status = TRY_LATER;
        client->trouble.enhanced[0] = '4';
        if (tx->accepted > 0) { /* one of the next transaction */
            tx->fates[i] = SMTP_UNSETTLED;
            return OK;
        }
    }
    smtp_transaction_settle(tx, i);
    return client->is_broken ? TRY_LATER : OK;
}

/* MAIL was refused: so is everybody. The replies to what was sent behind it are read, so that the
 * connection stays of use. */
static enum status refuse_all(struct smtp_transaction *tx, unsigned sent)
{
    smtp_client_fail_reply(tx->client, SMTP_STEP_MAIL);
    smtp_transaction_settle_rest(tx);
    while (sent-- > 0)
        if (smtp_client_read(tx->client, SMTP_STEP_RCPT) != OK)
            return TRY_LATER;
    smtp_transaction_forgo_body(tx);
    return TRY_LATER;
}

/* The reply to MAIL. */
static bool mail_is_refused(struct smtp_transaction *tx, bool *is_lost)
{
    *is_lost = smtp_client_read(tx->client, SMTP_STEP_MAIL) != OK;
    tx->mail_accepted = !*is_lost && smtp_reply_status(&tx->client->reply) == OK;
    return !*is_lost && !tx->mail_accepted;
}

/* MAIL was refused that went out with a message which failed: perhaps that was still in its way. It
 * goes again, and alone. */
static enum status take_back(struct smtp_transaction *tx, unsigned sent)
{
    while (sent-- > 0)
        if (smtp_client_read(tx->client, SMTP_STEP_RCPT) != OK)
            return TRY_LATER;
    for (unsigned i = 0; i < tx->named_count; i++)
        tx->fates[tx->named[i]] = SMTP_UNSETTLED;
    tx->client->mails--;
    return OK;
}

static void write_recipients(struct smtp_transaction *tx, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        smtp_transaction_write_rcpt(tx, tx->named[i]);
    if (first + count == tx->named_count)
        write_ahead(tx);
}

void smtp_transaction_write_envelope(struct smtp_transaction *tx)
{
    smtp_transaction_write_mail(tx);
    write_recipients(tx, 0, tx->named_count);
}

enum status smtp_transaction_envelope(struct smtp_transaction *tx)
{
    bool pipelines = smtp_client_offers(tx->client, EXTENSION_PIPELINING);
    unsigned total = tx->named_count, step = pipelines ? SMTP_RECIPIENTS_AT_ONCE : 1;
    bool is_lost = false, mail_is_due = true;
    if (!tx->is_ahead)
        smtp_transaction_write_mail(tx);
    if (!pipelines) {
        if (mail_is_refused(tx, &is_lost))
            return refuse_all(tx, 0);
        mail_is_due = false;
    }
    for (unsigned first = 0; first < total && !is_lost; first += step) {
        unsigned count = total - first < step ? total - first : step;
        if (!tx->is_ahead)
            write_recipients(tx, first, count);
        if (mail_is_due && mail_is_refused(tx, &is_lost))
            return tx->is_ahead && tx->client->ahead.is_doubtful ? take_back(tx, count)
                                                                 : refuse_all(tx, count);
        mail_is_due = false;
        for (unsigned i = first; i < first + count && !is_lost; i++)
            is_lost = read_rcpt(tx, tx->named[i]) != OK;
    }
    return is_lost ? TRY_LATER : OK;
}
