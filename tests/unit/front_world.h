/* A world for sessions in front: a client on one end of a socket pair, and front_peers.h behind its
 * channels. Include it in one file of a program. */
#ifndef TESTS_UNIT_FRONT_WORLD_H
#define TESTS_UNIT_FRONT_WORLD_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "front_channels.h"
#include "front_peers.h"
#include "mail/header.h"
#include "proto/imap/imap.h"
#include "proto/managesieve/managesieve.h"
#include "proto/smtp/server/smtp_server.h"
#include "settings/table.h"

static struct world {
    struct task_group group;
    struct role_context role;
    struct line_front front;
    struct tls_context *client_tls;
    int64_t now_ms;
    bool over;
} world;

/* The conversation */

static const char world_settings[] = "host mx.example.test\n"
                                     "domain example.test { user alice bob }\n"
                                     "server main {\n listen 127.0.0.1:25 smtp\n%s\n}\n";

/* lines: added to the server's block. */
static void world_open(const char *lines)
{
    memset(&world, 0, sizeof(world));
    memset(&peers, 0, sizeof(peers));
    buffer_init(&peers.upload, WORLD_BYTES);
    log_setup("test", LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    struct buffer text, errors;
    buffer_init(&text, 1 << 16);
    buffer_init(&errors, 1 << 16);
    buffer_printf(&text, world_settings, lines);
    struct settings_source *source;
    if (settings_source_of(TEXT("/etc/m.conf"), buffer_text(&text), &source) != OK ||
        settings_parse(source, 7, &errors, &world.role.settings) != OK) {
        fprintf(stderr, "%.*s\n", (int)errors.length, errors.data);
        abort();
    }
    settings_source_free(&source);
    buffer_finish(&text);
    buffer_finish(&errors);
    check(seats_new(1, &world.role.seats) == OK);
    line_front_init(&world.front, &world.role);
}

static void world_close(void)
{
    for (unsigned i = 0; i < peers.message_count; i++)
        buffer_finish(&peers.messages[i].body);
    buffer_finish(&peers.upload);
    line_front_finish(&world.front);
    seats_free(&world.role.seats);
    settings_release(&world.role.settings);
    if (world.role.server_tls != NULL)
        tls_release(&world.role.server_tls[0]);
    free(world.role.server_tls);
    tls_release(&world.client_tls);
}

/* Give the server a certificate and a policy. */
static inline void world_add_tls(enum tls_policy policy)
{
    world.role.settings->servers[0].tls = policy;
    struct buffer certificate, key;
    buffer_init(&certificate, 1 << 16);
    buffer_init(&key, 1 << 16);
    struct text name = TEXT("mx.example.test");
    check(tls_self_sign(&name, 1, 10, &certificate, &key) == OK);
    world.role.server_tls = calloc(world.role.settings->server_count, sizeof(struct tls_context *));
    check(tls_server_new(buffer_text(&certificate), buffer_text(&key), &world.role.server_tls[0]) ==
          OK);
    check(tls_client_new(false, TEXT(""), &world.client_tls) == OK);
    buffer_finish(&certificate);
    buffer_finish(&key);
}

struct conversation {
    enum service service;
    struct text input;     /* what the client sends at once */
    struct text tls_until; /* not empty: once the server has said this, start TLS ... */
    struct text tls_input; /* ... and send this */
    size_t cut;            /* send in pieces of this size; 0: whole */
    bool keeps_open;       /* the client does not end the conversation */
    bool time_flies;       /* the clock runs ahead whenever nothing happens */
    struct buffer heard;
    int client_fd, server_fd;
};

static void world_serve(void *argument)
{
    struct conversation *talk = argument;
    struct net_address peer;
    check(net_address_parse(TEXT("192.0.2.9"), 4711, &peer));
    struct stream *stream = stream_new(talk->server_fd, &peer);
    const struct setting_server *server = &world.role.settings->servers[0];
    if (!line_meet_proxy(server, stream))
        stream_end_output(stream);
    else if (talk->service == SERVICE_POP3 || talk->service == SERVICE_POP3S)
        pop3_serve_front(&world.front, server, talk->service, stream);
    else if (talk->service == SERVICE_IMAP || talk->service == SERVICE_IMAPS)
        imap_serve_front(&world.front, server, talk->service, stream);
    else if (talk->service == SERVICE_MANAGESIEVE)
        managesieve_serve_front(&world.front, server, stream);
    else
        smtp_serve(&world.front, server, talk->service, stream);
    stream_close(&stream);
    world.over = true;
}

static void world_send(struct stream *stream, struct text input, size_t cut)
{
    while (input.length > 0) {
        struct text part = text_head(input, cut == 0 ? input.length : cut);
        stream_write(stream, part);
        if (stream_flush(stream) != OK)
            return;
        input = text_from_position(input, part.length);
        if (cut > 0)
            task_yield();
    }
}

static void world_hear(struct stream *stream, struct conversation *talk)
{
    struct text bytes = stream_buffered(stream);
    buffer_append(&talk->heard, bytes);
    stream_consume(stream, bytes.length);
}

static void world_say(void *argument)
{
    struct conversation *talk = argument;
    struct stream *stream = argument == NULL ? NULL : stream_new(dup(talk->client_fd), NULL);
    /* One that fails in writing hears no more; what was said before the server hung up stays. */
    struct stream *reader =
        talk->tls_until.length > 0 ? stream : stream_new(dup(talk->client_fd), NULL);
    world_send(stream, talk->input, talk->cut);
    while (talk->tls_until.length > 0 &&
           text_find_text(buffer_text(&talk->heard), talk->tls_until) == talk->heard.length &&
           stream_fill(stream) == OK)
        world_hear(stream, talk);
    if (talk->tls_until.length > 0 &&
        stream_start_tls(stream, world.client_tls, "mx.example.test", NULL) == OK)
        world_send(stream, talk->tls_input, talk->cut);
    if (!talk->keeps_open)
        stream_end_output(stream);
    while (stream_fill(reader) == OK)
        world_hear(reader, talk);
    if (reader != stream)
        stream_close(&reader);
    stream_close(&stream);
}

static void world_let_time_fly(void *argument)
{
    unused(argument);
    while (!world.over) {
        world.now_ms += 20;
        task_yield();
    }
}

static void world_run(void *argument)
{
    struct conversation *talk = argument;
    task_group_init(&world.group);
    peers_open(&world.role);
    task_spawn(&world.group, "server", world_serve, talk);
    task_spawn(&world.group, "client", world_say, talk);
    if (talk->time_flies)
        task_spawn(&world.group, "time", world_let_time_fly, NULL);
    task_group_wait(&world.group, NO_DEADLINE);
    peers_close(&world.role);
}

/* Hold the conversation; what the server said, NUL-ended. The caller frees it. */
static char *world_talk(struct conversation talk)
{
    int pair[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    talk.server_fd = pair[0];
    talk.client_fd = pair[1];
    world.over = false;
    buffer_init(&talk.heard, WORLD_BYTES);
    world.now_ms = clock_wall_ms();
    if (talk.time_flies)
        clock_set_for_test(&world.now_ms);
    task_loop_run(world_run, &talk);
    clock_set_for_test(NULL);
    close(pair[1]);
    char *heard = text_to_string(buffer_text(&talk.heard));
    buffer_finish(&talk.heard);
    return heard;
}

/* The codes of the replies' last lines: "220 250 354 250 221". For LMTP and SMTP. */
static inline const char *world_codes(const char *heard)
{
    static char codes[4000];
    size_t length = 0;
    struct text rest = text_from(heard), line;
    codes[0] = '\0';
    while (text_split(&rest, '\n', &line) && length + 5 < sizeof(codes))
        if (line.length > 3 && line.data[3] == ' ')
            length +=
                (size_t)snprintf(codes + length, 5, "%s%.3s", length > 0 ? " " : "", line.data);
    return codes;
}

#endif
