/* SMTP as a client (RFC 5321): one connection, any number of messages one after the other. What
 * the peer does is never a failure of ours: every recipient gets an outcome, whatever happens. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_H

#include "net/stream.h"
#include "proto/smtp/client/smtp_client_auth.h"
#include "proto/smtp/client/smtp_client_reply.h"
#include "protolog/gather.h"
#include "queue/client.h"
#include "settings/settings.h"

struct smtp_client;

/* Sees the dialogue as it goes: each reply when it has been read, to the step (enum
 * smtp_client_step) that waited for it. Does not yield. */
struct smtp_client_watch {
    void (*on_reply)(void *context, unsigned step, const struct smtp_client *client,
                     const struct smtp_reply *reply);
    void *context;
};

/* What will be delivered next over this connection, for its envelope to go out with the end of the
 * message before it (RFC 2920 3.1). Asked when that end is due, at most once a message; NULL: not
 * known, or not to be promised. What it lends is delivered next, or the connection is of no more
 * use. Does not yield. */
struct smtp_client_next {
    const struct queue_job *(*find)(void *context);
    void *context;
};

struct smtp_client_options {
    struct text our_host;    /* EHLO */
    bool says_helo;          /* HELO at once, without trying EHLO */
    uint32_t without;        /* EXTENSION_BITs that are not used, though offered */
    uint32_t max_messages;   /* over this connection */
    uint32_t max_recipients; /* of one transaction */
    struct setting_timeouts timeouts;
    const char *peer_name; /* the host's, for logging in; NULL: it has none */
    enum tls_policy tls;
    const struct tls_expectation *expected; /* of the peer, in the handshake; not for TLS_NONE */
    bool needs_requiretls;                  /* the peer must offer REQUIRETLS, RFC 8689 4.2.1 */
    bool tls_at_once;                       /* TLS before the greeting (RFC 8314 3.3) */
    struct tls_context *tls_context;        /* may be NULL for TLS_NONE */
    const struct smtp_client_login *login;  /* AUTH; NULL: none */
    struct smtp_client_watch watch;         /* on_reply NULL: nobody watches */
    struct smtp_client_next next;           /* find NULL: one message at a time */
    struct protolog_gather *log;            /* of the protocol log of logged_by; NULL: none */
    const struct setting_server *logged_by; /* NULL: nobody */
};

/* Why a connection or a message failed, as an outcome tells it. */
struct smtp_client_trouble {
    enum status status;
    char enhanced[SMTP_ENHANCED_BYTES];
    char words[REASON_BYTES]; /* the peer's, with its code, or ours */
    bool is_tls;      /* of TLS alone, with TLS_OFFER: a new connection without TLS may do */
    bool is_unproven; /* there is no TLS, or the peer's certificate is not what was expected */
    bool is_greeting; /* the peer did not want to talk at all */
    bool is_ehlo;     /* the peer hung up on EHLO: a new connection with HELO may do */
};

/* Greeting, EHLO, TLS and AUTH over a connected stream, which is owned from now on. OK with *out;
 * else *trouble says why, and the connection is closed. YIELDS. */
enum status smtp_client_open(struct stream *stream, const struct smtp_client_options *options,
                             struct smtp_client **out, struct smtp_client_trouble *trouble);
/* Say QUIT when the dialogue is in step and nothing was begun, and close. Accepts NULL. YIELDS. */
void smtp_client_close(struct smtp_client **client);
/* Another message may follow: the dialogue is in step, and neither old nor used often. */
bool smtp_client_is_usable(const struct smtp_client *client);
/* The dialogue is in step: for a connection there is no other to be had for. */
bool smtp_client_is_in_step(const struct smtp_client *client);
/* EXTENSION_BITs that the peer offered and then did not know: another connection does without. */
uint32_t smtp_client_unfit(const struct smtp_client *client);
/* Ask the peer for the mail it holds (RFC 1985): the status of its reply, which is in *said either
 * way. REFUSED too when it does not offer that. YIELDS. */
enum status smtp_client_etrn(struct smtp_client *client, struct text node,
                             struct smtp_client_trouble *said);
/* The same over this connection (RFC 2645): ATRN, or TURN where that is all it offers and no domain
 * is named. OK: the peer takes us for the server now; *turned is the stream, the caller's, and
 * *client is gone. Not OK: *said has the peer's words; 453, no mail, is TRY_LATER. YIELDS. */
enum status smtp_client_turn(struct smtp_client **client, const struct text *domains,
                             unsigned count, struct stream **turned,
                             struct smtp_client_trouble *said);
/* How its TLS came out: "TLSv1.3 TLS_AES_256_GCM_SHA384 dane", the last word telling by what the
 * peer proved who it is; "none" without TLS. */
enum { SMTP_TLS_BYTES = 160 };
const char *smtp_client_tls(const struct smtp_client *client, char out[SMTP_TLS_BYTES]);
/* Why the peer's name did not verify, where that was not needed; "" when it did. */
const char *smtp_client_tls_doubt(const struct smtp_client *client);

/* Where the bytes of bodies come from: [offset, offset+length) appended to out. YIELDS. */
struct smtp_client_body {
    enum status (*read)(void *context, const struct queue_job *job, uint64_t offset,
                        uint32_t length, struct buffer *out);
    void *context;
};

/* Deliver a message, in as many transactions as the peer's limits ask for. OK: outcomes, one per
 * recipient in order, are all set (words in arena, remote_host left alone). TRY_LATER: the peer had
 * ended this reused connection before the message began, or does not know what it offers
 * (smtp_client_unfit), or another message was begun on it; nothing was delivered, try on a new one.
 * YIELDS. */
enum status smtp_client_deliver(struct smtp_client *client, const struct queue_job *job,
                                const struct smtp_client_body *body, struct arena *arena,
                                struct queue_outcome *outcomes);

#endif
