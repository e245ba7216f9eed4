/* One message over an open connection, from what fits to what came of it. */
#include "proto/smtp/client/smtp_client_transaction.h"

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
    /* Whoever is left was not reached, whatever became of others. */
    enum status status = trouble->status == OK ? TRY_LATER : trouble->status;
    struct text enhanced = arena_copy(tx->arena, text_from(trouble->enhanced));
    struct text words = arena_copy(tx->arena, text_from(trouble->words));
    for (unsigned i = 0; i < tx->job->recipient_count; i++) {
        if (tx->fates[i] == SMTP_SETTLED)
            continue;
        tx->fates[i] = SMTP_SETTLED;
        tx->outcomes[i].status = status;
        tx->outcomes[i].enhanced = enhanced;
        tx->outcomes[i].reply = words; /* shared by all */
    }
}

/* The peer took the message: its words are the outcome of everyone accepted. */
static void settle_delivered(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    const struct smtp_reply *reply = &client->reply;
    struct buffer words;
    buffer_init(&words, 2 * SMTP_REPLY_MAX_BYTES);
    smtp_reply_describe(reply, REASON_BYTES - 1, &words);
    smtp_client_fail(client, OK, *reply->enhanced != '\0' ? reply->enhanced : "2.0.0", "%.*s",
                     TEXT_ARG(buffer_text(&words)));
    buffer_finish(&words);
    for (unsigned i = 0; i < tx->named_count; i++) {
        unsigned number = tx->named[i];
        if (tx->fates[number] != SMTP_ACCEPTED)
            continue;
        smtp_transaction_settle(tx, number);
        tx->outcomes[number].peer_reports_success = smtp_client_offers(client, EXTENSION_DSN);
        tx->outcomes[number].peer_keeps_time =
            tx->job->terms.by != MAIL_BY_NONE && smtp_client_offers(client, EXTENSION_DELIVERBY);
    }
    client->needs_reset = false;
}

