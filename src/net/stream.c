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

enum { TURN_BYTES = 64 << 10, ERROR_BYTES = 160, IDLE_MS = 5 * SECOND };

struct stream *stream_new(int fd, const struct net_address *peer)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    check(stream != NULL);
    stream->deadline_ms = NO_DEADLINE;
    stream->passed_fd = -1;
    if (peer != NULL)
        stream_set_peer(stream, peer);
    buffer_init(&stream->output, STREAM_OUTPUT_MAX);
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

enum status stream_ended(const struct stream *stream)
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
    return stream_ended(stream);
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

void stream_take_turns(struct stream *stream, size_t moved)
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

enum status stream_wait(struct stream *stream, enum task_io_direction direction)
{
    stream->turn_bytes = 0;
    enum status status = wait_idle(stream, direction);
    if (stream->end != STREAM_OPEN)
        return stream_ended(stream);
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

uint64_t stream_bytes_in(const struct stream *stream)
{
    return stream->bytes_in;
}
