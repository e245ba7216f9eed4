/* POP3 (RFC 1939, 2449, 2595, 5034) in two halves. Until the login a session runs in front, which
 * has TLS and no mail; after it in store, which has mail and no network, over a socket pair that
 * auth handed on. Front then only copies bytes. The first line of the second half is the reply to
 * the login: "+OK maildrop has 3 messages", or "-ERR [IN-USE] ...". */
#ifndef PROTO_POP3_POP3_H
#define PROTO_POP3_POP3_H

#include "base/buffer.h"
#include "net/stream.h"
#include "proto/line/front.h"

/* Before the login, in front. service: SERVICE_POP3 or SERVICE_POP3S. The caller closes the
 * stream. Returns when the whole session is over. YIELDS. */
void pop3_serve_front(struct line_front *front, const struct setting_server *server,
                      enum service service, struct stream *stream);

enum { POP3_UID_BYTES = 71 }; /* RFC 1939 7: 1 to 70 characters 33..126, and a NUL */

/* The mailbox as a session sees it: a snapshot of `count` messages, numbered 0 .. count-1 here. */
struct pop3_maildrop {
    void *state;
    unsigned count;
    int64_t expire_ms, delay_ms; /* told by CAPA; 0: never, none */
    /* Bytes of the message. Must not YIELD. */
    uint64_t (*size)(void *state, unsigned index);
    /* What read gives in all, where size is only near it. NULL: as size. May YIELD. */
    uint64_t (*exact_size)(void *state, unsigned index);
    /* Its unique id, NUL-ended. Must not YIELD. */
    void (*uid)(void *state, unsigned index, char out[POP3_UID_BYTES]);
    /* Append the bytes [offset, offset+length) to out; less only at the end of the message.
     * REFUSED: it is gone. May YIELD. */
    enum status (*read)(void *state, unsigned index, uint64_t offset, uint32_t length,
                        struct buffer *out);
    /* Older than is kept: removed with what the client deletes. May be NULL. Must not YIELD. */
    bool (*is_expired)(void *state, unsigned index);
    /* Remove these messages for good, all or none (RFC 1939 6, UPDATE). May YIELD. */
    enum status (*remove)(void *state, const unsigned *indexes, unsigned count);
    /* The client said QUIT: others may have the mailbox, before that is answered. May be NULL. Must
     * not YIELD. */
    void (*release)(void *state);
};

/* After the login, in store. idle_ms: at least 10 minutes are given (RFC 1939 3). Deletions are
 * carried out only when the client says QUIT. The caller closes the stream. YIELDS. */
void pop3_serve_mailbox(struct stream *stream, const struct pop3_maildrop *maildrop,
                        int64_t idle_ms);
/* Instead of pop3_serve_mailbox, when the mailbox can't be opened. reason begins with a code:
 * "[IN-USE] ..." (RFC 2449 8). YIELDS. */
void pop3_refuse_mailbox(struct stream *stream, const char *reason);
/* The lines EXPIRE and LOGIN-DELAY of CAPA (RFC 2449 6.7, 6.8). differs: users have others. */
void pop3_put_terms(struct stream *stream, int64_t expire_ms, int64_t delay_ms, bool differs);

#endif
