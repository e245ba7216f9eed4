/* The exchange of messages with the peer. What they mean is known in sasl/; secrets stay out of
 * every log and trouble. */
#include "proto/smtp/client/smtp_client_auth.h"

#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/logline.h"
#include "net/stream_tls.h"
#include "proto/smtp/client/smtp_client_log.h"
#include "task/offload.h"

enum {
    COMMAND_MAX = 512,   /* RFC 5321 4.5.3.1.4, AUTH with an initial response included */
    LINE_MAX = 12288,    /* RFC 4954 4.3 */
    CHALLENGES_MAX = 12, /* of one exchange: Kerberos behind SPNEGO takes five */
    RESPONSE_MAX = LINE_MAX / 4 * 3 - 2,
};

/* One login by one mechanism. */
struct login {
    struct smtp_client *client;
    struct sasl_client *sasl;
    enum sasl_mechanism mechanism;
    const char *verb;
    bool is_begun; /* the peer was told of it */
    struct buffer challenge, response;
};

/* ---- Steps of the mechanism, on another thread when they take time ---- */

struct step {
    struct login *login;
    enum status status;
    struct reason reason;
};

static void run_step(void *argument)
{
    struct step *step = argument;
    struct login *login = step->login;
    step->status = sasl_client_step(login->sasl, buffer_text(&login->challenge), &login->response);
    snprintf(step->reason.text, sizeof(step->reason.text), "%s", fail_reason());
}

/* The answer to login->challenge, in login->response. YIELDS. */
static enum status answer_challenge(struct login *login)
{
    struct step step = {.login = login};
    buffer_reset(&login->response, RESPONSE_MAX);
    if ((sasl_mechanism_traits(login->mechanism) & SASL_BLOCKS) != 0)
        task_offload(run_step, &step);
    else
        run_step(&step);
    switch (step.status) {
    case OK:
        return OK;
    case TRY_LATER:
        return try_later("%s", step.reason.text);
    case REFUSED:
        break;
    }
    return refused("%s", step.reason.text);
}

/* ---- What goes over the line ---- */

static void write_line(struct login *login, const char *before, struct text base64)
{
    stream_printf(login->client->stream, "%s%.*s\r\n", before, TEXT_ARG(base64));
}

static void write_response(struct login *login)
{
    struct buffer encoded;
    buffer_init(&encoded, LINE_MAX);
    buffer_reserve(&encoded, LINE_MAX); /* one block: what held a secret is wiped whole */
    base64_encode(buffer_text(&login->response), &encoded);
    stream_write(login->client->stream, buffer_text(&encoded));
    stream_write(login->client->stream, TEXT("\r\n"));
    buffer_forget(&encoded);
}

/* "AUTH NAME", with the first message if there is one and it fits in a command. False: it did not
 * fit. RFC 4954 4: "=" is a message of no bytes. */
static bool write_command(struct login *login, bool has_message)
{
    const char *name = sasl_mechanism_names[login->mechanism];
    size_t message = (login->response.length + 2) / 3 * 4;
    size_t length = strlen(login->verb) + strlen(name) + message + 4;
    struct stream *stream = login->client->stream;
    login->is_begun = true;
    stream_printf(stream, "%s %s", login->verb, name);
    if (!has_message || length > COMMAND_MAX) {
        stream_write(stream, TEXT("\r\n"));
        return !has_message;
    }
    stream_write(stream, TEXT(" "));
    if (login->response.length == 0)
        write_line(login, "=", TEXT(""));
    else
        write_response(login);
    return true;
}

/* ---- Failures ---- */

/* All of them are told alike, and the mail waits: see the header. */
static enum status login_failed(struct login *login)
{
    struct smtp_client_trouble *trouble = &login->client->trouble;
    char words[REASON_BYTES];
    trouble->enhanced[0] = '4';
    trouble->status = TRY_LATER;
    snprintf(words, sizeof(words), "%s", trouble->words);
    snprintf(trouble->words, sizeof(trouble->words), "login by %s: %.400s",
             sasl_mechanism_names[login->mechanism], words);
    return TRY_LATER;
}

