/* Between a message and the routing decision: facts before it, words after it. Included only from
 * queue/. */
#ifndef QUEUE_ROUTING_H
#define QUEUE_ROUTING_H

#include "decide/route.h"
#include "queue/plan.h"

/* Ask the directory which of the groups that connectors name have the sender or login as a member,
 * when there are any and some target is elsewhere. YIELDS. */
enum status route_find_groups(struct plan *plan);
/* Lent by the plan. */
struct route_facts route_facts_of(const struct plan *plan, struct text domain);
/* The name of the server it is from, when that is one of our organisation: it logged in as a peer.
 */
struct text route_origin(const struct settings *settings, const struct queue_envelope *envelope);
/* The item of a route: connector and domain. */
void route_fill_item(const struct route *route, struct text domain, struct item *item);
/* The story "routed" or "rerouted", with each connector for the domain that was not taken and why.
 * sender: in whose name it goes out, "" in that of the message. */
void route_tell(struct change *change, const char *event, const struct route_facts *facts,
                const struct route *route, struct text recipient, struct text sender);

#endif
