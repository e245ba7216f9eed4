/* Opening and closing a connection: greeting, EHLO, STARTTLS by policy, AUTH. */
#include "proto/smtp/client/smtp_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/stream_tls.h"
#include "proto/smtp/client/smtp_client_log.h"

enum { REUSE_MS = 5 * MINUTE };

static void client_free(struct smtp_client *client)
{
    smtp_client_log_end(client);
    stream_close(&client->stream);
    smtp_reply_finish(&client->reply);
    free(client);
}

/* RFC 5321 4.1.4 and what firewalls make of it, which know EHLO for no command (500, 502), for one
 * with bad words (501, 504), or forbid it (550). */
static bool may_know_helo(unsigned code)
{
    return code == 500 || code == 501 || code == 502 || code == 504 || code == 550;
}

static enum status say_helo(struct smtp_client *client, struct text our_host)
{
    smtp_client_note_offers(client, TEXT(""));
    stream_printf(client->stream, "HELO %.*s\r\n", TEXT_ARG(our_host));
    return smtp_client_expect(client, SMTP_STEP_HELLO);
}

static enum status say_hello(struct smtp_client *client, const struct smtp_client_options *options)
{
    struct text our_host = options->our_host;
    if (smtp_client_expect_silence(client, SMTP_STEP_HELLO) != OK)
        return client->trouble.status;
    if (options->says_helo)
        return say_helo(client, our_host);
    stream_printf(client->stream, "EHLO %.*s\r\n", TEXT_ARG(our_host));
    if (smtp_client_read(client, SMTP_STEP_HELLO) != OK) {
        enum stream_end end = stream_end(client->stream);
        client->trouble.is_ehlo = end == STREAM_CLOSED || end == STREAM_BROKEN;
        return TRY_LATER;
    }
    if (may_know_helo(client->reply.code))
        return say_helo(client, our_host);
    if (smtp_reply_status(&client->reply) != OK)
        return smtp_client_fail_reply(client, SMTP_STEP_HELLO);
    smtp_client_note_offers(client, buffer_text(&client->reply.words));
    return OK;
}

/* TLS now, on this connection. After a failure the connection is of no use. */
static enum status shake_hands(struct smtp_client *client,
                               const struct smtp_client_options *options)
{
    size_t discarded = 0;
    smtp_client_set_deadline(client, SMTP_STEP_HANDSHAKE);
    enum status status = options->tls_context == NULL
                             ? try_later("TLS is not set up here")
                             : stream_start_tls_checked(client->stream, options->tls_context,
                                                        options->expected, &discarded);
    if (status != OK) {
        client->is_broken = true;
        const char *doubt = stream_tls_doubt(client->stream);
        smtp_client_fail(client, TRY_LATER, "4.7.5", "%s%s%s", fail_reason(),
                         *doubt == '\0' ? "" : ": ", doubt);
        client->trouble.is_unproven = *doubt != '\0';
        client->trouble.is_tls = options->tls == TLS_OFFER && !options->tls_at_once;
        return TRY_LATER;
    }
    /* RFC 3207 4 and its errata: what came in plain text behind the 220 is an injection. */
    if (discarded > 0) {
        client->is_broken = true;
        return smtp_client_fail(client, TRY_LATER, "4.5.0", "the peer spoke on after STARTTLS");
    }
    return OK;
}

static enum status start_tls(struct smtp_client *client, const struct smtp_client_options *options)
{
    bool required = options->tls == TLS_REQUIRE || options->tls == TLS_VERIFY;
    if (!smtp_client_offers(client, EXTENSION_STARTTLS)) {
        if (!required)
            return OK;
        smtp_client_fail(client, TRY_LATER, "4.7.4",
                         "TLS is required, but the peer does not offer it");
        client->trouble.is_unproven = true;
        return TRY_LATER;
    }
    stream_write(client->stream, TEXT("STARTTLS\r\n"));
    if (smtp_client_read(client, SMTP_STEP_STARTTLS) != OK)
        return TRY_LATER;
    if (client->reply.code != 220) {
        if (!required && !client->is_broken)
            return OK;
        smtp_client_fail_reply(client, SMTP_STEP_STARTTLS);
        return client->trouble.status = TRY_LATER;
    }
    enum status status = shake_hands(client, options);
    /* RFC 3207 4.2: forget what was offered in plain text. */
    return status == OK ? say_hello(client, options) : status;
}

