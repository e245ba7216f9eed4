/* Copying between a client and the session that serves it, and how the client comes back: with the
 * last byte of its answers the session sends a descriptor. Then neither side sends more; the
 * session reads what is still on its way to it, and writes all it did not use into that descriptor.
 * So no byte of the client has a special meaning, and nobody but the session can end a relay so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "net/stream_internal.h"

enum { RETURN_MAX = 128 << 10, RETURN_MS = 10 * SECOND, QUIET_MS = 5 * SECOND };
/* The last byte of what comes back: it is all. */
static const char complete = '!';

struct stream_relay {
    struct stream *client, *session;
    struct task_group requests; /* the task that copies them, while there is one */
};

/* It must not flush `from`, whose output is the other direction's. False: `to` has ended. YIELDS.
 */
static bool pass_on(struct stream *from, struct stream *to)
{
    struct text bytes = stream_buffered(from);
    stream_write(to, bytes);
    stream_consume(from, bytes.length);
    return stream_flush(to) == OK;
}

static void begin_requests(struct task_io *io);

static void copy_requests(void *argument)
{
    struct stream_relay *relay = argument;
    struct stream *client = relay->client, *session = relay->session;
    while (pass_on(client, session)) {
        /* Clients idle by the thousand: who is silent needs no task that waits for him. */
        if (stream_stays_quiet(client, clock_monotonic_ms() + QUIET_MS)) {
            client->io.on_readable = begin_requests;
            return;
        }
        if (stream_fill_some(client, SIZE_MAX) != OK)
            break;
    }
    /* The client has no more to say: let the session see that, answer what it has, and close. A
     * client that closed only its side still listens. */
    shutdown(session->io.fd, SHUT_WR);
    if (client->end == STREAM_CLOSED && session->end == STREAM_OPEN)
        client->end = STREAM_OPEN;
}

static void begin_requests(struct task_io *io)
{
    struct stream *client = list_entry(io, struct stream, io);
    client->io.on_readable = NULL;
    task_spawn(&client->relay->requests, "relay", copy_requests, client->relay);
}

static void copy_answers(const struct stream_relay *relay)
{
    while (pass_on(relay->session, relay->client))
        if (stream_fill_some(relay->session, SIZE_MAX) != OK)
            break;
}

void stream_relay(struct stream *client, struct stream *session)
{
    struct stream_relay relay = {.client = client, .session = session};
    session->takes_fd = true;
    client->relay = &relay;
    task_group_init(&relay.requests);
    begin_requests(&client->io);
    copy_answers(&relay);
    if (session->passed_fd >= 0) {
        /* What was read of the client still goes to the session, which returns it. */
        session->end = STREAM_OPEN;
        session->deadline_ms = clock_monotonic_ms() + RETURN_MS;
        stream_fail(client, STREAM_CANCELLED, "the session is over");
        task_io_wake(&client->io);
        task_group_wait(&relay.requests, session->deadline_ms);
    }
    client->io.on_readable = NULL;
    stream_shut(session);
    task_group_finish(&relay.requests);
    client->relay = NULL;
    /* That we stopped waiting for the client is no fault of its stream: it can be ended in peace.
     */
    stream_revive(client);
}

/* A descriptor beside the bytes. */
union beside {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

ssize_t stream_receive_fd(struct stream *stream, char *out, size_t room)
{
    union beside beside;
    struct iovec bytes = {out, room};
    /* Room for one: with the padding two would fit, and the second be nobody's. */
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &beside,
                             .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t count = recvmsg(stream->io.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = count < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int)))
        return count;
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    if (stream->passed_fd < 0)
        stream->passed_fd = fd;
    else
        close(fd);
    return count;
}

static bool send_with_fd(struct stream *stream, struct text last, int fd)
{
    union beside beside = {.bytes = {0}};
    struct iovec bytes = {(char *)last.data, last.length};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &beside,
                             .msg_controllen = sizeof(beside)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    while (sendmsg(stream->io.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        bool may_wait = errno == EAGAIN;
        if (!may_wait && errno != EINTR)
            return false;
        if (may_wait && task_io_wait(&stream->io, TASK_WRITE, stream->deadline_ms) != OK)
            return false;
    }
    return true;
}

/* All that the relay sent and we did not use, to its end. False: it is too much, or cut off.
 * YIELDS.
 */
static bool gather(struct stream *stream, struct buffer *out)
{
    do {
        struct text bytes = stream_buffered(stream);
        buffer_append(out, bytes);
        stream_consume(stream, bytes.length);
    } while (!out->overflowed && stream_fill_some(stream, SIZE_MAX) == OK);
    return !out->overflowed && stream->end == STREAM_CLOSED;
}

static void return_input(struct stream *stream, int fd)
{
    struct stream *back = stream_new(fd, NULL);
    struct buffer unused_input;
    buffer_init(&unused_input, RETURN_MAX);
    back->deadline_ms = stream->deadline_ms;
    if (gather(stream, &unused_input)) {
        buffer_append_byte(&unused_input, complete);
        stream_write(back, buffer_text(&unused_input));
        stream_flush(back);
    }
    buffer_finish(&unused_input);
    stream_close(&back);
}

/* From here on the client's bytes are plain. */
static void end_layer(struct stream *stream)
{
    stream_encode_output(stream);
    if (stream->layer != NULL)
        stream->layer->free(stream->layer);
    stream->layer = NULL;
}

void stream_give_back(struct stream *stream)
{
    int pair[2];
    end_layer(stream);
    struct text output = buffer_text(&stream->output);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        stream_fail(stream, STREAM_BROKEN, "no socket pair: %m");
        return;
    }
    check(output.length > 0);
    stream->deadline_ms = clock_monotonic_ms() + RETURN_MS;
    stream_send_raw(stream, text_head(output, output.length - 1));
    bool is_sent = stream->end == STREAM_OPEN &&
                   send_with_fd(stream, text_from_position(output, output.length - 1), pair[1]);
    close(pair[1]);
    buffer_reset(&stream->output, 0);
    shutdown(stream->io.fd, SHUT_WR);
    if (is_sent)
        return_input(stream, pair[0]);
    else
        close(pair[0]);
}

/* Before what is in the input. */
static void put_before(struct stream *stream, struct text bytes)
{
    struct text held = stream_buffered(stream);
    size_t length = bytes.length + held.length;
    char *input = malloc(length + 1);
    check(input != NULL);
    memcpy(input, bytes.data, bytes.length);
    if (held.length > 0)
        memcpy(input + bytes.length, held.data, held.length);
    memory_give_back(stream->capacity);
    free(stream->input);
    stream->input = input;
    stream->start = 0;
    stream->stop = length;
    stream->capacity = length + 1;
    memory_draw(stream->capacity);
}

bool stream_take_back(struct stream *client, struct stream *session)
{
    struct buffer returned;
    if (session->passed_fd < 0 || client->end != STREAM_OPEN)
        return false;
    struct stream *back = stream_new(session->passed_fd, NULL);
    session->passed_fd = -1;
    back->deadline_ms = clock_monotonic_ms() + RETURN_MS;
    buffer_init(&returned, RETURN_MAX + 1);
    struct text all = gather(back, &returned) ? buffer_text(&returned) : TEXT("");
    bool is_whole = all.length > 0 && all.data[all.length - 1] == complete;
    if (is_whole && all.length > 1)
        put_before(client, text_head(all, all.length - 1));
    client->deadline_ms = NO_DEADLINE;
    buffer_finish(&returned);
    stream_close(&back);
    return is_whole;
}