static enum status refused_by_peer(struct login *login)
{
    smtp_client_fail_reply(login->client, SMTP_STEP_AUTH);
    return login_failed(login);
}

/* We end the exchange; RFC 4954 4: "*", to which the peer says 501. */
static enum status cancel(struct login *login)
{
    struct smtp_client *client = login->client;
    char reason[REASON_BYTES];
    snprintf(reason, sizeof(reason), "%s", fail_reason());
    if (login->is_begun) {
        stream_write(client->stream, TEXT("*\r\n"));
        if (smtp_client_read(client, SMTP_STEP_AUTH) == OK && client->reply.code / 100 < 4)
            client->is_broken = true;
    }
    smtp_client_fail(client, TRY_LATER, "4.7.0", "%s", reason);
    return login_failed(login);
}

/* ---- The exchange ---- */

/* A challenge is one line of base64, nothing else. */
static enum status decode_challenge(struct login *login)
{
    const struct smtp_reply *reply = &login->client->reply;
    buffer_reset(&login->challenge, LINE_MAX);
    if (reply->lines != 1 ||
        !base64_decode(text_trim(buffer_text(&reply->words)), &login->challenge))
        return refused("the peer's challenge is not base64");
    return OK;
}

/* 334 by 334 to the peer's verdict. YIELDS. */
static enum status converse(struct login *login)
{
    struct smtp_client *client = login->client;
    for (unsigned count = 0; smtp_client_read(client, SMTP_STEP_AUTH) == OK; count++) {
        if (client->reply.code != 334)
            return client->reply.code == 235 ? OK : refused_by_peer(login);
        if (count == CHALLENGES_MAX)
            refused("the peer asks without end");
        if (count == CHALLENGES_MAX || decode_challenge(login) != OK ||
            answer_challenge(login) != OK)
            return cancel(login);
        write_response(login);
    }
    return login_failed(login);
}

/* The peer asks for the first message; RFC 4954 4 gives that challenge no content, and there are
 * servers that put words there. YIELDS. */
static enum status send_first_apart(struct login *login)
{
    struct smtp_client *client = login->client;
    if (smtp_client_read(client, SMTP_STEP_AUTH) != OK)
        return login_failed(login);
    if (client->reply.code != 334)
        return refused_by_peer(login);
    write_response(login);
    return OK;
}

/* YIELDS. */
static enum status run_login(struct login *login)
{
    bool speaks_first = (sasl_mechanism_traits(login->mechanism) & SASL_SPEAKS_FIRST) != 0;
    if (speaks_first && answer_challenge(login) != OK)
        return cancel(login);
    if (!write_command(login, speaks_first) && send_first_apart(login) != OK)
        return TRY_LATER;
    if (converse(login) != OK)
        return TRY_LATER;
    if (sasl_client_succeed(login->sasl) == OK)
        return OK;
    login->client->is_broken = true; /* whoever this is, it thinks that we are logged in */
    smtp_client_fail(login->client, TRY_LATER, "4.7.0", "%s", fail_reason());
    return login_failed(login);
}

/* ---- Which mechanism ---- */

static struct sasl_peer describe_peer(const struct smtp_client *client,
                                      const struct smtp_client_options *options,
                                      unsigned char binding[TLS_END_POINT_MAX])
{
    const struct net_address *address = stream_peer(client->stream);
    bool is_exps = options->login->exps != EXPS_NEVER;
    struct sasl_peer peer = {
        .offered = is_exps ? client->exps_offers : client->auth_offers,
        .service = is_exps ? "SMTPSVC" : "smtp",
        .host = text_from(options->peer_name == NULL ? "" : options->peer_name),
        .port = net_address_port(address),
        .is_tls = stream_is_tls(client->stream),
        .is_verified = stream_is_tls(client->stream) && options->tls == TLS_VERIFY,
        .is_local = net_address_is_loopback(address),
        .wraps = is_exps,
    };
    if (stream_tls_exporter(client->stream, binding)) {
        peer.binding_type = "tls-exporter";
        peer.binding = text_of((const char *)binding, TLS_EXPORTER_BYTES);
        return peer;
    }
    size_t length = stream_tls_server_end_point(client->stream, binding);
    if (length > 0) {
        peer.binding_type = "tls-server-end-point";
        peer.binding = text_of((const char *)binding, length);
    }
    return peer;
}

