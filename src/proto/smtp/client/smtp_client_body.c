/* The message itself: BDAT chunks (RFC 3030) where the peer knows them, else dot-stuffed DATA. */
#include "base/clock.h"
#include "proto/smtp/client/smtp_client_dots.h"
#include "proto/smtp/client/smtp_client_log.h"
#include "proto/smtp/client/smtp_client_transaction.h"

enum {
    BLOCK_BYTES = 32 << 10,
    SLOWEST_BYTES_PER_MS = 1, /* a peer that takes the body slower than this is given up */
};

/* Each block must go within its time, and all of them at a humane speed. */
static enum status write_block(struct smtp_transaction *tx, struct text block)
{
    struct smtp_client *client = tx->client;
    smtp_client_set_deadline(client, SMTP_STEP_BLOCK);
    if (clock_monotonic_ms() > tx->body_deadline_ms)
        stream_set_deadline(client->stream, clock_monotonic_ms());
    smtp_client_write_octets(client, block);
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
 * peer must not take a part for the whole. Nor must an answer that came before the final dot be
 * taken for the answer to it. YIELDS. */
static enum status write_data(struct smtp_transaction *tx, struct smtp_source *source)
{
    struct smtp_client *client = tx->client;
    struct smtp_dots dots = {0};
    struct text bytes, piece;
    bool is_last = false;
    while (!is_last) {
        if (smtp_source_next(source, &bytes, &is_last) != OK) {
            client->is_broken = true;
            return TRY_LATER;
        }
        if (smtp_client_expect_silence(client, SMTP_STEP_BLOCK) != OK)
            return TRY_LATER;
        while (smtp_dots_next(&dots, &bytes, &piece))
            if (write_all(tx, piece) != OK)
                return TRY_LATER;
    }
    if (smtp_client_expect_silence(client, SMTP_STEP_BLOCK) != OK)
        return TRY_LATER;
    smtp_client_write_octets(client, smtp_dots_end(&dots));
    return OK;
}

/* The answer to the end of a message. */
static enum status expect_end(struct smtp_client *client, enum smtp_client_step step)
{
    int64_t began_ms = clock_monotonic_ms();
    enum status status = smtp_client_expect(client, step);
    client->thought_ms = clock_monotonic_ms() - began_ms;
    client->ahead.is_doubtful = status != OK;
    return status;
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
    struct smtp_source source;
    smtp_source_open(&source, tx);
    enum status status = write_data(tx, &source);
    smtp_source_close(&source);
    if (status != OK)
        return status;
    smtp_transaction_write_next(tx);
    return expect_end(client, SMTP_STEP_END_OF_DATA);
}

/* The answer to a chunk. A peer (or a firewall before it) that does not know the verb takes the
 * chunk for commands: nothing more can be said to it, but without CHUNKING another time. */
static enum status read_chunk_reply(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    enum status status = expect_end(client, SMTP_STEP_BDAT);
    unsigned code = client->reply.code;
    if (status == REFUSED && !client->knows_bdat && (code == 500 || code == 502)) {
        client->unfit |= EXTENSION_BIT(EXTENSION_CHUNKING);
        client->is_broken = true;
    }
    client->knows_bdat = client->knows_bdat || status == OK;
    return status;
}

/* One chunk. With PIPELINING its reply may be awaited behind the next chunk, but the last goes only
 * when all before it were taken: none of them may be missing in what the peer then accepts. */
static enum status send_chunk(struct smtp_transaction *tx, struct text bytes, bool is_last,
                              unsigned *due)
{
    struct smtp_client *client = tx->client;
    bool pipelines = smtp_client_offers(client, EXTENSION_PIPELINING);
    enum status status = OK;
    for (; status == OK && *due > 0 && is_last; (*due)--)
        status = read_chunk_reply(tx);
    if (status == OK && *due == 0)
        status = smtp_client_expect_silence(client, SMTP_STEP_BLOCK);
    if (status != OK)
        return status;
    stream_printf(client->stream, "BDAT %zu%s\r\n", bytes.length, is_last ? " LAST" : "");
    status = write_all(tx, bytes);
    (*due)++;
    if (status == OK && is_last)
        smtp_transaction_write_next(tx);
    for (; status == OK && *due > (pipelines && !is_last ? 1 : 0); (*due)--)
        status = read_chunk_reply(tx);
    return status;
}

/* RFC 3030: chunk by chunk, bytes as they are. YIELDS. */
static enum status send_chunks(struct smtp_transaction *tx)
{
    struct smtp_source source;
    struct text bytes;
    enum status status = OK;
    unsigned due = 0;
    bool is_last = false;
    smtp_source_open(&source, tx);
    while (status == OK && !is_last) {
        status = smtp_source_next(&source, &bytes, &is_last);
        if (status == OK)
            status = send_chunk(tx, bytes, is_last, &due);
    }
    smtp_source_close(&source);
    /* The one before it failed: this one did too, and only its answer is missing. */
    struct smtp_client_trouble trouble = tx->client->trouble;
    for (; due > 0 && !tx->client->is_broken; due--)
        smtp_client_read(tx->client, SMTP_STEP_BDAT);
    tx->client->trouble = trouble;
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
        smtp_client_write_octets(client, TEXT(".\r\n"));
        smtp_client_read(client, SMTP_STEP_END_OF_DATA);
    }
}

enum status smtp_transaction_body(struct smtp_transaction *tx)
{
    int64_t patience_ms = 10 * MINUTE + (int64_t)(tx->size / SLOWEST_BYTES_PER_MS);
    tx->body_deadline_ms = clock_monotonic_ms() + patience_ms;
    if (tx->is_one_shot)
        return read_chunk_reply(tx);
    if (!tx->data_is_sent && smtp_client_offers(tx->client, EXTENSION_CHUNKING))
        return send_chunks(tx);
    return send_data(tx);
}
