/* The envelope of the next message, in one piece with the end of this one: RFC 2920 3.1 has message
 * content begin a group of commands. It saves the peer and us a round trip, and a packet each. */
#include "base/clock.h"
#include "proto/smtp/client/smtp_client_transaction.h"

/* A peer that thinks longer about a message gets the next by another connection, if that is free
 * sooner. */
enum { THOUGHT_MOST_MS = SECOND / 2 };

static bool may_follow(const struct smtp_transaction *tx)
{
    const struct smtp_client *client = tx->client;
    if (client->next.find == NULL || client->thought_ms > THOUGHT_MOST_MS ||
        !smtp_client_offers(client, EXTENSION_PIPELINING) || !smtp_client_is_usable(client))
        return false;
    for (unsigned i = 0; i < tx->job->recipient_count; i++)
        if (tx->fates[i] == SMTP_UNSETTLED) /* it goes on with those */
            return false;
    return true;
}

/* All of the envelope goes at once, and no byte of the message has to be read for it. */
static bool is_simple(struct smtp_transaction *tx)
{
    const struct queue_job *job = tx->job;
    /* Its body goes with the envelope anyway. */
    bool is_one_shot = smtp_client_offers(tx->client, EXTENSION_CHUNKING) &&
                       job->body.length == job->size && job->size <= SMTP_ONE_SHOT_MOST;
    return !is_one_shot && job->recipient_count <= SMTP_RECIPIENTS_AT_ONCE &&
           !smtp_transaction_has_properties(tx) && smtp_transaction_fits_as_it_is(tx) &&
           smtp_transaction_name_recipients(tx) && tx->named_count == job->recipient_count;
}

void smtp_transaction_write_next(const struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    const struct queue_job *job = may_follow(tx) ? client->next.find(client->next.context) : NULL;
    if (job == NULL)
        return;
    struct smtp_client_trouble trouble = client->trouble;
    struct smtp_transaction next;
    struct arena arena;
    arena_init(&arena);
    smtp_transaction_begin(&next, client, job, &arena,
                           arena_array(&arena, job->recipient_count, sizeof(*next.outcomes)));
    if (is_simple(&next)) {
        smtp_transaction_write_envelope(&next);
        client->ahead = (struct smtp_client_ahead){
            .is_out = true, .id = job->id, .lease = job->lease, .has_data = next.data_is_sent};
    }
    client->trouble = trouble;
    arena_finish(&arena);
}

bool smtp_transaction_take_ahead(struct smtp_transaction *tx)
{
    struct smtp_client_ahead *ahead = &tx->client->ahead;
    tx->is_ahead = ahead->is_out;
    tx->data_is_sent = ahead->is_out && ahead->has_data;
    ahead->is_out = false;
    return tx->is_ahead;
}
