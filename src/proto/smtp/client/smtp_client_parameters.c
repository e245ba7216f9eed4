/* MAIL and RCPT as they are written: each parameter only to a peer that offers its extension. */
#include "base/clock.h"
#include "base/encoding.h"
#include "mail/orcpt.h"
#include "proto/smtp/client/smtp_client_transaction.h"

enum { XTEXT_MOST = 4096 };

static void write_xtext(struct stream *stream, const char *parameter, struct text value)
{
    struct buffer encoded;
    buffer_init(&encoded, XTEXT_MOST);
    if (xtext_encode(value, &encoded))
        stream_printf(stream, " %s%.*s", parameter, TEXT_ARG(buffer_text(&encoded)));
    buffer_finish(&encoded);
}

/* RFC 2852 4: the time that is left, which may be past for "N". */
static void write_by(struct stream *stream, const struct mail_terms *terms)
{
    int64_t left_ms = terms->by_ms - clock_wall_ms();
    stream_printf(stream, " BY=%lld;%s%s", (long long)(left_ms / SECOND),
                  terms->by == MAIL_BY_RETURN ? "R" : "N", terms->by_trace ? "T" : "");
}

/* RFC 4954 5: who submitted it, to a peer that knows us. */
static void write_submitter(struct stream *stream, struct text submitter)
{
    if (text_equals(submitter, TEXT("<>")))
        stream_write(stream, TEXT(" AUTH=<>"));
    else
        write_xtext(stream, "AUTH=", submitter);
}

static void write_body_kind(struct stream *stream, enum mail_body kind)
{
    if (kind == MAIL_BODY_8BIT)
        stream_write(stream, TEXT(" BODY=8BITMIME"));
    if (kind == MAIL_BODY_BINARY)
        stream_write(stream, TEXT(" BODY=BINARYMIME"));
}

void smtp_transaction_write_mail(const struct smtp_transaction *tx)
{
    const struct mail_terms *terms = &tx->job->terms;
    const struct smtp_client *client = tx->client;
    struct stream *stream = client->stream;
    bool knows_dsn = smtp_client_offers(client, EXTENSION_DSN);
    stream_printf(stream, "MAIL FROM:<%.*s>", TEXT_ARG(tx->sender));
    if (smtp_client_offers(client, EXTENSION_SIZE))
        stream_printf(stream, " SIZE=%llu", (unsigned long long)tx->size);
    write_body_kind(stream, tx->kind);
    if (tx->is_international)
        stream_write(stream, TEXT(" SMTPUTF8"));
    if (knows_dsn && terms->return_headers_only)
        stream_write(stream, TEXT(" RET=HDRS"));
    if (knows_dsn && !text_is_empty(terms->envelope_id))
        write_xtext(stream, "ENVID=", terms->envelope_id);
    if (terms->requires_tls)
        stream_write(stream, TEXT(" REQUIRETLS"));
    if (terms->by != MAIL_BY_NONE && smtp_client_offers(client, EXTENSION_DELIVERBY))
        write_by(stream, terms);
    if (terms->priority != 0 && smtp_client_offers(client, EXTENSION_MTPRIORITY))
        stream_printf(stream, " MT-PRIORITY=%d", terms->priority);
    if (!text_is_empty(terms->submitter) && client->is_logged_in)
        write_submitter(stream, terms->submitter);
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

/* RFC 3461 5.2.1: ORCPT is relayed as it came, "type;address" in its encoding (the queue keeps it
 * so); in ASCII to peers that take no more (RFC 6533 3). */
static void write_original_recipient(const struct smtp_transaction *tx, struct text value)
{
    struct buffer ascii, address;
    struct text type;
    buffer_init(&ascii, ORCPT_ASCII_MAX);
    buffer_init(&address, ORCPT_ASCII_MAX);
    bool is_sound = orcpt_decode(value, &type, &address);
    if (is_sound && tx->is_international)
        stream_printf(tx->client->stream, " ORCPT=%.*s", TEXT_ARG(value));
    else if (is_sound && orcpt_to_ascii(value, &ascii))
        stream_printf(tx->client->stream, " ORCPT=%.*s", TEXT_ARG(buffer_text(&ascii)));
    buffer_finish(&ascii);
    buffer_finish(&address);
}

void smtp_transaction_write_rcpt(const struct smtp_transaction *tx, unsigned i)
{
    const struct queue_job_recipient *recipient = &tx->job->recipients[i];
    struct stream *stream = tx->client->stream;
    stream_printf(stream, "RCPT TO:<%.*s>", TEXT_ARG(tx->addresses[i]));
    if (smtp_client_offers(tx->client, EXTENSION_DSN)) {
        write_notify(stream, recipient->notify);
        write_original_recipient(tx, recipient->original_recipient);
    }
    stream_write(stream, TEXT("\r\n"));
}
