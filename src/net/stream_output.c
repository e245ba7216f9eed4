/* What goes out by a stream: gathered, encoded, sent. */
#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "net/stream_internal.h"

enum { OUTPUT_FLUSH = 32768 };

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
    return stream_ended(stream);
}

void stream_send_raw(struct stream *stream, struct text bytes)
{
    size_t sent = 0;
    while (bytes.length > 0 && send_some(stream, bytes, &sent) == OK) {
        bytes = text_from_position(bytes, sent);
        stream_take_turns(stream, sent);
    }
}

void stream_encode_output(struct stream *stream)
{
    struct buffer encoded;
    if (stream->layer == NULL || stream->output.length == 0)
        return;
    buffer_init(&encoded, 2 * STREAM_OUTPUT_MAX);
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
    stream->output.limit = STREAM_OUTPUT_MAX;
    return stream->end == STREAM_OPEN ? OK : stream_ended(stream);
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
