/* Where the bytes of a message come from: the job itself, or the store in chunks; through a
 * conversion where the peer needs one. At most one chunk of a large body is in memory. */
#include "proto/smtp/client/smtp_client_transaction.h"

enum { SLICE_BYTES = 64 << 10 };

void smtp_source_open(struct smtp_source *source, struct smtp_transaction *tx)
{
    *source = (struct smtp_source){.tx = tx};
    buffer_init(&source->held, QUEUE_BODY_CHUNK);
    buffer_init(&source->ready, SMTP_SOURCE_MOST);
}

void smtp_source_close(struct smtp_source *source)
{
    buffer_finish(&source->held);
    buffer_finish(&source->ready);
}

/* More bytes into source->rest, which is empty. YIELDS. */
static enum status read_more(struct smtp_source *source)
{
    struct smtp_transaction *tx = source->tx;
    const struct queue_job *job = tx->job;
    if (job->body.length == job->size) {
        source->rest = job->body;
        source->offset = job->size;
        return OK;
    }
    uint64_t left = job->size - source->offset;
    uint32_t wanted = left < QUEUE_BODY_CHUNK ? (uint32_t)left : QUEUE_BODY_CHUNK;
    buffer_reset(&source->held, QUEUE_BODY_CHUNK);
    enum status status =
        tx->body->read(tx->body->context, job, source->offset, wanted, &source->held);
    if (status == OK && source->held.length != wanted)
        status = try_later("the message ends too early");
    if (status != OK)
        return smtp_client_fail(tx->client, TRY_LATER, "4.3.0", "cannot read the message: %s",
                                fail_reason());
    source->rest = buffer_text(&source->held);
    source->offset += wanted;
    return OK;
}

enum status smtp_source_next(struct smtp_source *source, struct text *bytes, bool *is_last)
{
    struct smtp_transaction *tx = source->tx;
    uint64_t size = tx->job->size;
    *bytes = (struct text){0};
    if (text_is_empty(source->rest) && source->offset < size && read_more(source) != OK)
        return TRY_LATER;
    if (tx->convert == NULL) {
        *bytes = source->rest;
        source->rest = (struct text){0};
    } else {
        buffer_reset(&source->ready, SMTP_SOURCE_MOST);
        convert_write(tx->convert, text_head(source->rest, SLICE_BYTES), &source->ready);
        source->rest = text_from_position(source->rest, SLICE_BYTES);
    }
    *is_last = text_is_empty(source->rest) && source->offset >= size;
    if (tx->convert == NULL)
        return OK;
    if (*is_last)
        convert_write_end(tx->convert, &source->ready);
    *bytes = buffer_text(&source->ready);
    if (source->ready.overflowed)
        return smtp_client_fail(tx->client, TRY_LATER, "4.3.0", "cannot convert the message");
    return OK;
}
