/* Is a peer talked to? `refuse` and `admit` of a server, which name networks and hosts. Pure. */
#ifndef DECIDE_PEER_H
#define DECIDE_PEER_H

#include "decide/relay.h"

struct peer_facts {
    const struct setting_server *server;
    const struct net_address *address;
    struct text name;  /* as DNS has it for the address, lower case; "" none */
    bool is_confirmed; /* the name leads back to the address */
    bool is_unknown;   /* DNS gave no answer, so there may be a name */
};

enum peer_verdict {
    PEER_WELCOME,
    PEER_REFUSED,
    PEER_LATER, /* DNS has to be asked again */
};

struct peer_decision {
    enum peer_verdict verdict;
    struct decision_reason reason;
};

/* Who is refused is so by any name he shows, for he could make it up only to his own harm; who is
 * admitted is so by a name that leads back to him. */
struct peer_decision decide_peer(const struct peer_facts *facts);
/* The answer may depend on the peer's name. */
bool decide_peer_by_name(const struct setting_server *server, const struct net_address *address);

#endif
