/* A call over a control socket is wire text: u32 count, words, input; the answer is u8 status, text
 * reason, text output. One call a connection; the socket's permissions say who may. */
#include "admin/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/wire.h"
#include "net/listener.h"
#include "net/stream.h"

enum { REQUEST_MAX = 1 << 20, ANSWER_MAX = ADMIN_OUTPUT_MAX + 4096, CALL_MS = 5 * MINUTE };

unsigned admin_words_match(const char *name, const struct text *words, unsigned count)
{
    struct text rest = text_from(name), word;
    unsigned matched = 0;
    while (text_word(&rest, &word)) {
        if (matched == count || !text_equals(words[matched], word))
            return 0;
        matched++;
    }
    return matched;
}

const struct admin_verb *admin_verb_find(const struct text *words, unsigned count, unsigned *used)
{
    const struct admin_verb *found = NULL;
    *used = 0;
    for (unsigned i = 0; i < admin_verb_count; i++) {
        unsigned matched = admin_words_match(admin_verbs[i].name, words, count);
        if (matched > *used) {
            *used = matched;
            found = &admin_verbs[i];
        }
    }
    return found;
}

static const struct admin_action *action_find(const struct admin_action *actions, const char *name)
{
    while (actions->name != NULL && strcmp(actions->name, name) != 0)
        actions++;
    return actions->name == NULL ? NULL : actions;
}

enum status admin_run(const struct admin_action *actions, void *state, const struct text *words,
                      unsigned count, struct text input, struct buffer *out)
{
    unsigned used;
    const struct admin_verb *verb = admin_verb_find(words, count, &used);
    const struct admin_action *action = verb == NULL ? NULL : action_find(actions, verb->name);
    if (action == NULL)
        return refused("no such command here");
    struct admin_call call = {.input = input, .out = out};
    for (unsigned i = used; i < count; i++) {
        if (text_equals(words[i], TEXT("--json")))
            call.json = true;
        else
            call.words[call.count++] = words[i];
    }
    return action->run(state, &call);
}

/* ---- serving ---- */

struct server {
    const struct admin_action *actions;
    void *state;
    struct task_group *group;
};

struct connection {
    struct server *server;
    struct stream *stream;
};

static bool decode_request(struct text bytes, struct text *words, unsigned *count,
                           struct text *input)
{
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    if (*count > ADMIN_WORDS_MAX)
        return false;
    for (unsigned i = 0; i < *count; i++)
        words[i] = wire_get_text(&in);
    *input = wire_get_text(&in);
    return wire_end(&in);
}

/* A length-prefixed message, as both sides send one. YIELDS. */
static enum status read_message(struct stream *stream, size_t most, struct buffer *out)
{
    struct buffer prefix;
    buffer_init(&prefix, sizeof(uint32_t));
    enum status status = stream_read_exactly(stream, sizeof(uint32_t), &prefix);
    struct wire_reader in = wire_reader_of(buffer_text(&prefix));
    uint32_t length = wire_get_u32(&in);
    buffer_finish(&prefix);
    if (status == OK && length > most)
        status = refused("a message of %u bytes is too large", length);
    return status == OK ? stream_read_exactly(stream, length, out) : status;
}

static void send_message(struct stream *stream, struct text bytes)
{
    struct buffer prefix;
    buffer_init(&prefix, sizeof(uint32_t));
    wire_put_u32(&prefix, (uint32_t)bytes.length);
    stream_write(stream, buffer_text(&prefix));
    stream_write(stream, bytes);
    stream_flush(stream);
    buffer_finish(&prefix);
}

