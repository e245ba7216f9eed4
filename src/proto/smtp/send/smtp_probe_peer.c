/* One address of a host: what it says, and what of that matters. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "net/listener.h"
#include "net/stream_tls.h"
#include "net/tls_certificate.h"
#include "proto/smtp/client/smtp_client_dialog.h"
#include "proto/smtp/send/smtp_probe.h"
#include "proto/smtp/send/smtp_send_tls.h"

enum { PATIENCE_MS = 20 * SECOND, SAID_MOST = 700, MASK_LEAST = 6, SOON_DAYS = 14 };

struct looking {
    const struct smtp_probe_peer *peer;
    struct findings *findings;
};

#define FIREWALL_REMEDY                                                                            \
    TEXT("a firewall on the way hides what the host says: turn its SMTP inspection off, or name "  \
         "what it breaks behind `without` of the connector")

/* "********" in the greeting, "XXXX" for EHLO and in its answer: what firewalls of old leave. */
static bool has_mask(struct text words)
{
    unsigned run = 0;
    for (size_t i = 0; i < words.length && run < MASK_LEAST; i++)
        run = words.data[i] != '*' && words.data[i] != 'X'  ? 0
              : i > 0 && words.data[i] != words.data[i - 1] ? 1
                                                            : run + 1;
    return run == MASK_LEAST;
}

static void tell_said(struct looking *looking, enum finding_level level, const char *step,
                      struct text remedy, const struct smtp_reply *reply)
{
    struct buffer said;
    buffer_init(&said, SMTP_REPLY_MAX_BYTES * 2);
    smtp_reply_describe(reply, SAID_MOST, &said);
    findings_add(looking->findings, level, step, remedy, "%.*s", TEXT_ARG(buffer_text(&said)));
    buffer_finish(&said);
}

static void on_greeting(struct looking *looking, const struct smtp_reply *reply)
{
    bool is_masked = has_mask(buffer_text(&reply->words));
    if (smtp_reply_status(reply) == OK)
        tell_said(looking, is_masked ? FINDING_WARNING : FINDING_OK, "greeting",
                  is_masked ? FIREWALL_REMEDY : TEXT(""), reply);
}

/* All the lines behind the first, or that EHLO is not understood. */
static void on_hello(struct looking *looking, const struct smtp_client *client,
                     const struct smtp_reply *reply)
{
    if (smtp_reply_status(reply) != OK) {
        tell_said(looking, FINDING_WARNING, "ehlo", FIREWALL_REMEDY, reply);
        return;
    }
    struct text rest = buffer_text(&reply->words), line;
    struct buffer offers;
    buffer_init(&offers, SMTP_REPLY_MAX_BYTES * 2);
    text_split(&rest, '\n', &line);
    while (text_split(&rest, '\n', &line))
        buffer_printf(&offers, "%s%.*s", offers.length > 0 ? ", " : "", TEXT_ARG(line));
    bool is_masked = has_mask(buffer_text(&offers));
    findings_add(looking->findings, is_masked ? FINDING_WARNING : FINDING_OK, "ehlo",
                 is_masked ? FIREWALL_REMEDY : TEXT(""), "%s%s%.*s",
                 stream_is_tls(client->stream) ? "under TLS " : "",
                 offers.length == 0 ? "nothing is offered" : "offers ",
                 TEXT_ARG(text_head(buffer_text(&offers), SAID_MOST)));
    buffer_finish(&offers);
}

static void on_reply(void *context, unsigned step, const struct smtp_client *client,
                     const struct smtp_reply *reply)
{
    struct looking *looking = context;
    if (step == SMTP_STEP_GREETING)
        on_greeting(looking, reply);
    else if (step == SMTP_STEP_HELLO)
        on_hello(looking, client, reply);
    else if (step == SMTP_STEP_STARTTLS && reply->code != 220)
        tell_said(looking, FINDING_WARNING, "starttls",
                  TEXT("the host offers TLS and then refuses it: its owner should know"), reply);
}

