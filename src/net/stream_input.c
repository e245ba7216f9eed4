/* What comes in by a stream: gathered, looked at, taken. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "net/stream_internal.h"

enum { INPUT_FIRST = 16384, INPUT_MAX = 32768 };

/* Take what the socket has. False: nothing now, or the stream is at its end. */
static bool take_plain(struct stream *stream, char *out, size_t room, size_t *received)
{
    ssize_t count;
    do /* Not by O_NONBLOCK: who gave us the socket may still share that flag, and change it. */
        count = stream->takes_fd ? stream_receive_fd(stream, out, room)
                                 : recv(stream->io.fd, out, room, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    *received = count > 0 ? (size_t)count : 0;
    if (count == 0)
        stream_fail(stream, STREAM_CLOSED, "closed by the peer");
    else if (count < 0 && errno != EAGAIN)
        stream_fail(stream, STREAM_BROKEN, "receive: %s", strerror(errno));
    else if (*received < room)
        task_io_drained(&stream->io);
    return count > 0;
}

enum status stream_receive_raw(struct stream *stream, char *out, size_t room, size_t *received)
{
    while (stream->end == STREAM_OPEN) {
        if (stream->ssl != NULL) {
            ERR_clear_error();
            errno = 0;
            int result = SSL_read_ex(stream->ssl, out, room, received);
            if (result == 1)
                return OK;
            if (stream_tls_wait(stream, result, "TLS read") != OK)
                break;
            continue;
        }
        if ((stream->io.ready & TASK_READ) == 0 && stream_wait(stream, TASK_READ) != OK)
            break;
        if (take_plain(stream, out, room, received))
            return OK;
    }
    return stream_ended(stream);
}

static enum status receive(struct stream *stream, char *out, size_t room, size_t *received)
{
    if (stream->layer != NULL)
        return stream->layer->receive(stream, out, room, received);
    return stream_receive_raw(stream, out, room, received);
}

static bool has_more(const struct stream *stream)
{
    return stream->layer != NULL && stream->layer->has_more(stream);
}

/* Room at the end of the input: move what is left to the front, grow when it is full. */
static size_t input_room(struct stream *stream)
{
    if (stream->start == stream->stop)
        stream->start = stream->stop = 0;
    if (stream->start > 0 && stream->stop == stream->capacity) {
        memmove(stream->input, stream->input + stream->start, stream->stop - stream->start);
        stream->stop -= stream->start;
        stream->start = 0;
    }
    if (stream->stop == stream->capacity && stream->capacity < INPUT_MAX) {
        memory_give_back(stream->capacity);
        stream->capacity = stream->capacity == 0 ? INPUT_FIRST : INPUT_MAX;
        memory_draw(stream->capacity);
        stream->input = realloc(stream->input, stream->capacity);
        check(stream->input != NULL);
    }
    return stream->capacity - stream->stop;
}

/* An idle session holds no input buffer: it is freed when a wait begins and nothing is in it. */
static void input_release(struct stream *stream)
{
    if (stream->start != stream->stop || stream->capacity == 0)
        return;
    memory_give_back(stream->capacity);
    free(stream->input);
    stream->input = NULL;
    stream->start = stream->stop = stream->capacity = 0;
}

/* Until there are bytes under TLS: looking for them needs no buffer of ours. YIELDS. */
static enum status await_tls(struct stream *stream)
{
    char byte;
    size_t count;
    while (stream->end == STREAM_OPEN) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_peek_ex(stream->ssl, &byte, 1, &count);
        if (result == 1)
            return OK;
        stream_tls_wait(stream, result, "TLS read");
    }
    return stream_ended(stream);
}

/* False: the input buffer is full. */
static bool find_room(struct stream *stream, size_t most, size_t *room)
{
    *room = input_room(stream);
    *room = *room < most ? *room : most;
    return *room > 0;
}

/* From a socket. YIELDS. */
static enum status fill_plain(struct stream *stream, size_t most, size_t *received)
{
    size_t room;
    while (stream->end == STREAM_OPEN) {
        if ((stream->io.ready & TASK_READ) != 0) {
            if (!find_room(stream, most, &room))
                return try_later("the input buffer is full");
            if (take_plain(stream, stream->input + stream->stop, room, received))
                return OK;
            if (stream->end != STREAM_OPEN)
                break;
        }
        input_release(stream);
        stream_wait(stream, TASK_READ);
    }
    return stream_ended(stream);
}

/* Through TLS, or a layer. YIELDS. */
static enum status fill_decoded(struct stream *stream, size_t most, size_t *received)
{
    size_t room;
    bool may_wait = stream->ssl != NULL && SSL_pending(stream->ssl) == 0;
    if (may_wait && stream->start == stream->stop && !has_more(stream)) {
        input_release(stream);
        if (await_tls(stream) != OK)
            return TRY_LATER;
    }
    if (!find_room(stream, most, &room))
        return try_later("the input buffer is full");
    return receive(stream, stream->input + stream->stop, room, received);
}

