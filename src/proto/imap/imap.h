/* IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) in two halves. Until the login a session runs in
 * front, which has TLS and no mail; after it in store, which has mail and no network, over a socket
 * pair that auth handed on. Front says the last word of the login, then only copies bytes. */
#ifndef PROTO_IMAP_IMAP_H
#define PROTO_IMAP_IMAP_H

#include "account/account.h"
#include "net/stream.h"
#include "proto/line/front.h"
#include "queue/queue.h"
#include "store/store.h"

/* Before the login, in front. service: SERVICE_IMAP or SERVICE_IMAPS. The caller closes the stream.
 * Returns when the whole session is over. YIELDS. */
void imap_serve_front(struct line_front *front, const struct setting_server *server,
                      enum service service, struct stream *stream);

/* What a session after the login is given; it must outlive the session. */
struct imap_options {
    struct store *store;
    const struct accounts *accounts;
    struct text user; /* whose mailboxes: the canonical address */
    uint64_t session; /* id, as front had it */
    struct text peer;
    int64_t idle_ms;       /* at least 30 minutes are given (RFC 3501 5.4) */
    uint64_t append_bytes; /* the largest message that can be appended */
    /* May a message be put on the disk? TRY_LATER with the reason. NULL: yes. Must not YIELD. */
    enum status (*has_room)(void *context);
    void *context;
    unsigned max_errors;
};

/* After the login, in store. The caller closes the stream. YIELDS. */
void imap_serve_mailboxes(struct stream *stream, const struct imap_options *options);

/* What a URL leads to for the user who sends it (RFC 4468), in store: to be given to
 * queue_set_urls. YIELDS. */
enum status imap_follow_sent(const struct accounts *accounts,
                             const struct queue_url_question *question,
                             struct queue_url_answer *answer);

#endif
