#include "net/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "net/stream_internal.h"

enum {
    INPUT_FIRST = 16384,
    INPUT_MAX = 32768,
    OUTPUT_FLUSH = 32768,
    OUTPUT_MAX = 1 << 20,
    TURN_BYTES = 64 << 10,
    ERROR_BYTES = 160,
    IDLE_MS = 5 * SECOND
};

struct stream *stream_new(int fd, const struct net_address *peer)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    check(stream != NULL);
    stream->deadline_ms = NO_DEADLINE;
    stream->passed_fd = -1;
    if (peer != NULL)
        stream_set_peer(stream, peer);
    buffer_init(&stream->output, OUTPUT_MAX);
    if (task_io_open(&stream->io, fd) != OK) {
        stream_fail(stream, STREAM_BROKEN, "%s", fail_reason());
    }
    return stream;
}

void stream_close(struct stream **stream)
{
    struct stream *closing = *stream;
    if (closing == NULL)
        return;
    *stream = NULL;
    int fd = closing->io.fd;
    if (closing->ssl != NULL) {
        if (closing->end == STREAM_OPEN || closing->end == STREAM_CLOSED)
            SSL_shutdown(closing->ssl);
        SSL_free(closing->ssl);
        memory_give_back(STREAM_TLS_BYTES);
        ERR_clear_error();
    }
    task_io_close(&closing->io);
    close(fd);
    if (closing->passed_fd >= 0)
        close(closing->passed_fd);
    if (closing->layer != NULL)
        closing->layer->free(closing->layer);
    memory_give_back(closing->capacity);
    free(closing->input);
    buffer_finish(&closing->output);
    free(closing->error);
    free(closing->peer);
    free(closing);
}

int stream_descriptor(const struct stream *stream)
{
    return stream->io.fd;
}

const struct net_address *stream_peer(const struct stream *stream)
{
    static const struct net_address nobody = {0};
    return stream->peer == NULL ? &nobody : stream->peer;
}

bool stream_local(const struct stream *stream, struct net_address *out)
{
    *out = (struct net_address){.length = sizeof(out->local)};
    return getsockname(stream->io.fd, &out->any, &out->length) == 0;
}

void stream_set_peer(struct stream *stream, const struct net_address *peer)
{
    if (stream->peer == NULL)
        stream->peer = malloc(sizeof(*peer));
    check(stream->peer != NULL);
    *stream->peer = *peer;
}

void stream_set_deadline(struct stream *stream, int64_t deadline_ms)
{
    stream->deadline_ms = deadline_ms;
}

enum stream_end stream_end(const struct stream *stream)
{
    return stream->end;
}

const char *stream_error(const struct stream *stream)
{
    return stream->error == NULL ? "" : stream->error;
}

/* What every call on an ended stream returns. */
static enum status ended(const struct stream *stream)
{
    return try_later("%s", stream_error(stream));
}

enum status stream_fail(struct stream *stream, enum stream_end end, const char *format, ...)
{
    if (stream->end == STREAM_OPEN) {
        char error[ERROR_BYTES];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error, sizeof(error), format, arguments);
        va_end(arguments);
        free(stream->error);
        stream->error = strdup(error);
        check(stream->error != NULL);
        stream->end = end;
    }
    return ended(stream);
}

void stream_shut(struct stream *stream)
{
    stream_fail(stream, STREAM_CLOSED, "ended by us");
    task_io_wake(&stream->io);
}

void stream_revive(struct stream *stream)
{
    if (stream->end != STREAM_TIMED_OUT && stream->end != STREAM_CANCELLED)
        return;
    stream->end = STREAM_OPEN;
    free(stream->error);
    stream->error = NULL;
    stream->deadline_ms = 0;
}

/* A peer as fast as we are never makes us wait. The others want to be served all the same, and what
 * ends a wait must end this too. YIELDS. */
static void take_turns(struct stream *stream, size_t moved)
{
    stream->turn_bytes += moved;
    if (stream->turn_bytes < TURN_BYTES)
        return;
    stream->turn_bytes = 0;
    task_yield();
    if (task_is_cancelled())
        stream_fail(stream, STREAM_CANCELLED, "cancelled");
    else if (clock_monotonic_ms() >= stream->deadline_ms)
        stream_fail(stream, STREAM_TIMED_OUT, "timed out");
}

/* Who is silent for so long gives back the stack that deeper calls have touched: sessions idle by
 * the thousand. YIELDS. */
static enum status wait_idle(struct stream *stream, enum task_io_direction direction)
{
    int64_t quiet_ms = clock_monotonic_ms() + IDLE_MS;
    if (quiet_ms < stream->deadline_ms) {
        enum status status = task_io_wait(&stream->io, direction, quiet_ms);
        if (status == OK || stream->end != STREAM_OPEN || task_is_cancelled())
            return status;
        /* What came after the timer did is not announced again. */
        if ((stream->io.ready & (unsigned)direction) != 0)
            return OK;
        task_trim_stack();
    }
    return task_io_wait(&stream->io, direction, stream->deadline_ms);
}

