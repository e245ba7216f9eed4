/* The message itself: BDAT chunks (RFC 3030) where the peer knows them, else dot-stuffed DATA. At
 * most one chunk of a large body is in memory. */
#include "base/clock.h"
#include "proto/smtp/smtp_client_dots.h"
#include "proto/smtp/smtp_client_transaction.h"

enum {
    BLOCK_BYTES = 32 << 10,
    SLOWEST_BYTES_PER_MS = 1, /* a peer that takes the body slower than this is given up */
};

/* Body bytes from offset on: straight from the job, or read into `held`. YIELDS. */
static enum status next_bytes(struct smtp_transaction *tx, uint64_t offset, struct buffer *held,
                              struct text *bytes)
{
    const struct queue_job *job = tx->job;
    if (job->body.length == job->size) {
        *bytes = text_from_position(job->body, (size_t)offset);
        return OK;
    }
    uint64_t left = job->size - offset;
    uint32_t wanted = left < QUEUE_BODY_CHUNK ? (uint32_t)left : QUEUE_BODY_CHUNK;
    buffer_reset(held, QUEUE_BODY_CHUNK * 2);
    enum status status = tx->body->read(tx->body->context, job, offset, wanted, held);
    if (status == OK && held->length != wanted)
        status = try_later("the message ends too early");
    *bytes = buffer_text(held);
    if (status != OK)
        smtp_client_fail(tx->client, TRY_LATER, "4.3.0", "cannot read the message: %s",
                         fail_reason());
    return status;
}

/* Each block must go within RFC 5321 4.5.3.2.5's time, and all of them at a humane speed. */
static enum status write_block(struct smtp_transaction *tx, struct text block)
{
    struct smtp_client *client = tx->client;
    smtp_client_set_deadline(client, SMTP_STEP_BLOCK);
    if (clock_monotonic_ms() > tx->body_deadline_ms)
        stream_set_deadline(client->stream, clock_monotonic_ms());
    stream_write(client->stream, block);
    if (stream_end(client->stream) == STREAM_OPEN)
        return OK;
    return smtp_client_fail_lost(client, SMTP_STEP_BLOCK);
}

static enum status write_all(struct smtp_transaction *tx, struct text bytes)
{
    while (!text_is_empty(bytes)) {
        if (write_block(tx, text_head(bytes, BLOCK_BYTES)) != OK)
            return TRY_LATER;
        bytes = text_from_position(bytes, BLOCK_BYTES);
    }
    return OK;
}

/* The message after a 354. A body that can't be read to its end leaves no way but to hang up: the
 * peer must not take a part for the whole. YIELDS. */
static enum status write_data(struct smtp_transaction *tx, struct buffer *held)
{
    struct smtp_dots dots = {0};
    struct text bytes, piece;
    for (uint64_t offset = 0; offset < tx->job->size;) {
        if (next_bytes(tx, offset, held, &bytes) != OK) {
            tx->client->is_broken = true;
            return TRY_LATER;
        }
        offset += bytes.length;
        while (smtp_dots_next(&dots, &bytes, &piece))
            if (write_all(tx, piece) != OK)
                return TRY_LATER;
    }
    stream_write(tx->client->stream, smtp_dots_end(&dots));
    return OK;
}

static enum status send_data(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    if (!tx->data_is_sent)
        stream_write(client->stream, TEXT("DATA\r\n"));
    if (smtp_client_read(client, SMTP_STEP_DATA) != OK)
        return TRY_LATER;
    if (client->reply.code != 354)
        return smtp_client_fail_reply(client, SMTP_STEP_DATA);
    struct buffer held;
    buffer_init(&held, QUEUE_BODY_CHUNK);
    enum status status = write_data(tx, &held);
    buffer_finish(&held);
    return status == OK ? smtp_client_expect(client, SMTP_STEP_END_OF_DATA) : status;
}

/* RFC 3030: chunk by chunk, each answered; bytes as they are. YIELDS. */
static enum status send_chunks(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    struct buffer held;
    buffer_init(&held, QUEUE_BODY_CHUNK);
    enum status status = OK;
    uint64_t offset = 0;
    bool is_last = false;
    while (status == OK && !is_last) {
        struct text bytes = {0};
        if (tx->job->size > 0)
            status = next_bytes(tx, offset, &held, &bytes);
        if (status != OK)
            break;
        offset += bytes.length;
        is_last = offset >= tx->job->size;
        stream_printf(client->stream, "BDAT %zu%s\r\n", bytes.length, is_last ? " LAST" : "");
        status = write_all(tx, bytes);
        if (status == OK)
            status = smtp_client_expect(client, SMTP_STEP_BDAT);
    }
    buffer_finish(&held);
    return status;
}

void smtp_transaction_forgo_body(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    if (tx->is_one_shot) {
        smtp_client_read(client, SMTP_STEP_BDAT);
    } else if (tx->data_is_sent && smtp_client_read(client, SMTP_STEP_DATA) == OK &&
               client->reply.code == 354) {
        /* RFC 2920 3.1: it now awaits a message; give it an empty one for nobody. */
        stream_write(client->stream, TEXT(".\r\n"));
        smtp_client_read(client, SMTP_STEP_END_OF_DATA);
    }
}

enum status smtp_transaction_body(struct smtp_transaction *tx)
{
    int64_t patience_ms = 10 * MINUTE + (int64_t)(tx->job->size / SLOWEST_BYTES_PER_MS);
    tx->body_deadline_ms = clock_monotonic_ms() + patience_ms;
    if (tx->is_one_shot)
        return smtp_client_expect(tx->client, SMTP_STEP_BDAT);
    if (!tx->data_is_sent && (tx->client->extensions & SMTP_CAN_CHUNKING) != 0)
        return send_chunks(tx);
    return send_data(tx);
}
