/* ManageSieve (RFC 5804) in two halves, as IMAP: until the login a session runs in front, after it
 * in store, over a socket pair that auth handed on. */
#ifndef PROTO_MANAGESIEVE_MANAGESIEVE_H
#define PROTO_MANAGESIEVE_MANAGESIEVE_H

#include "net/stream.h"
#include "proto/line/front.h"
#include "store/store.h"

/* Before the login, in front. The caller closes the stream. Returns when the whole session is over.
 * YIELDS. */
void managesieve_serve_front(struct line_front *front, const struct setting_server *server,
                             struct stream *stream);

/* What a session after the login is given; it must outlive the session. */
struct managesieve_options {
    struct store *store;
    struct text user; /* whose scripts: the canonical address */
    int64_t idle_ms;
    unsigned max_errors;
};

/* After the login, in store. The caller closes the stream. YIELDS. */
void managesieve_serve_scripts(struct stream *stream, const struct managesieve_options *options);

#endif
