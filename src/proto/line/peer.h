/* Who a peer is, and whether he is talked to. Only send may ask DNS, so that front asks send. */
#ifndef PROTO_LINE_PEER_H
#define PROTO_LINE_PEER_H

#include "decide/peer.h"
#include "proto/line/front.h"

/* What fronts ask of send; numbers are stable. The request is an address as text. */
enum peer_send_method { SEND_PEER_NAME = 1 };

enum { PEER_NAME_MAX = 253, PEER_NAME_WAIT_MS = 3 * 1000 };

struct line_peer {
    char name[PEER_NAME_MAX + 1]; /* "": none, or not asked for */
    bool is_confirmed;            /* the name's addresses have the peer's among them */
    bool was_asked, is_unknown;   /* for a name; DNS gave no answer in time */
};

void line_peer_encode(const struct line_peer *peer, struct buffer *out);
/* False when malformed; a name is one that may be written into a header. */
bool line_peer_decode(struct text bytes, struct line_peer *out);

/* Decide by the settings. The name is looked up where they ask for one, or the caller does, and not
 * waited for longer than PEER_NAME_WAIT_MS. out is the name's memory: the reason lends it. YIELDS.
 */
struct peer_decision line_peer_meet(const struct line_front *front,
                                    const struct setting_server *server,
                                    const struct net_address *address, bool wants_name,
                                    struct line_peer *out);
#endif