static unsigned smaller_limit(unsigned a, unsigned b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* RFC 9422 6.3: whether recipient i may join those named, whose domains are counted. */
static bool joins_domains(const struct smtp_transaction *tx, unsigned i, unsigned *domains)
{
    struct text domain = text_after(tx->addresses[i], '@');
    for (unsigned at = 0; at < tx->named_count; at++)
        if (text_equals_nocase(text_after(tx->addresses[tx->named[at]], '@'), domain))
            return true;
    return tx->client->most_domains == 0 || (*domains)++ < tx->client->most_domains;
}

bool smtp_transaction_name_recipients(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    unsigned most = smaller_limit(client->max_recipients, client->most_recipients), domains = 0;
    tx->named_count = tx->accepted = 0;
    tx->mail_accepted = tx->data_is_sent = tx->is_one_shot = tx->is_ahead = false;
    for (unsigned i = 0; i < tx->job->recipient_count; i++) {
        if (tx->fates[i] != SMTP_UNSETTLED || (most > 0 && tx->named_count == most))
            continue;
        if (client->most_domains > 0 && !joins_domains(tx, i, &domains))
            continue;
        tx->fates[i] = SMTP_NAMED;
        tx->named[tx->named_count++] = i;
    }
    return tx->named_count > 0;
}

/* RFC 5321 4.1.1.5, when something is left of the last transaction. A peer that spoke or left
 * meanwhile is noticed. */
static enum status start_clean(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    if (smtp_client_expect_silence(client, SMTP_STEP_RSET) != OK)
        return TRY_LATER;
    if (!client->needs_reset)
        return OK;
    stream_write(client->stream, TEXT("RSET\r\n"));
    if (smtp_client_expect(client, SMTP_STEP_RSET) == OK)
        return OK;
    client->is_broken = true;
    return TRY_LATER;
}

/* OK: everyone named is settled, by the message or before it. YIELDS. */
static enum status transact(struct smtp_transaction *tx)
{
    tx->client->needs_reset = true;
    tx->client->mails++;
    if (smtp_transaction_envelope(tx) != OK)
        return TRY_LATER;
    if (tx->accepted == 0)
        smtp_transaction_forgo_body(tx);
    else if (smtp_transaction_has_properties(tx) && smtp_transaction_properties(tx) != OK)
        return TRY_LATER;
    else if (smtp_transaction_body(tx) != OK)
        return TRY_LATER;
    else
        settle_delivered(tx);
    return OK;
}

/* Those left go in a new transaction, unless this connection has seen its last. */
static enum status go_on(struct smtp_client *client)
{
    if (client->is_broken)
        return smtp_client_fail(client, TRY_LATER, "4.4.2", "the peer ended the connection");
    if (client->most_mails > 0 && client->mails >= client->most_mails)
        return smtp_client_fail(client, TRY_LATER, "4.5.3", "the peer takes no more for now");
    return OK;
}

static enum status deliver(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    bool is_reused = client->mails > 0, is_first = true;
    enum status status = OK;
    while (status == OK && smtp_transaction_name_recipients(tx)) {
        status = is_first && smtp_transaction_take_ahead(tx) ? OK : start_clean(tx);
        if (status == OK)
            status = transact(tx);
        /* Servers end idle connections; that says nothing about this message. */
        bool is_stale = is_reused && client->is_broken && !tx->mail_accepted;
        /* It lost what came behind the end of the message before. */
        if (tx->is_ahead && is_stale && stream_end(client->stream) == STREAM_TIMED_OUT)
            client->unfit |= EXTENSION_BIT(EXTENSION_PIPELINING);
        if (is_first && (is_stale || client->unfit != 0))
            return TRY_LATER;
        is_first = false;
        if (status == OK)
            status = go_on(client);
    }
    smtp_transaction_settle_rest(tx);
    return OK;
}

void smtp_transaction_begin(struct smtp_transaction *tx, struct smtp_client *client,
                            const struct queue_job *job, struct arena *arena,
                            struct queue_outcome *outcomes)
{
    *tx = (struct smtp_transaction){.client = client, .job = job, .arena = arena};
    tx->outcomes = outcomes;
    tx->fates = arena_alloc(arena, job->recipient_count);
    tx->named = arena_array(arena, job->recipient_count, sizeof(*tx->named));
    tx->addresses = arena_array(arena, job->recipient_count, sizeof(*tx->addresses));
    tx->sender = job->sender;
    tx->kind = job->terms.body;
    tx->is_international = job->terms.is_international;
    tx->size = job->size;
    for (unsigned i = 0; i < job->recipient_count; i++) {
        outcomes[i] = (struct queue_outcome){.number = job->recipients[i].number};
        tx->addresses[i] = job->recipients[i].address;
    }
}

/* What was begun for another message leaves no way but to hang up: the peer must not take this one
 * for that. */
static bool is_out_of_step(struct smtp_client *client, const struct queue_job *job)
{
    const struct smtp_client_ahead *ahead = &client->ahead;
    if (!ahead->is_out || (ahead->id == job->id && ahead->lease == job->lease))
        return false;
    client->is_broken = true;
    return true;
}

enum status smtp_client_deliver(struct smtp_client *client, const struct queue_job *job,
                                const struct smtp_client_body *body, struct arena *arena,
                                struct queue_outcome *outcomes)
{
    struct smtp_transaction tx;
    enum status status = OK;
    if (is_out_of_step(client, job))
        return TRY_LATER;
    smtp_transaction_begin(&tx, client, job, arena, outcomes);
    tx.body = body;
    if (smtp_transaction_fit(&tx) == OK) {
        status = deliver(&tx);
    } else {
        client->is_broken |= client->ahead.is_out;
        smtp_transaction_settle_rest(&tx);
    }
    convert_free(&tx.convert);
    return status;
}
