/* A call over a control socket is wire text: u32 count, words, input, u8 whether bytes are handed
 * over; the answer is u8 status, text reason, text output. Before it, if so, both sides send frames
 * (u32 length, bytes) that an empty one ends. One call a connection; the socket's permissions say
 * who may. */
#include "admin/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/logline.h"
#include "base/wire.h"
#include "net/listener.h"

enum { FRAME_MAX = 256 << 10 };
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

static enum status run(const struct admin_action *actions, void *state, const struct text *words,
                       unsigned count, struct admin_call *call)
{
    unsigned used;
    const struct admin_verb *verb = admin_verb_find(words, count, &used);
    const struct admin_action *action = verb == NULL ? NULL : action_find(actions, verb->name);
    if (action == NULL)
        return refused("no such command here");
    for (unsigned i = used; i < count; i++) {
        if (text_equals(words[i], TEXT("--json")))
            call->json = true;
        else
            call->words[call->count++] = words[i];
    }
    return action->run(state, call);
}

enum status admin_run(const struct admin_action *actions, void *state, const struct text *words,
                      unsigned count, struct text input, struct buffer *out)
{
    struct admin_call call = {.input = input, .out = out};
    return run(actions, state, words, count, &call);
}

/* ---- handing bytes over ---- */

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

/* One side's end of a pipe over a stream. */
struct frames {
    struct stream *stream;
    bool is_over; /* the other side has sent its last */
};

static enum status give_frame(void *context, struct text bytes)
{
    struct frames *frames = context;
    enum status status = OK;
    while (status == OK && bytes.length > 0) {
        struct text some = text_head(bytes, FRAME_MAX);
        stream_set_deadline(frames->stream, clock_monotonic_ms() + CALL_MS);
        send_message(frames->stream, some);
        status =
            stream_end(frames->stream) == STREAM_OPEN ? OK : try_later("the other side has gone");
        bytes = text_from_position(bytes, some.length);
    }
    return status;
}

static enum status take_frame(void *context, struct buffer *out)
{
    struct frames *frames = context;
    size_t before = out->length;
    if (frames->is_over)
        return OK;
    stream_set_deadline(frames->stream, clock_monotonic_ms() + CALL_MS);
    enum status status = read_message(frames->stream, FRAME_MAX, out);
    frames->is_over = status != OK || out->length == before;
    return status == OK ? OK : try_later("the other side has gone");
}

/* The last of ours, then pass over what the other side still sends. */
static enum status end_frames(struct frames *frames)
{
    struct buffer passed;
    enum status status = OK;
    buffer_init(&passed, FRAME_MAX);
    send_message(frames->stream, TEXT(""));
    while (status == OK && !frames->is_over) {
        buffer_reset(&passed, FRAME_MAX);
        status = take_frame(frames, &passed);
    }
    buffer_finish(&passed);
    return status;
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
                           struct text *input, bool *transfers)
{
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    if (*count > ADMIN_WORDS_MAX)
        return false;
    for (unsigned i = 0; i < *count; i++)
        words[i] = wire_get_text(&in);
    *input = wire_get_text(&in);
    *transfers = wire_get_u8(&in) != 0;
    return wire_end(&in);
}

static void send_answer(struct stream *stream, enum status status, struct text output)
{
    struct buffer answer;
    buffer_init(&answer, ANSWER_MAX);
    wire_put_u8(&answer, (uint8_t)status);
    wire_put_text(&answer, status == OK ? TEXT("") : text_from(fail_reason()));
    wire_put_text(&answer, output);
    stream_set_deadline(stream, clock_monotonic_ms() + CALL_MS);
    send_message(stream, buffer_text(&answer));
    buffer_finish(&answer);
}

static void serve_call(struct stream *stream, const struct admin_action *actions, void *state,
                       struct text request)
{
    struct text *words = calloc(ADMIN_WORDS_MAX, sizeof(*words));
    check(words != NULL);
    struct frames frames = {.stream = stream};
    struct byte_pipe pipe = {&frames, give_frame, take_frame};
    struct buffer out;
    unsigned count;
    bool transfers = false;
    buffer_init(&out, ADMIN_OUTPUT_MAX);
    struct admin_call call = {.out = &out};
    enum status status = refused("malformed request");
    if (decode_request(request, words, &count, &call.input, &transfers)) {
        call.pipe = transfers ? &pipe : NULL;
        status = run(actions, state, words, count, &call);
    }
    struct reason reason = fail_keep();
    if (transfers)
        (void)end_frames(&frames);
    send_answer(stream, fail_again(status, reason.text), buffer_text(&out));
    buffer_finish(&out);
    free(words);
}

