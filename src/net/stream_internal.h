/* What stands behind a stream, for the files that make it: bytes in stream.c, TLS in stream_tls.c.
 */
#ifndef NET_STREAM_INTERNAL_H
#define NET_STREAM_INTERNAL_H

#include "net/stream.h"
#include "net/tls_internal.h"
#include "task/io.h"

struct stream {
    struct task_io io;
    SSL *ssl;
    struct net_address peer;
    int64_t deadline_ms;
    enum stream_end end;
    char error[160];
    /* Received and not consumed: input[start .. stop). Memory only while there is any. */
    char *input;
    size_t start, stop, capacity;
    struct buffer output;
    uint64_t bytes_in;
    bool woken;        /* by stream_wake, not yet seen by stream_await */
    size_t turn_bytes; /* moved since this task last let others run */
};

/* End the stream; the first failure is the one that is remembered. Returns TRY_LATER. */
enum status stream_fail(struct stream *stream, enum stream_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What OpenSSL wants after a call that did not succeed: wait for it, or fail the stream. YIELDS. */
enum status stream_tls_wait(struct stream *stream, int result, const char *doing);

#endif