static void serve_call(struct connection *connection, struct text request)
{
    struct server *server = connection->server;
    struct text *words = calloc(ADMIN_WORDS_MAX, sizeof(*words));
    check(words != NULL);
    struct text input;
    unsigned count;
    struct buffer out, answer;
    buffer_init(&out, ADMIN_OUTPUT_MAX);
    buffer_init(&answer, ANSWER_MAX);
    enum status status = REFUSED;
    if (decode_request(request, words, &count, &input))
        status = admin_run(server->actions, server->state, words, count, input, &out);
    else
        status = refused("malformed request");
    wire_put_u8(&answer, (uint8_t)status);
    wire_put_text(&answer, status == OK ? TEXT("") : text_from(fail_reason()));
    wire_put_text(&answer, buffer_text(&out));
    send_message(connection->stream, buffer_text(&answer));
    buffer_finish(&out);
    buffer_finish(&answer);
    free(words);
}

static void connection_task(void *argument)
{
    struct connection *connection = argument;
    struct buffer request;
    buffer_init(&request, REQUEST_MAX);
    stream_set_deadline(connection->stream, clock_monotonic_ms() + CALL_MS);
    if (read_message(connection->stream, REQUEST_MAX, &request) == OK)
        serve_call(connection, buffer_text(&request));
    buffer_forget(&request); /* it may hold a password */
    stream_close(&connection->stream);
    free(connection);
}

static void on_connection(void *context, int fd, const struct net_address *peer)
{
    struct server *server = context;
    struct connection *connection = calloc(1, sizeof(*connection));
    check(connection != NULL);
    connection->server = server;
    connection->stream = stream_new(fd, peer);
    task_spawn(server->group, "admin-call", connection_task, connection);
}

void admin_serve(int listening_fd, const struct admin_action *actions, void *state)
{
    struct task_group calls;
    task_group_init(&calls);
    struct server server = {.actions = actions, .state = state, .group = &calls};
    net_accept_loop(listening_fd, on_connection, &server);
    task_group_finish(&calls);
}

/* ---- asking ---- */

static enum status decode_answer(struct text bytes, struct buffer *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    enum status status = wire_get_u8(&in);
    struct text reason = wire_get_text(&in);
    buffer_append(out, wire_get_text(&in));
    if (!wire_end(&in))
        return try_later("the server's answer is malformed");
    if (status == OK)
        return OK;
    return status == REFUSED ? refused("%.*s", TEXT_ARG(reason))
                             : try_later("%.*s", TEXT_ARG(reason));
}

enum status admin_ask(const char *socket_path, const struct text *words, unsigned count,
                      struct text input, struct buffer *out)
{
    struct net_address address = {.length = sizeof(struct sockaddr_un)};
    address.local.sun_family = AF_UNIX;
    if (!text_copy(text_from(socket_path), address.local.sun_path, sizeof(address.local.sun_path)))
        return refused("the path of the control socket is too long");
    int64_t deadline = clock_monotonic_ms() + CALL_MS;
    int fd;
    if (net_dial(&address, deadline, &fd) != OK)
        return try_later("not running");
    struct stream *stream = stream_new(fd, NULL);
    stream_set_deadline(stream, deadline);
    struct buffer request, answer;
    buffer_init(&request, REQUEST_MAX);
    buffer_init(&answer, ANSWER_MAX);
    wire_put_u32(&request, count);
    for (unsigned i = 0; i < count; i++)
        wire_put_text(&request, words[i]);
    wire_put_text(&request, input);
    send_message(stream, buffer_text(&request));
    enum status status = read_message(stream, ANSWER_MAX, &answer);
    status = status == OK ? decode_answer(buffer_text(&answer), out)
                          : fail_within(TRY_LATER, "the server ended the call");
    buffer_forget(&request);
    buffer_finish(&answer);
    stream_close(&stream);
    return status;
}

void admin_json_text(struct buffer *out, struct text text)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\')
            buffer_printf(out, "\\%c", byte);
        else if (byte < 32 || byte == 127)
            buffer_printf(out, "\\u%04x", byte);
        else
            buffer_append_byte(out, (char)byte);
    }
    buffer_append_byte(out, '"');
}
