/* What the peer can take of a message, before it is asked: sizes, bytes, addresses, terms. What it
 * cannot is made to fit where the standards allow that, and refused where they do not. */
#include "base/clock.h"
#include "mail/address.h"
#include "proto/smtp/client/smtp_client_transaction.h"

static bool is_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

/* Addresses come from our own store, but a line end in one would be a command: never sent. */
static bool is_sendable(struct text address)
{
    for (size_t i = 0; i < address.length; i++)
        if ((unsigned char)address.data[i] < ' ' || address.data[i] == 0x7f)
            return false;
    return true;
}

/* The address in ASCII, where only its domain is not (RFC 6531 3.2: an A-label names the same
 * domain). False when there is no such form. */
static bool downgrade(struct text *address, struct arena *arena)
{
    struct mail_address parsed;
    if (is_ascii(*address))
        return true;
    if (mail_address_parse(*address, arena, &parsed) != OK || !is_ascii(parsed.local_part))
        return false;
    parsed.domain = parsed.domain_ascii;
    *address = mail_address_text(&parsed, arena);
    return true;
}

static enum status fit_addresses(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    bool lacks_utf8 = tx->is_international && !smtp_client_offers(client, EXTENSION_SMTPUTF8);
    if (!is_sendable(tx->sender))
        return smtp_client_fail(client, REFUSED, "5.1.7", "sender has control characters");
    if (lacks_utf8 && !downgrade(&tx->sender, tx->arena))
        return smtp_client_fail(client, REFUSED, "5.6.7",
                                "sender is internationalized and the peer lacks SMTPUTF8");
    for (unsigned i = 0; i < tx->job->recipient_count; i++) {
        if (!is_sendable(tx->addresses[i]))
            smtp_client_fail(client, REFUSED, "5.1.3", "recipient has control characters");
        else if (lacks_utf8 && !downgrade(&tx->addresses[i], tx->arena))
            smtp_client_fail(client, REFUSED, "5.6.7",
                             "recipient is internationalized and the peer lacks SMTPUTF8");
        else
            continue;
        smtp_transaction_settle(tx, i);
    }
    return OK;
}

/* The body read once, to see what is in it. YIELDS. */
static enum status look_through(struct smtp_transaction *tx, struct convert *convert)
{
    struct smtp_source source;
    struct text bytes;
    bool is_last = false;
    enum status status = OK;
    smtp_source_open(&source, tx);
    while (status == OK && !is_last) {
        status = smtp_source_next(&source, &bytes, &is_last);
        if (status == OK)
            convert_look(convert, bytes);
    }
    smtp_source_close(&source);
    return status;
}

/* After the look: keep the conversion if one is needed, else free it. */
static enum status plan(struct smtp_transaction *tx, struct convert **convert,
                        enum mime_encoding takes)
{
    const char *code;
    bool needed;
    if (convert_plan(*convert, &needed, &code) != OK)
        return smtp_client_fail(tx->client, REFUSED, code, "message cannot be converted: %s",
                                fail_reason());
    tx->kind = takes == MIME_7BIT ? MAIL_BODY_7BIT : MAIL_BODY_8BIT;
    if (!needed)
        return OK;
    tx->convert = *convert;
    tx->size = convert_length(*convert);
    *convert = NULL;
    return OK;
}

static bool body_fits(const struct smtp_transaction *tx)
{
    switch (tx->kind) {
    case MAIL_BODY_7BIT:
        return true;
    case MAIL_BODY_8BIT:
        return smtp_client_offers(tx->client, EXTENSION_8BITMIME);
    case MAIL_BODY_BINARY:
        return smtp_client_offers(tx->client, EXTENSION_BINARYMIME) &&
               smtp_client_offers(tx->client, EXTENSION_CHUNKING);
    }
    return false;
}

/* RFC 6152 3 and RFC 3030 3: what the peer does not take must be converted. RFC 6531 3.2: an
 * international header goes nowhere without SMTPUTF8. YIELDS. */
static enum status fit_body(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    bool takes_8bit = smtp_client_offers(client, EXTENSION_8BITMIME), fits = body_fits(tx);
    bool lacks_utf8 = tx->is_international && !smtp_client_offers(client, EXTENSION_SMTPUTF8);
    if (fits && !lacks_utf8)
        return OK;
    bool is_binary = fits || tx->kind == MAIL_BODY_BINARY; /* for the header alone, either does */
    enum mime_encoding takes = takes_8bit ? MIME_8BIT : MIME_7BIT;
    struct convert *convert = convert_new(is_binary ? MIME_BINARY : MIME_8BIT, takes);
    enum status status = look_through(tx, convert);
    if (status == OK && !fits)
        status = plan(tx, &convert, takes);
    if (lacks_utf8 && convert_saw_8bit_header(tx->convert != NULL ? tx->convert : convert))
        status = smtp_client_fail(client, REFUSED, "5.6.9",
                                  "the header is internationalized and the peer lacks SMTPUTF8");
    convert_free(&convert);
    return status;
}

/* What the sender asked for and only the peer can do. */
static enum status fit_terms(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    const struct mail_terms *terms = &tx->job->terms;
    /* RFC 8689 4.2.1. */
    if (terms->requires_tls &&
        (!stream_is_tls(client->stream) || !smtp_client_offers(client, EXTENSION_REQUIRETLS)))
        return smtp_client_fail(client, REFUSED, "5.7.30",
                                "the sender requires TLS all the way, the peer lacks REQUIRETLS");
    if (terms->by != MAIL_BY_RETURN)
        return OK;
    /* RFC 2852 4.1: who can't be told that it is urgent must not get what is. */
    int64_t left_ms = terms->by_ms - clock_wall_ms();
    if (!smtp_client_offers(client, EXTENSION_DELIVERBY))
        return smtp_client_fail(client, REFUSED, "5.4.7",
                                "the message has a deadline and the peer lacks DELIVERBY");
    if (left_ms <= 0 || left_ms / SECOND < client->least_by_seconds)
        return smtp_client_fail(client, REFUSED, "5.4.7",
                                "the peer cannot deliver within the message's deadline");
    return OK;
}

bool smtp_transaction_fits_as_it_is(struct smtp_transaction *tx)
{
    bool lacks_utf8 = tx->is_international && !smtp_client_offers(tx->client, EXTENSION_SMTPUTF8);
    return body_fits(tx) && !lacks_utf8 && smtp_transaction_fit(tx) == OK;
}

enum status smtp_transaction_fit(struct smtp_transaction *tx)
{
    struct smtp_client *client = tx->client;
    if (fit_terms(tx) != OK || fit_addresses(tx) != OK || fit_body(tx) != OK)
        return client->trouble.status;
    tx->is_international = tx->is_international && smtp_client_offers(client, EXTENSION_SMTPUTF8);
    if (client->size_limit > 0 && tx->size > client->size_limit)
        return smtp_client_fail(
            client, REFUSED, "5.3.4", "message of %llu bytes is beyond the peer's limit of %llu",
            (unsigned long long)tx->size, (unsigned long long)client->size_limit);
    return OK;
}
