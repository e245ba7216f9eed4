#include "proto/smtp/client/smtp_client_log.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

enum { COMMAND_MAX = PROTOLOG_VERB_MAX + PROTOLOG_ARGUMENTS_MAX };

struct smtp_client_log {
    struct stream_tap tap;
    struct protolog_gather *gather;
    struct text server; /* owned */
    char peer[NET_ADDRESS_TEXT_BYTES];
    uint16_t port;
    struct buffer command; /* being written, as far as it is wanted */
    uint64_t command_bytes;
    int64_t said_us; /* when the latest command was */
    bool is_octets;  /* what is written now is no command */
    bool is_login, has_verb;
};

static bool takes_smtp(const struct setting_server *server)
{
    for (unsigned i = 0; i < server->listen_count; i++)
        if (server->listens[i].service == SERVICE_SMTP)
            return true;
    return false;
}

static bool is_logged_by(const struct setting_server *server,
                         const struct setting_connector *connector)
{
    for (unsigned i = 0; i < connector->server_count; i++)
        if (text_equals_nocase(connector->servers[i], server->name))
            return true;
    return connector->server_count == 0 && takes_smtp(server);
}

const struct setting_server *smtp_client_log_server(const struct settings *settings,
                                                    const struct setting_connector *connector)
{
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        if (server->log.form.format != PROTOLOG_OFF && is_logged_by(server, connector))
            return server;
    }
    return NULL;
}

static void put_row(struct smtp_client_log *log, struct protolog_row row)
{
    row.service = SERVICE_SMTP;
    row.wall_ms = clock_wall_ms();
    row.server = log->server;
    row.peer = text_from(log->peer);
    row.port = log->port;
    protolog_gather_put(log->gather, &row);
}

static void end_command(struct smtp_client_log *log)
{
    struct text command = buffer_text(&log->command);
    if (command.length > 0 && command.data[command.length - 1] == '\r')
        command.length--;
    log->said_us = clock_monotonic_us();
    if (!log->is_login || !log->has_verb)
        put_row(log, (struct protolog_row){.kind = PROTOLOG_COMMAND,
                                           .verb = text_before(command, ' '),
                                           .arguments = text_after(command, ' '),
                                           .sent = log->command_bytes});
    log->has_verb = true;
    log->command_bytes = 0;
    buffer_reset(&log->command, 0);
}

/* A part of a command. Of a login only its first word is copied, and that once. */
static void take_part(struct smtp_client_log *log, struct text part)
{
    log->command_bytes += part.length;
    size_t room = COMMAND_MAX - log->command.length;
    if (log->is_login) {
        bool has_word = log->has_verb || log->command.length > 0;
        part = has_word ? TEXT("") : text_before(part, ' ');
    }
    buffer_append(&log->command, text_head(part, room));
}

static void wrote(struct stream_tap *tap, struct text bytes)
{
    struct smtp_client_log *log = (struct smtp_client_log *)tap;
    while (!log->is_octets && bytes.length > 0) {
        size_t end = text_find(bytes, '\n');
        take_part(log, text_head(bytes, end));
        if (end == bytes.length)
            return;
        log->command_bytes++;
        end_command(log);
        bytes = text_from_position(bytes, end + 1);
    }
}

void smtp_client_log_begin(struct smtp_client *client, const struct smtp_client_options *options)
{
    if (options->log == NULL || options->logged_by == NULL)
        return;
    struct smtp_client_log *log = calloc(1, sizeof(*log));
    check(log != NULL);
    const struct net_address *peer = stream_peer(client->stream);
    struct text name = options->logged_by->name;
    char literal[NET_ADDRESS_TEXT_BYTES];
    struct text host = text_from(net_address_literal(peer, literal));
    struct text prefix = TEXT("IPv6:");
    if (text_starts_with(host, prefix))
        host = text_from_position(host, prefix.length);
    text_copy(host, log->peer, sizeof(log->peer));
    log->port = net_address_port(peer);
    log->tap.wrote = wrote;
    log->gather = options->log;
    log->server = text_of(text_to_string(name), name.length);
    log->said_us = clock_monotonic_us();
    buffer_init(&log->command, COMMAND_MAX);
    client->log = log;
    stream_set_tap(client->stream, &log->tap);
}

void smtp_client_log_end(struct smtp_client *client)
{
    struct smtp_client_log *log = client->log;
    if (log == NULL)
        return;
    client->log = NULL;
    stream_set_tap(client->stream, NULL);
    buffer_finish(&log->command);
    free((char *)(uintptr_t)log->server.data);
    free(log);
}

void smtp_client_log_reply(struct smtp_client *client, enum smtp_client_step step)
{
    struct smtp_client_log *log = client->log;
    const struct smtp_reply *reply = &client->reply;
    struct buffer words;
    if (log == NULL)
        return;
    buffer_init(&words, 2 * SMTP_REPLY_MAX_BYTES);
    smtp_reply_describe(reply, step == SMTP_STEP_AUTH ? 3 : PROTOLOG_ARGUMENTS_MAX, &words);
    int64_t took_ms = (clock_monotonic_us() - log->said_us) / 1000;
    put_row(log, (struct protolog_row){.kind = PROTOLOG_RESPONSE,
                                       .arguments = buffer_text(&words),
                                       .status = text_head(buffer_text(&words), 3),
                                       .received = reply->bytes,
                                       .took_ms = (uint32_t)took_ms});
    buffer_finish(&words);
}

void smtp_client_log_login(struct smtp_client *client, bool is_login)
{
    if (client->log == NULL)
        return;
    client->log->is_login = is_login;
    client->log->has_verb = false;
}

void smtp_client_write_octets(struct smtp_client *client, struct text octets)
{
    if (client->log != NULL)
        client->log->is_octets = true;
    stream_write(client->stream, octets);
    if (client->log != NULL)
        client->log->is_octets = false;
}