/* Names, issuer and last day, of the first certificate. */
static void tell_certificate(struct looking *looking, const struct stream *stream)
{
    struct arena *arena = looking->findings->arena;
    struct tls_peer peer;
    struct buffer pem;
    struct tls_certificate *list;
    unsigned count;
    if (!stream_tls_peer(stream, arena, &peer))
        return;
    buffer_init(&pem, 128 << 10);
    buffer_append(&pem, TEXT("-----BEGIN CERTIFICATE-----\n"));
    base64_encode(peer.der, &pem);
    buffer_append(&pem, TEXT("\n-----END CERTIFICATE-----\n"));
    if (tls_certificate_read(buffer_text(&pem), arena, &list, &count) == OK) {
        int64_t left_ms = list->until_ms - clock_wall_ms();
        struct text name = list->name_count > 0 ? list->names[0] : list->subject;
        findings_add(looking->findings, left_ms < SOON_DAYS * DAY ? FINDING_WARNING : FINDING_OK,
                     "certificate",
                     left_ms < SOON_DAYS * DAY ? TEXT("it should be renewed") : TEXT(""),
                     "for %.*s%s, by %.*s, good for %lld days", TEXT_ARG(text_head(name, 253)),
                     list->name_count > 1 ? " and others" : "",
                     TEXT_ARG(text_head(list->issuer, 200)), (long long)(left_ms / DAY));
    }
    buffer_finish(&pem);
}

static void tell_tls(struct looking *looking, const struct smtp_client *client)
{
    char tls[SMTP_TLS_BYTES];
    const char *doubt = smtp_client_tls_doubt(client);
    if (!stream_is_tls(client->stream)) {
        findings_add(looking->findings, FINDING_WARNING, "starttls",
                     TEXT("mail goes there in plain text; `tls require` would rather not send it"),
                     "no TLS");
        return;
    }
    findings_add(looking->findings, FINDING_OK, "starttls", TEXT(""), "%s%s%s",
                 smtp_client_tls(client, tls), *doubt == '\0' ? "" : ": ", doubt);
    tell_certificate(looking, client->stream);
}

static void tell_logins(struct looking *looking, const struct smtp_client *client)
{
    if (!smtp_client_offers(client, EXTENSION_AUTH))
        return;
    bool is_tls = stream_is_tls(client->stream);
    findings_add(looking->findings, FINDING_OK, "auth", TEXT(""), "logins are offered%s",
                 is_tls ? "" : ", without TLS");
}

/* Whether mail would be taken for this recipient. The host may still refuse the message itself. */
static bool ask_recipient(struct looking *looking, struct smtp_client *client)
{
    const struct queue_probe *probe = looking->peer->probe;
    bool is_taken = false;
    stream_printf(client->stream, "MAIL FROM:<%.*s>\r\n", TEXT_ARG(probe->from));
    enum status status = smtp_client_expect(client, SMTP_STEP_MAIL);
    if (status == OK) {
        tell_said(looking, FINDING_OK, "mail", TEXT(""), &client->reply);
        stream_printf(client->stream, "RCPT TO:<%.*s>\r\n", TEXT_ARG(probe->recipient));
        status = smtp_client_expect(client, SMTP_STEP_RCPT);
        is_taken = status == OK;
    }
    if (is_taken)
        tell_said(looking, FINDING_OK, "rcpt", TEXT(""), &client->reply);
    else
        findings_add(looking->findings,
                     client->trouble.status == REFUSED ? FINDING_FAULT : FINDING_WARNING, "rcpt",
                     client->trouble.status == REFUSED
                         ? TEXT("the host's own words say why; its postmaster can say more")
                         : TEXT("it asks to come again: the queue does so by itself"),
                     "%s", client->trouble.words);
    if (!smtp_client_is_in_step(client))
        return is_taken;
    stream_write(client->stream, TEXT("RSET\r\n"));
    (void)smtp_client_expect(client, SMTP_STEP_RSET);
    return is_taken;
}

