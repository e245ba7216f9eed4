/* A byte stream over a socket, plain or TLS, upgraded in place. Streams remember failure: after the
 * first error reads give nothing and writes do nothing, so a session checks once per step.
 * At most one task reads and one task writes at a time. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/status.h"
#include "net/address.h"
#include "net/tls.h"

struct stream;

enum stream_end {
    STREAM_OPEN,      /* still usable */
    STREAM_CLOSED,    /* the peer ended it properly */
    STREAM_TIMED_OUT, /* the deadline passed */
    STREAM_CANCELLED, /* the task was cancelled */
    STREAM_BROKEN,    /* reset, TLS failure ... : see stream_error */
};

/* Takes ownership of a connected non-blocking descriptor. peer may be NULL (a socket pair). */
struct stream *stream_new(int fd, const struct net_address *peer);
/* Closes (TLS: sends close_notify if that does not block). Accepts NULL. Does not yield. */
void stream_close(struct stream **stream);
/* Borrowed: for what can be asked about a socket, not for its bytes. */
int stream_descriptor(const struct stream *stream);
const struct net_address *stream_peer(const struct stream *stream);
/* The address that the peer connected to. False: there is none to be had. */
bool stream_local(const struct stream *stream, struct net_address *out);
/* The peer speaks for another, who is the peer from now on. */
void stream_set_peer(struct stream *stream, const struct net_address *peer);

/* Blocking calls fail (STREAM_TIMED_OUT) at this monotonic instant. Default NO_DEADLINE. */
void stream_set_deadline(struct stream *stream, int64_t deadline_ms);
enum stream_end stream_end(const struct stream *stream);
/* What broke it, for logs; "" while it is open. */
const char *stream_error(const struct stream *stream);
/* Make it fail as if the peer had closed: for another task, to end this session. */
void stream_shut(struct stream *stream);
/* Send what is buffered and tell the peer that nothing more comes; it can still be read. YIELDS. */
void stream_end_output(struct stream *stream);
/* After STREAM_TIMED_OUT or STREAM_CANCELLED: open again for a last word ("421 ..."), which is sent
 * only as far as that does not wait. Otherwise nothing. */
void stream_revive(struct stream *stream);

/* Bytes received and not yet consumed. Borrowed until the next fill or consume. */
struct text stream_buffered(const struct stream *stream);
void stream_consume(struct stream *stream, size_t count);
/* Receive more, at most filling the buffer (32 KiB by default). OK when at least one byte came;
 * TRY_LATER when the stream has ended or the buffer is full. Flushes pending output first. YIELDS.
 */
enum status stream_fill(struct stream *stream);
/* The same, at most so many bytes; what follows them stays with the kernel, for a TLS handshake to
 * find. Flushes nothing. YIELDS. */
enum status stream_fill_some(struct stream *stream, size_t most);
/* Until something was received (it may be buffered already) or another task called stream_wake,
 * also before. TRY_LATER: the stream has ended. No buffer is kept meanwhile. Flushes before it
 * waits. Not for TLS. YIELDS. */
enum status stream_await(struct stream *stream);
/* Let stream_await return, now or when it is called next. Does not yield. */
void stream_wake(struct stream *stream);
/* Whether there are bytes to be had at once: takes in what has come, as far as the loop was told of
 * it when it last looked. Does not yield. */
bool stream_has_input(struct stream *stream);
/* A whole line up to and with LF, at most max bytes; consumed. line is borrowed until the next
 * read. OK; REFUSED: longer than max, and skipped to its LF (still in step); TRY_LATER: ended.
 * Flushes pending output before it waits. YIELDS. */
enum status stream_read_line(struct stream *stream, size_t max, struct text *line);
/* Exactly count bytes appended to out. YIELDS. */
enum status stream_read_exactly(struct stream *stream, size_t count, struct buffer *out);

/* Add to the output buffer; sends only when 32 KiB have gathered (then YIELDS). */
void stream_write(struct stream *stream, struct text bytes);
void stream_printf(struct stream *stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Who sees what is written to a stream, before TLS and compression, as it is written. */
struct stream_tap {
    void (*wrote)(struct stream_tap *tap, struct text bytes); /* must not YIELD */
};
/* NULL: nobody any more. The tap stays the caller's, and must be taken away before it goes. */
void stream_set_tap(struct stream *stream, struct stream_tap *tap);
/* Send what is buffered. OK, or TRY_LATER when the stream has ended. YIELDS. */
enum status stream_flush(struct stream *stream);

/* Start TLS as server or client (by the context). Input buffered before the handshake is thrown
 * away (RFC 3207 4: commands injected in plain text); returns in *discarded how much, may be NULL.
 * name: of the host for a client, for SNI and, if the context verifies, the certificate match; of
 * the protocol for a server ("smtp", "pop3", "imap": a literal), so that clients who ask by ALPN
 * for another one are refused (RFC 7301). Both may be NULL. YIELDS. */
enum status stream_start_tls(struct stream *stream, struct tls_context *context, const char *name,
                             size_t *discarded);
/* As a client, with what it expects of the peer in place of the context's wish. YIELDS. */
enum status stream_start_tls_checked(struct stream *stream, struct tls_context *context,
                                     const struct tls_expectation *expected, size_t *discarded);
bool stream_is_tls(const struct stream *stream);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; "" when plain. */
const char *stream_tls_version(const struct stream *stream);
const char *stream_tls_cipher(const struct stream *stream);

/* Copy bytes both ways between a client and the session that serves it (a plain socket pair) until
 * the session ends; when the client ends first, the session sees that and may finish its answers.
 * What the client has sent already goes first. The client's stream is then still open, unless it
 * ended by itself. YIELDS. */
void stream_relay(struct stream *client, struct stream *session);
/* By the session (its other end): the client is to be the relay's again, who learns it with the
 * last byte of what was written. Something must be. What the client has sent meanwhile goes back to
 * the relay too. The stream is of no use then. YIELDS. */
void stream_give_back(struct stream *stream);
/* After stream_relay: the session gave the client back, what it had not read stands in the client's
 * input. False: the session just ended. YIELDS. */
bool stream_take_back(struct stream *client, struct stream *session);
/* There is input that came and was not consumed, decoded or not. */
bool stream_holds_input(const struct stream *stream);

/* Bytes received since the start (inside TLS). */
uint64_t stream_bytes_in(const struct stream *stream);

#endif