static enum status open_dialog(struct smtp_client *client,
                               const struct smtp_client_options *options)
{
    if (options->tls_at_once && shake_hands(client, options) != OK)
        return client->trouble.status;
    if (smtp_client_expect(client, SMTP_STEP_GREETING) != OK) {
        client->trouble.is_greeting = true;
        return client->trouble.status;
    }
    if (say_hello(client, options) != OK)
        return client->trouble.status;
    if (options->tls != TLS_NONE && !options->tls_at_once && start_tls(client, options) != OK)
        return client->trouble.status;
    if (options->needs_requiretls && !smtp_client_offers(client, EXTENSION_REQUIRETLS))
        return smtp_client_fail(client, REFUSED, "5.7.30",
                                "the message requires REQUIRETLS, which the peer lacks");
    return smtp_client_log_in(client, options);
}

enum status smtp_client_open(struct stream *stream, const struct smtp_client_options *options,
                             struct smtp_client **out, struct smtp_client_trouble *trouble)
{
    struct smtp_client *client = calloc(1, sizeof(*client));
    check(client != NULL);
    client->stream = stream;
    client->opened_ms = clock_monotonic_ms();
    client->without = options->without;
    client->max_messages = options->max_messages;
    client->max_recipients = options->max_recipients;
    client->timeouts = options->timeouts;
    client->watch = options->watch;
    client->next = options->next;
    client->thought_ms = NO_DEADLINE;
    smtp_reply_init(&client->reply);
    smtp_client_log_begin(client, options);
    *out = NULL;
    enum status status = open_dialog(client, options);
    if (status == OK) {
        *out = client;
        return OK;
    }
    *trouble = client->trouble;
    smtp_client_close(&client);
    return status;
}

void smtp_client_close(struct smtp_client **client)
{
    if (*client == NULL)
        return;
    if (smtp_client_is_in_step(*client) && !(*client)->ahead.is_out) {
        stream_write((*client)->stream, TEXT("QUIT\r\n"));
        smtp_client_read(*client, SMTP_STEP_QUIT);
    }
    client_free(*client);
    *client = NULL;
}

bool smtp_client_is_in_step(const struct smtp_client *client)
{
    return !client->is_broken && stream_end(client->stream) == STREAM_OPEN;
}

bool smtp_client_is_usable(const struct smtp_client *client)
{
    return smtp_client_is_in_step(client) && client->mails < client->max_messages &&
           (client->most_mails == 0 || client->mails < client->most_mails) &&
           clock_monotonic_ms() - client->opened_ms < REUSE_MS;
}

uint32_t smtp_client_unfit(const struct smtp_client *client)
{
    return client->unfit;
}

const char *smtp_client_tls(const struct smtp_client *client, char out[SMTP_TLS_BYTES])
{
    static const char *const checks[] = {
        [TLS_CHECK_NONE] = "unverified", [TLS_CHECK_NAME] = "name", [TLS_CHECK_DANE] = "dane"};
    const struct stream *stream = client->stream;
    if (!stream_is_tls(stream))
        return text_copy(TEXT("none"), out, SMTP_TLS_BYTES) ? out : "";
    snprintf(out, SMTP_TLS_BYTES, "%s %s %s", stream_tls_version(stream), stream_tls_cipher(stream),
             checks[stream_tls_checked(stream)]);
    return out;
}

const char *smtp_client_tls_doubt(const struct smtp_client *client)
{
    const char *doubt = stream_tls_doubt(client->stream);
    return stream_is_tls(client->stream) ? doubt : "there is no TLS";
}
