/* Mail that waits to be asked for: ETRN (RFC 1985) lets it go on its usual way; TURN and ATRN
 * (RFC 2645) have it sent over the connection that they come by.
 *
 *     front   has a socket pair, and asks auth to turn its session round with one end of it
 *     auth    knows whose session that is, for it checked the login itself, and tells the store
 *     store   knows what this account may take, and passes the descriptor on to send
 *     send    speaks SMTP over it as a client, and takes from the store what the turn is for
 *
 * Nothing that front claims counts, for there hostile bytes are parsed: it can only name a session
 * and an account of which auth saw the login, by way of that same front. That is no more than it
 * could have by the passwords it sees. Who logged in by XCLIENT, or logged in as another since,
 * gets nothing. What may be taken is decided in the store, from the settings of that moment, item
 * by item; send gets the turn's number and with it no other mail. */
#ifndef QUEUE_TURN_TURN_H
#define QUEUE_TURN_TURN_H

#include "queue/client.h"

/* What the store asks of send; numbers are stable. */
enum queue_send_method {
    SEND_TURN = 1,  /* with fd: the peer is on its other end */
    SEND_PROBE = 2, /* see probe.h */
    SEND_LINKS = 3, /* see links.h */
};

/* ETRN: what to start. */
enum queue_etrn_kind {
    QUEUE_ETRN_NODE,      /* mail for this domain, or for the smart host of this name */
    QUEUE_ETRN_BELOW,     /* "@node": for this domain and all below it */
    QUEUE_ETRN_CONNECTOR, /* "#name": all of a connector */
    QUEUE_ETRN_KINDS
};

struct queue_etrn {
    enum queue_etrn_kind kind;
    struct text node; /* A-labels, or the connector's name */
    bool is_trusted;  /* not slowed down */
    uint64_t session; /* id, for the story */
    struct text peer; /* for the story */
};

enum queue_etrn_verdict {
    QUEUE_ETRN_STARTED,  /* `count` messages, perhaps none */
    QUEUE_ETRN_ON_WAY,   /* what there is, is being sent already */
    QUEUE_ETRN_TOO_SOON, /* a stranger asked not long ago */
    QUEUE_ETRN_UNKNOWN,  /* no connector has the node */
    QUEUE_ETRN_VERDICTS
};

/* TRY_LATER: the store is away. YIELDS. */
enum status queue_etrn(struct rpc_channel *store, const struct queue_etrn *etrn,
                       enum queue_etrn_verdict *verdict, unsigned *count);
void queue_etrn_encode(const struct queue_etrn *etrn, struct buffer *out);
bool queue_etrn_decode(struct text bytes, struct queue_etrn *out);

/* The turn, as send learns of it. Texts are lent by the bytes. */
struct queue_turn {
    uint64_t id, session;
    struct text account, peer; /* peer: "192.0.2.1:4711", as front says */
};
void queue_turn_encode(const struct queue_turn *turn, struct buffer *out);
bool queue_turn_decode(struct text bytes, struct queue_turn *out);

/* As queue_lease, of what the turn is for; *count 0: nothing is left of it. Never waits for mail.
 * REFUSED: the turn is over. YIELDS. */
enum status queue_turn_lease(struct rpc_channel *store, uint64_t turn, unsigned max,
                             struct arena *arena, struct queue_job **jobs, unsigned *count);
/* The turn is over: what is leased to it and not reported waits again. reason: for the story, ""
 * when all went well. YIELDS. */
void queue_turn_end(struct rpc_channel *store, uint64_t turn, struct text reason);

/* The other way round: send had a peer turn a connection round to us, and it wants to be served.
 * The store passes the descriptor to a front. fd: one end of a socket pair, closed here in any
 * case; peer: who is at the other end of it all. TRY_LATER: no front takes it. YIELDS. */
enum queue_front_method {
    FRONT_RECEIVE = 1,      /* from store, with fd: the peer's address text */
    FRONT_ROOM_CHANGED = 2, /* from store, one way and empty: room_cache.h */
};
enum status queue_receive(struct rpc_channel *store, struct text peer, int fd);

#endif