static enum status stream_wait(struct stream *stream, enum task_io_direction direction)
{
    stream->turn_bytes = 0;
    enum status status = wait_idle(stream, direction);
    if (stream->end != STREAM_OPEN)
        return ended(stream);
    if (status == OK)
        return OK;
    if (task_is_cancelled())
        return stream_fail(stream, STREAM_CANCELLED, "cancelled");
    return stream_fail(stream, STREAM_TIMED_OUT, "timed out");
}

enum status stream_tls_wait(struct stream *stream, int result, const char *doing)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return stream_wait(stream, TASK_READ);
    case SSL_ERROR_WANT_WRITE:
        return stream_wait(stream, TASK_WRITE);
    case SSL_ERROR_ZERO_RETURN:
        return stream_fail(stream, STREAM_CLOSED, "closed by the peer");
    case SSL_ERROR_SYSCALL:
        return stream_fail(stream, STREAM_BROKEN, "%s: %s", doing,
                           errno == 0 ? "closed without notice" : strerror(errno));
    default:
        return stream_fail(stream, STREAM_BROKEN, "%s: %s", doing, tls_error_text());
    }
}

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
    return ended(stream);
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
    return ended(stream);
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
    return ended(stream);
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
        return ended(stream);
    if ((is_plain ? fill_plain : fill_decoded)(stream, most, received) != OK)
        return TRY_LATER;
    stream->stop += *received;
    stream->bytes_in += *received;
    take_turns(stream, *received);
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
    return stream->end == STREAM_OPEN ? OK : ended(stream);
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

/* Send some bytes. YIELDS. */
static enum status send_some(struct stream *stream, struct text bytes, size_t *sent)
{
    while (stream->end == STREAM_OPEN) {
        if (stream->ssl != NULL) {
            ERR_clear_error();
            errno = 0;
            int result = SSL_write_ex(stream->ssl, bytes.data, bytes.length, sent);
            if (result == 1)
                return OK;
            if (stream_tls_wait(stream, result, "TLS write") != OK)
                break;
            continue;
        }
        ssize_t count = send(stream->io.fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            *sent = (size_t)count;
            return OK;
        }
        if (errno == EAGAIN)
            stream_wait(stream, TASK_WRITE);
        else if (errno != EINTR)
            stream_fail(stream, STREAM_BROKEN, "send: %s", strerror(errno));
    }
    return ended(stream);
}

void stream_send_raw(struct stream *stream, struct text bytes)
{
    size_t sent = 0;
    while (bytes.length > 0 && send_some(stream, bytes, &sent) == OK) {
        bytes = text_from_position(bytes, sent);
        take_turns(stream, sent);
    }
}

void stream_encode_output(struct stream *stream)
{
    struct buffer encoded;
    if (stream->layer == NULL || stream->output.length == 0)
        return;
    buffer_init(&encoded, 2 * OUTPUT_MAX);
    if (!stream->layer->encode(stream, buffer_text(&stream->output), &encoded))
        stream_fail(stream, STREAM_BROKEN, "the output can't be encoded");
    buffer_finish(&stream->output);
    stream->output = encoded;
}

enum status stream_flush(struct stream *stream)
{
    stream_encode_output(stream);
    stream_send_raw(stream, buffer_text(&stream->output));
    buffer_reset(&stream->output, 0);
    stream->output.limit = OUTPUT_MAX;
    return stream->end == STREAM_OPEN ? OK : ended(stream);
}

void stream_end_output(struct stream *stream)
{
    if (stream_flush(stream) != OK)
        return;
    if (stream->ssl != NULL) {
        SSL_shutdown(stream->ssl);
        ERR_clear_error();
    }
    shutdown(stream->io.fd, SHUT_WR);
}

void stream_set_tap(struct stream *stream, struct stream_tap *tap)
{
    stream->tap = tap;
}

/* A piece that fills the output need not be copied into it. */
static bool goes_by_itself(const struct stream *stream, struct text part)
{
    return part.length == OUTPUT_FLUSH && stream->output.length == 0 && stream->layer == NULL;
}

void stream_write(struct stream *stream, struct text bytes)
{
    if (stream->tap != NULL)
        stream->tap->wrote(stream->tap, bytes);
    while (bytes.length > 0 && stream->end == STREAM_OPEN) {
        struct text part = text_head(bytes, OUTPUT_FLUSH);
        bytes = text_from_position(bytes, part.length);
        if (goes_by_itself(stream, part)) {
            stream_send_raw(stream, part);
            continue;
        }
        buffer_append(&stream->output, part);
        if (stream->output.length >= OUTPUT_FLUSH)
            stream_flush(stream);
    }
}

void stream_printf(struct stream *stream, const char *format, ...)
{
    char small[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    check(length >= 0);
    if ((size_t)length < sizeof(small)) {
        stream_write(stream, text_of(small, (size_t)length));
        return;
    }
    char *large = malloc((size_t)length + 1);
    check(large != NULL);
    va_start(arguments, format);
    vsnprintf(large, (size_t)length + 1, format, arguments);
    va_end(arguments);
    stream_write(stream, text_of(large, (size_t)length));
    free(large);
}

bool stream_holds_input(const struct stream *stream)
{
    return stream->start != stream->stop || has_more(stream);
}

uint64_t stream_bytes_in(const struct stream *stream)
{
    return stream->bytes_in;
}
