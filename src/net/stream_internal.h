/* What stands behind a stream, for the files that make it: its life in stream.c, bytes in
 * stream_input.c and stream_output.c, TLS in stream_tls.c. */
#ifndef NET_STREAM_INTERNAL_H
#define NET_STREAM_INTERNAL_H

#include "net/stream.h"
#include "net/tls_internal.h"
#include "task/io.h"

/* What stands between a stream's bytes and its socket's, once it was put there. By pointers, so
 * that who does not use it does not carry it. */
struct stream_layer {
    /* Decode what has come into at most `room` bytes; receives once when nothing has. That may be a
     * part that makes no bytes yet. Fails the stream. YIELDS. */
    enum status (*receive)(struct stream *stream, char *out, size_t room, size_t *received);
    /* There are bytes to decode that have come already. */
    bool (*has_more)(const struct stream *stream);
    /* Encode so that the peer can read all of it, appending to out. */
    bool (*encode)(struct stream *stream, struct text bytes, struct buffer *out);
    void (*free)(struct stream_layer *layer);
};

enum {
    STREAM_TLS_BYTES = 48 << 10, /* what OpenSSL holds for a session, about */
    STREAM_OUTPUT_MAX = 1 << 20,
};

struct stream {
    struct task_io io;
    struct stream_layer *layer; /* owned, or NULL */
    SSL *ssl;
    struct net_address *peer; /* owned; NULL: a socket pair */
    int64_t deadline_ms;
    enum stream_end end;
    char *error; /* what failed, owned; NULL while nothing did */
    /* Received and not consumed: input[start .. stop). Memory only while there is any. */
    char *input;
    size_t start, stop, capacity;
    struct buffer output;
    struct stream_tap *tap; /* borrowed, or NULL */
    uint64_t bytes_in;
    bool woken;                 /* by stream_wake, not yet seen by stream_await */
    size_t turn_bytes;          /* moved since this task last let others run */
    bool takes_fd;              /* a descriptor may come with the bytes; see stream_relay.c */
    int passed_fd;              /* the first that came, owned; -1: none */
    struct stream_relay *relay; /* that copies to and from it, or NULL */
};

/* End the stream; the first failure is the one that is remembered. Returns TRY_LATER. */
enum status stream_fail(struct stream *stream, enum stream_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What every call on an ended stream returns. */
enum status stream_ended(const struct stream *stream);
/* Until the socket is ready for that, as long as the deadline lets. YIELDS. */
enum status stream_wait(struct stream *stream, enum task_io_direction direction);
/* A peer as fast as we are never makes us wait. The others want to be served all the same, and what
 * ends a wait must end this too: told what was moved, this now and then YIELDS and looks. */
void stream_take_turns(struct stream *stream, size_t moved);
/* Whether nothing comes until then, and nothing was there: what comes next io.on_readable tells of.
 * No buffer is kept meanwhile. YIELDS. */
bool stream_stays_quiet(struct stream *stream, int64_t until_ms);
/* Bytes as the socket, or TLS, has them. Waits when there is nothing. YIELDS. */
enum status stream_receive_raw(struct stream *stream, char *out, size_t room, size_t *received);
/* The same by recvmsg, keeping a descriptor that comes along. As recv; does not yield. */
ssize_t stream_receive_fd(struct stream *stream, char *out, size_t room);
/* What is buffered becomes what the socket is to get. */
void stream_encode_output(struct stream *stream);
/* Send bytes as the socket, or TLS, is to have them. YIELDS. */
void stream_send_raw(struct stream *stream, struct text bytes);
/* The stream's socket for OpenSSL, which owns it; the stream outlives it. */
BIO *stream_bio_new(struct stream *stream);
/* What OpenSSL wants after a call that did not succeed: wait for it, or fail the stream. YIELDS. */
enum status stream_tls_wait(struct stream *stream, int result, const char *doing);

#endif