void admin_serve_on(struct stream *stream, const struct admin_action *actions, void *state)
{
    struct buffer request;
    buffer_init(&request, REQUEST_MAX);
    stream_set_deadline(stream, clock_monotonic_ms() + CALL_MS);
    if (read_message(stream, REQUEST_MAX, &request) == OK)
        serve_call(stream, actions, state, buffer_text(&request));
    buffer_forget(&request); /* it may hold a password */
}

static void connection_task(void *argument)
{
    struct connection *connection = argument;
    struct server *server = connection->server;
    admin_serve_on(connection->stream, server->actions, server->state);
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

enum status admin_dial(const char *socket_path, struct stream **out)
{
    struct net_address address = {.length = sizeof(struct sockaddr_un)};
    address.local.sun_family = AF_UNIX;
    if (!text_copy(text_from(socket_path), address.local.sun_path, sizeof(address.local.sun_path)))
        return refused("the path of the control socket is too long");
    int fd;
    if (net_dial(&address, clock_monotonic_ms() + CALL_MS, &fd) != OK)
        return try_later("not running");
    *out = stream_new(fd, NULL);
    return OK;
}

static void send_question(struct stream *stream, const struct admin_question *question)
{
    struct buffer request;
    buffer_init(&request, REQUEST_MAX);
    wire_put_u32(&request, question->count);
    for (unsigned i = 0; i < question->count; i++)
        wire_put_text(&request, question->words[i]);
    wire_put_text(&request, question->input);
    wire_put_u8(&request, question->transfer != NULL);
    send_message(stream, buffer_text(&request));
    buffer_forget(&request);
}

enum status admin_ask_on(struct stream *stream, const struct admin_question *question,
                         struct buffer *out)
{
    struct frames frames = {.stream = stream};
    struct byte_pipe pipe = {&frames, give_frame, take_frame};
    struct buffer answer;
    struct reason reason = {""};
    enum status transferred = OK;
    stream_set_deadline(stream, clock_monotonic_ms() + CALL_MS);
    send_question(stream, question);
    if (question->transfer != NULL) {
        transferred = question->transfer(question->context, &pipe);
        if (transferred != OK && !frames.is_over)
            return transferred;
        reason = fail_keep();
        (void)end_frames(&frames); /* what is wrong with it the answer tells, or that none comes */
    }
    buffer_init(&answer, ANSWER_MAX);
    enum status status = read_message(stream, ANSWER_MAX, &answer);
    status = status == OK ? decode_answer(buffer_text(&answer), out)
                          : fail_within(TRY_LATER, "the server ended the call");
    buffer_finish(&answer);
    return status == OK ? fail_again(transferred, reason.text) : status;
}

enum status admin_ask(const char *socket_path, const struct text *words, unsigned count,
                      struct text input, struct buffer *out)
{
    struct admin_question question = {.words = words, .count = count, .input = input};
    struct stream *stream;
    enum status status = admin_dial(socket_path, &stream);
    if (status != OK)
        return status;
    status = admin_ask_on(stream, &question, out);
    stream_close(&stream);
    return status;
}

void admin_json_text(struct buffer *out, struct text text)
{
    unsigned character;
    buffer_append_byte(out, '"');
    while (!text_is_empty(text)) {
        size_t length = utf8_next(text, &character);
        if (length == 0) /* RFC 8259 8.1: JSON is UTF-8, whatever strangers wrote */
            buffer_append(out, TEXT("\\ufffd"));
        else if (character == '"' || character == '\\')
            buffer_printf(out, "\\%c", (int)character);
        else if (character < 32 || character == 127)
            buffer_printf(out, "\\u%04x", character);
        else
            buffer_append(out, text_head(text, length));
        text = text_from_position(text, length > 0 ? length : 1);
    }
    buffer_append_byte(out, '"');
}
