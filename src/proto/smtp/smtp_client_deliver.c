/* One message over an open connection, from check to outcome. */
#include "proto/smtp/smtp_client_transaction.h"

void smtp_transaction_settle(struct smtp_transaction *tx, unsigned i)
{
    const struct smtp_client_trouble *trouble = &tx->client->trouble;
    struct queue_outcome *outcome = &tx->outcomes[i];
    tx->fates[i] = SMTP_SETTLED;
    outcome->status = trouble->status;
    outcome->enhanced = arena_copy(tx->arena, text_from(trouble->enhanced));
    outcome->reply = arena_copy(tx->arena, text_from(trouble->words));
}

void smtp_transaction_settle_rest(struct smtp_transaction *tx)
{
    const struct smtp_client_trouble *trouble = &tx->client->trouble;
    struct text enhanced = arena_copy(tx->arena, text_from(trouble->enhanced));
    struct text words = arena_copy(tx->arena, text_from(trouble->words));
    for (unsigned i = 0; i < tx->job->recipient_count; i++) {
        if (tx->fates[i] == SMTP_SETTLED)
            continue;
        tx->fates[i] = SMTP_SETTLED;
        tx->outcomes[i].status = trouble->status;
        tx->outcomes[i].enhanced = enhanced;
        tx->outcomes[i].reply = words; /* shared by all */
    }
}

/* The peer took the message: its words are the outcome of everyone accepted. */
static void settle_delivered(struct smtp_transaction *tx)
{
    const struct smtp_reply *reply = &tx->client->reply;
    struct buffer words;
    buffer_init(&words, 2 * SMTP_REPLY_MAX_BYTES);
    smtp_reply_describe(reply, REASON_BYTES - 1, &words);
    smtp_client_fail(tx->client, OK, *reply->enhanced != '\0' ? reply->enhanced : "2.0.0", "%.*s",
                     TEXT_ARG(buffer_text(&words)));
    buffer_finish(&words);
    smtp_transaction_settle_rest(tx);
    tx->client->needs_reset = false;
}

static void transact(struct smtp_transaction *tx)
{
    enum status status = smtp_transaction_envelope(tx);
    if (status == OK && tx->accepted == 0)
        smtp_transaction_forgo_body(tx);
    else if (status == OK && smtp_transaction_body(tx) == OK)
        settle_delivered(tx);
    smtp_transaction_settle_rest(tx);
}

enum status smtp_client_deliver(struct smtp_client *client, const struct queue_job *job,
                                const struct smtp_client_body *body, struct arena *arena,
                                struct queue_outcome *outcomes)
{
    struct smtp_transaction tx = {.client = client, .job = job, .body = body, .arena = arena};
    tx.outcomes = outcomes;
    tx.fates = arena_alloc(arena, job->recipient_count);
    for (unsigned i = 0; i < job->recipient_count; i++)
        outcomes[i] = (struct queue_outcome){.number = job->recipients[i].number};
    if (smtp_transaction_check(&tx) != OK) {
        smtp_transaction_settle_rest(&tx);
        return OK;
    }
    bool is_reused = client->attempts++ > 0;
    if (client->needs_reset) {
        stream_write(client->stream, TEXT("RSET\r\n"));
        if (smtp_client_expect(client, SMTP_STEP_RSET) != OK) {
            client->is_broken = true;
            return TRY_LATER;
        }
    }
    client->needs_reset = true;
    transact(&tx);
    /* Servers end idle connections; that says nothing about this message. */
    return is_reused && client->is_broken && !tx.mail_accepted ? TRY_LATER : OK;
}