/* One receipt. Through a layer it may bring nothing, as of what it encodes only a part came. */
static enum status fill_once(struct stream *stream, size_t most, size_t *received)
{
    bool is_plain = stream->ssl == NULL && stream->layer == NULL;
    if (stream->end != STREAM_OPEN)
        return stream_ended(stream);
    if ((is_plain ? fill_plain : fill_decoded)(stream, most, received) != OK)
        return TRY_LATER;
    stream->stop += *received;
    stream->bytes_in += *received;
    stream_take_turns(stream, *received);
    return OK;
}

static enum status fill(struct stream *stream, size_t most)
{
    enum status status;
    size_t received;
    do
        status = fill_once(stream, most, &received);
    while (status == OK && received == 0);
    return status;
}

enum status stream_fill(struct stream *stream)
{
    if (stream->output.length > 0 && stream_flush(stream) != OK)
        return TRY_LATER;
    return fill(stream, INPUT_MAX);
}

enum status stream_fill_some(struct stream *stream, size_t most)
{
    return fill(stream, most);
}

enum status stream_await(struct stream *stream)
{
    if (stream->start != stream->stop)
        return OK;
    if (stream->output.length > 0 && stream_flush(stream) != OK)
        return TRY_LATER;
    /* Being woken looks like being readable, so it is seen by looking. */
    char byte;
    while (!stream->woken && stream->end == STREAM_OPEN) {
        if (has_more(stream) || recv(stream->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
            errno != EAGAIN) {
            size_t received;
            enum status status = fill_once(stream, INPUT_MAX, &received);
            if (status != OK || received > 0)
                return status;
            continue;
        }
        input_release(stream);
        stream_wait(stream, TASK_READ);
    }
    stream->woken = false;
    return stream->end == STREAM_OPEN ? OK : stream_ended(stream);
}

void stream_wake(struct stream *stream)
{
    stream->woken = true;
    task_io_wake(&stream->io);
}

/* No call finds that there is nothing, when the last one did and the loop was told of no more. */
static bool may_have_input(const struct stream *stream)
{
    return (stream->io.ready & TASK_READ) != 0 ||
           (stream->ssl != NULL && SSL_has_pending(stream->ssl) == 1);
}

bool stream_stays_quiet(struct stream *stream, int64_t until_ms)
{
    if (stream_holds_input(stream) || may_have_input(stream) || stream->end != STREAM_OPEN)
        return false;
    input_release(stream);
    task_io_wait(&stream->io, TASK_READ, until_ms);
    return stream->end == STREAM_OPEN && !task_is_cancelled() &&
           (stream->io.ready & TASK_READ) == 0;
}

bool stream_has_input(struct stream *stream)
{
    size_t received = 0;
    if (stream->start != stream->stop)
        return true;
    if (stream->end != STREAM_OPEN || !may_have_input(stream))
        return false;
    size_t room = input_room(stream);
    char *place = stream->input + stream->stop;
    if (stream->ssl == NULL) {
        ssize_t count = recv(stream->io.fd, place, room, MSG_DONTWAIT);
        received = count > 0 ? (size_t)count : 0;
        if (count < 0 && errno == EAGAIN) /* an end will be met again by the next read */
            task_io_drained(&stream->io);
    } else if (SSL_read_ex(stream->ssl, place, room, &received) != 1) {
        received = 0;
        ERR_clear_error();
    }
    stream->stop += received;
    stream->bytes_in += received;
    input_release(stream);
    return received > 0;
}

struct text stream_buffered(const struct stream *stream)
{
    if (stream->start == stream->stop)
        return TEXT("");
    return text_of(stream->input + stream->start, stream->stop - stream->start);
}

void stream_consume(struct stream *stream, size_t count)
{
    check(count <= stream->stop - stream->start);
    stream->start += count;
}

/* Drop input up to and with the next LF. YIELDS. */
static enum status skip_line(struct stream *stream)
{
    for (;;) {
        struct text buffered = stream_buffered(stream);
        size_t end = text_find(buffered, '\n');
        if (end < buffered.length) {
            stream_consume(stream, end + 1);
            return refused("line too long");
        }
        stream_consume(stream, buffered.length);
        if (stream_fill(stream) != OK)
            return TRY_LATER;
    }
}

enum status stream_read_line(struct stream *stream, size_t max, struct text *line)
{
    check(max <= INPUT_MAX);
    size_t searched = 0;
    for (;;) {
        struct text buffered = stream_buffered(stream);
        struct text unsearched = text_from_position(buffered, searched);
        size_t end = searched + text_find(unsearched, '\n');
        if (end < buffered.length && end < max) {
            *line = text_head(buffered, end + 1);
            stream_consume(stream, end + 1);
            return OK;
        }
        if (buffered.length >= max)
            return skip_line(stream);
        searched = buffered.length;
        if (stream_fill(stream) != OK)
            return TRY_LATER;
    }
}

enum status stream_read_exactly(struct stream *stream, size_t count, struct buffer *out)
{
    while (count > 0) {
        if (stream->start == stream->stop && stream_fill(stream) != OK)
            return TRY_LATER;
        struct text part = text_head(stream_buffered(stream), count);
        if (!buffer_append(out, part))
            return refused("longer than %zu bytes", out->limit);
        stream_consume(stream, part.length);
        count -= part.length;
    }
    return OK;
}

bool stream_holds_input(const struct stream *stream)
{
    return stream->start != stream->stop || has_more(stream);
}