/* The dialogue could not be opened. */
static void tell_trouble(struct looking *looking, const struct smtp_client_trouble *trouble)
{
    bool is_tls = trouble->is_tls || trouble->is_unproven;
    struct text remedy = TEXT("it is up to the host: what it says is the reason");
    if (is_tls)
        remedy = TEXT("the host's TLS is not what is needed: its owner must mend it, or a `policy` "
                      "for the domain ask for less");
    else if (text_starts_with(text_from(trouble->enhanced), TEXT("4.4.2")))
        remedy = TEXT("a firewall on the way may cut SMTP off: try from another network");
    findings_add(looking->findings, trouble->is_tls ? FINDING_WARNING : FINDING_FAULT,
                 is_tls ? "starttls" : "dialogue", remedy, "%s", trouble->words);
}

static void shorten(int64_t *patience_ms)
{
    if (*patience_ms > PATIENCE_MS)
        *patience_ms = PATIENCE_MS;
}

/* Who waits for the answer sits before a terminal. */
static struct smtp_client_options options_for(const struct smtp_probe_peer *peer,
                                              struct looking *looking)
{
    struct smtp_client_options options =
        smtp_host_options(peer->settings, peer->connector, peer->host_tls, peer->host->port);
    shorten(&options.timeouts.connect_ms);
    shorten(&options.timeouts.greeting_ms);
    shorten(&options.timeouts.hello_ms);
    shorten(&options.timeouts.starttls_ms);
    shorten(&options.timeouts.mail_ms);
    shorten(&options.timeouts.rcpt_ms);
    shorten(&options.timeouts.reset_ms);
    options.tls_context = tls_hold(peer->sender->tls);
    options.watch = (struct smtp_client_watch){on_reply, looking};
    return options;
}

/* YIELDS. */
static enum status dial(const struct smtp_probe_peer *peer, int64_t patience_ms,
                        struct findings *findings, int *fd)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    int64_t began_ms = clock_monotonic_ms();
    net_address_text(peer->address, text);
    if (net_dial(peer->address, began_ms + patience_ms, fd) == OK) {
        findings_add(findings, FINDING_OK, "connect", TEXT(""), "%.*s %s in %lld ms",
                     TEXT_ARG(peer->host->name), text,
                     (long long)(clock_monotonic_ms() - began_ms));
        return OK;
    }
    findings_add(findings, FINDING_FAULT, "connect",
                 TEXT("no connection: the host is down, or a firewall (or this machine's provider) "
                      "blocks the port; a smart-host may be the way out"),
                 "%.*s %s: %s", TEXT_ARG(peer->host->name), text, fail_reason());
    return TRY_LATER;
}

/* As the sender does: once more in plain text or with HELO, where only that was in the way. YIELDS.
 */
static enum status open_client(const struct smtp_probe_peer *peer, struct looking *looking,
                               struct smtp_client_options *options, struct smtp_client **out)
{
    struct smtp_client_trouble trouble;
    enum status status = TRY_LATER;
    int fd;
    for (int tries = 0; tries < 3 && status != OK; tries++) {
        if (dial(peer, options->timeouts.connect_ms, looking->findings, &fd) != OK)
            return TRY_LATER;
        status = smtp_client_open(stream_new(fd, peer->address), options, out, &trouble);
        if (status == OK)
            break;
        tell_trouble(looking, &trouble);
        if (trouble.is_tls && options->tls != TLS_NONE)
            options->tls = TLS_NONE;
        else if (trouble.is_ehlo && !options->says_helo)
            options->says_helo = true;
        else
            break;
    }
    return status;
}

bool smtp_probe_address(const struct smtp_probe_peer *peer, struct findings *findings)
{
    struct looking looking = {.peer = peer, .findings = findings};
    struct smtp_client_options options = options_for(peer, &looking);
    struct smtp_client *client = NULL;
    bool is_good = open_client(peer, &looking, &options, &client) == OK;
    if (is_good) {
        tell_tls(&looking, client);
        tell_logins(&looking, client);
    }
    if (is_good && peer->probe->asks_recipient)
        is_good = ask_recipient(&looking, client);
    smtp_client_close(&client);
    tls_release(&options.tls_context);
    return is_good;
}
