/* Turning a session round (TURN; ATRN, RFC 2645): what front asks of auth, and auth of the store.
 * auth alone knows whose session it is. queue/turn/turn.h has the whole way. */
#ifndef DIRECTORY_TURN_H
#define DIRECTORY_TURN_H

#include "directory/client.h"

enum { DIRECTORY_TURN_DOMAINS_MAX = 100 };

struct directory_turn {
    struct text account; /* whose session it is; auth passes on no other than it saw log in */
    uint64_t session;    /* as told at the login */
    struct text peer;    /* for log and story */
    const struct text *domains; /* in A-labels; none: all of the account's */
    unsigned domain_count;
};

enum directory_turn_verdict {
    TURN_BEGUN, /* the other end of the descriptor is an SMTP client now, waiting for a greeting */
    TURN_REFUSED, /* the account may fetch nothing, or not all of these domains */
    TURN_NO_MAIL,
    TURN_VERDICTS
};

/* fd: one end of a socket pair, closed here in any case. TRY_LATER: not at the moment. YIELDS. */
enum status directory_turn(struct rpc_channel *auth, const struct directory_turn *turn, int fd,
                           enum directory_turn_verdict *verdict);

/* The bytes. Decoding trusts nothing; the array is in arena, texts are lent by the bytes. */
void directory_turn_encode(const struct directory_turn *turn, struct buffer *out);
bool directory_turn_decode(struct text bytes, struct arena *arena, struct directory_turn *out);
void directory_turn_put_verdict(enum directory_turn_verdict verdict, struct buffer *out);
/* False when malformed. */
bool directory_turn_get_verdict(struct text bytes, enum directory_turn_verdict *verdict);

#endif
