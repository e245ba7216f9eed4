/* The send role's part in knowing peers: what DNS calls them, and what block lists say of them. */
#ifndef MAIN_PEER_NAMES_H
#define MAIN_PEER_NAMES_H

#include "net/resolver.h"
#include "proc/role.h"

struct peer_names;

/* DNS is set up at the first question: most sites never ask one. */
struct peer_names *peer_names_new(struct role_context *context);
/* Questions under way get their answers first. Accepts NULL. YIELDS. */
void peer_names_stop(struct peer_names **names);
/* Serves SEND_PEER_NAME. YIELDS. */
void peer_names_serve(struct peer_names *names, struct rpc_call *call, struct text address);
/* Serves SEND_BLOCK_LISTS. YIELDS. */
void peer_names_serve_lists(struct peer_names *names, struct rpc_call *call, struct text address);

/* For questions of another kind, which may take long: may one more be asked? TRY_LATER: there are
 * too many. OK: *resolver is lent until peer_names_end. YIELDS. */
enum status peer_names_begin(struct peer_names *names, struct resolver **resolver);
void peer_names_end(struct peer_names *names);

#endif
