/* The envelope: MAIL and RCPT with the parameters the peer understands, pipelined where it allows
 * that (RFC 2920). */
#include "base/encoding.h"
#include "proto/smtp/smtp_client_transaction.h"

enum {
    /* So many replies at most are on their way while we still write: they must fit the socket
     * buffers, or both sides wait for each other (RFC 2920 3.1). */
    RECIPIENTS_AT_ONCE = 100,
    ONE_SHOT_MOST = 24 << 10, /* a body sent behind its RCPTs without knowing their fate */
    XTEXT_MOST = 4096,
};

/* Addresses come from our own store, but a line end in one would be a command: never sent. */
static bool is_sendable(struct text address)
{
    for (size_t i = 0; i < address.length; i++)
        if ((unsigned char)address.data[i] < ' ' || address.data[i] == 0x7f)
            return false;
    return true;
}

enum status smtp_transaction_check(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    const struct queue_job *job = tx->job;
    if (client->size_limit > 0 && job->size > client->size_limit)
        return smtp_client_fail(
            client, REFUSED, "5.3.4", "message of %llu bytes is beyond the peer's limit of %llu",
            (unsigned long long)job->size, (unsigned long long)client->size_limit);
    if (job->terms.is_international && (client->extensions & SMTP_CAN_SMTPUTF8) == 0)
        return smtp_client_fail(client, REFUSED, "5.6.7",
                                "message is internationalized and the peer lacks SMTPUTF8");
    if (job->terms.body != MAIL_BODY_7BIT && (client->extensions & SMTP_CAN_8BITMIME) == 0)
        return smtp_client_fail(client, REFUSED, "5.6.3",
                                "message is 8-bit and the peer lacks 8BITMIME");
    if (!is_sendable(job->sender))
        return smtp_client_fail(client, REFUSED, "5.1.7", "sender has control characters");
    for (unsigned i = 0; i < job->recipient_count; i++)
        if (!is_sendable(job->recipients[i].address))
            return smtp_client_fail(client, REFUSED, "5.1.3", "recipient has control characters");
    return OK;
}

static void write_xtext(struct stream *stream, const char *parameter, struct text value)
{
    struct buffer encoded;
    buffer_init(&encoded, XTEXT_MOST);
    if (xtext_encode(value, &encoded))
        stream_printf(stream, " %s%.*s", parameter, TEXT_ARG(buffer_text(&encoded)));
    buffer_finish(&encoded);
}

static void write_mail(const struct smtp_transaction *tx)
{
    const struct queue_job *job = tx->job;
    struct stream *stream = tx->client->stream;
    unsigned can = tx->client->extensions;
    stream_printf(stream, "MAIL FROM:<%.*s>", TEXT_ARG(job->sender));
    if ((can & SMTP_CAN_SIZE) != 0)
        stream_printf(stream, " SIZE=%llu", (unsigned long long)job->size);
    if (job->terms.body != MAIL_BODY_7BIT)
        stream_write(stream, TEXT(" BODY=8BITMIME"));
    if (job->terms.is_international)
        stream_write(stream, TEXT(" SMTPUTF8"));
    if ((can & SMTP_CAN_DSN) != 0 && job->terms.return_headers_only)
        stream_write(stream, TEXT(" RET=HDRS"));
    if ((can & SMTP_CAN_DSN) != 0 && !text_is_empty(job->terms.envelope_id))
        write_xtext(stream, "ENVID=", job->terms.envelope_id);
    stream_write(stream, TEXT("\r\n"));
}

/* RFC 3461 4.1. NEVER stands alone. */
static void write_notify(struct stream *stream, unsigned notify)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {{NOTIFY_SUCCESS, "SUCCESS"}, {NOTIFY_FAILURE, "FAILURE"}, {NOTIFY_DELAY, "DELAY"}};
    const char *before = " NOTIFY=";
    if ((notify & NOTIFY_NEVER) != 0) {
        stream_write(stream, TEXT(" NOTIFY=NEVER"));
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((notify & words[i].flag) == 0)
            continue;
        stream_printf(stream, "%s%s", before, words[i].word);
        before = ",";
    }
}

/* RFC 3461 5.2.1: ORCPT is relayed as it came, which is "type;xtext" (the queue keeps it so). */
static void write_original_recipient(struct stream *stream, struct text value)
{
    if (text_is_empty(value) || text_find(value, ';') == value.length)
        return;
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] < '!' || value.data[i] > '~' || value.data[i] == '=')
            return;
    stream_printf(stream, " ORCPT=%.*s", TEXT_ARG(value));
}

static void write_rcpt(const struct smtp_transaction *tx, unsigned i)
{
    const struct queue_job_recipient *recipient = &tx->job->recipients[i];
    struct stream *stream = tx->client->stream;
    stream_printf(stream, "RCPT TO:<%.*s>", TEXT_ARG(recipient->address));
    if ((tx->client->extensions & SMTP_CAN_DSN) != 0) {
        write_notify(stream, recipient->notify);
        write_original_recipient(stream, recipient->original_recipient);
    }
    stream_write(stream, TEXT("\r\n"));
}

/* What follows the last RCPT without waiting, where RFC 2920 3.1 and RFC 3030 4.2 allow it. */
static void write_ahead(struct smtp_transaction *tx)
{
    const struct queue_job *job = tx->job;
    unsigned can = tx->client->extensions;
    if ((can & SMTP_CAN_PIPELINE) == 0)
        return;
    if ((can & SMTP_CAN_CHUNKING) == 0) {
        tx->data_is_sent = true;
        stream_write(tx->client->stream, TEXT("DATA\r\n"));
    } else if (job->size <= ONE_SHOT_MOST && job->body.length == job->size) {
        tx->is_one_shot = true;
        stream_printf(tx->client->stream, "BDAT %zu LAST\r\n", job->body.length);
        stream_write(tx->client->stream, job->body);
    }
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
    /* RFC 5321 4.5.3.1.10: too many recipients, from servers that say it the old way. */
    if (client->reply.code == 552) {
        client->trouble.status = TRY_LATER;
        client->trouble.enhanced[0] = '4';
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

enum status smtp_transaction_envelope(struct smtp_transaction *tx)
{
    bool pipelines = (tx->client->extensions & SMTP_CAN_PIPELINE) != 0;
    unsigned total = tx->job->recipient_count, step = pipelines ? RECIPIENTS_AT_ONCE : 1;
    bool is_lost = false, mail_is_due = true;
    write_mail(tx);
    if (!pipelines) {
        if (mail_is_refused(tx, &is_lost))
            return refuse_all(tx, 0);
        mail_is_due = false;
    }
    for (unsigned first = 0; first < total && !is_lost; first += step) {
        unsigned count = total - first < step ? total - first : step;
        for (unsigned i = first; i < first + count; i++)
            write_rcpt(tx, i);
        if (first + count == total)
            write_ahead(tx);
        if (mail_is_due && mail_is_refused(tx, &is_lost))
            return refuse_all(tx, count);
        mail_is_due = false;
        for (unsigned i = first; i < first + count && !is_lost; i++)
            is_lost = read_rcpt(tx, i) != OK;
    }
    return is_lost ? TRY_LATER : OK;
}