/* YIELDS. */
static enum status log_in_by(struct smtp_client *client, enum sasl_mechanism mechanism,
                             const struct smtp_client_options *options,
                             const struct sasl_peer *peer, bool *may_try_other)
{
    bool is_exps = options->login->exps != EXPS_NEVER;
    struct login login = {
        .client = client, .mechanism = mechanism, .verb = is_exps ? "X-EXPS" : "AUTH"};
    buffer_init(&login.challenge, LINE_MAX);
    buffer_init(&login.response, RESPONSE_MAX);
    login.sasl = sasl_client_new(mechanism, &options->login->identity, peer);
    smtp_client_log_login(client, true);
    enum status status = run_login(&login);
    smtp_client_log_login(client, false);
    /* The peer does not have what it offered, or we have no ticket for it. */
    *may_try_other = !client->is_broken && (!login.is_begun || client->reply.code == 504);
    sasl_client_free(&login.sasl);
    buffer_forget(&login.challenge);
    buffer_forget(&login.response);
    return status;
}

static void log_login(const struct smtp_client *client, const struct smtp_client_options *options,
                      enum sasl_mechanism mechanism, enum status status)
{
    char peer[NET_ADDRESS_TEXT_BYTES];
    net_address_text(stream_peer(client->stream), peer);
    const char *name = sasl_mechanism_names[mechanism];
    struct text user = options->login->identity.user;
    if (status == OK)
        log_info("smtp.logged-in", "peer=%s user=%s mechanism=%s tls=%s", peer, log_text(user),
                 name, log_text(text_from(stream_tls_version(client->stream))));
    else
        log_warning("smtp.login-failed", "peer=%s user=%s mechanism=%s reason=%s", peer,
                    log_text(user), name, log_text(text_from(client->trouble.words)));
}

/* Every step down is in the log. YIELDS. */
static enum status log_in(struct smtp_client *client, const struct smtp_client_options *options)
{
    unsigned char binding[TLS_END_POINT_MAX];
    const struct sasl_peer peer = describe_peer(client, options, binding);
    uint32_t tried = 0;
    bool may_try_other = true;
    enum status status = TRY_LATER;
    while (status != OK && may_try_other) {
        enum sasl_mechanism mechanism = sasl_client_choose(&options->login->identity, &peer, tried);
        if (mechanism == SASL_MECHANISMS)
            return tried != 0 ? status
                              : smtp_client_fail(client, TRY_LATER, "4.7.0", "%s", fail_reason());
        status = log_in_by(client, mechanism, options, &peer, &may_try_other);
        log_login(client, options, mechanism, status);
        tried |= SASL_BIT(mechanism);
    }
    return status;
}

enum status smtp_client_log_in(struct smtp_client *client,
                               const struct smtp_client_options *options)
{
    const struct smtp_client_login *login = options->login;
    char peer[NET_ADDRESS_TEXT_BYTES];
    if (login == NULL)
        return OK;
    enum status status = log_in(client, options);
    client->is_logged_in = status == OK;
    client->is_exps = status == OK && login->exps != EXPS_NEVER;
    if (status == OK || login->exps != EXPS_TRY || client->is_broken)
        return status;
    /* What Exchange tells as event 1706. */
    log_warning("smtp.exps-anonymous", "peer=%s reason=%s",
                net_address_text(stream_peer(client->stream), peer),
                log_text(text_from(client->trouble.words)));
    return OK;
}
