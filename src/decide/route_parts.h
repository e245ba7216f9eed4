/* What the files of the routing decision share, each standing on those before it: route_admit.c,
 * route_candidates.c, route_standing.c for people, route_links.c, route.c. Included only from
 * decide/. */
#ifndef DECIDE_ROUTE_PARTS_H
#define DECIDE_ROUTE_PARTS_H

#include "decide/route.h"

/* route_admit.c */
/* ROUTE_CHOSEN: the connector admits the message. */
enum route_standing route_admit(const struct setting_connector *connector,
                                const struct route_facts *facts);
/* The connector's closest space, and of equally close ones the cheapest; or NULL. */
const struct setting_space *route_closest(const struct setting_connector *connector,
                                          struct text domain, size_t *match);
/* Ids count up; their low bits would give neighbours to neighbours. */
uint64_t route_spread(uint64_t id);
/* We are one of the members that serve it. */
bool route_is_ours(const struct settings *settings, const struct setting_connector *connector);

/* route_candidates.c: one decision under way, in arena. */
struct route_choosing {
    const struct route_facts *facts;
    struct arena *arena;
    const struct setting_group *setting;
    struct link_id own_id, from_id; /* from: the group it came from; equal to own: none */
    const struct link_group *own;   /* NULL: the master has not told of it yet */
    struct link_path *paths;        /* to each group of the table */
    struct route_candidate *list;
    unsigned count;
};

void route_choosing_init(struct route_choosing *choosing, const struct route_facts *facts,
                         struct arena *arena);
/* Fill in the list: ours first. */
void route_gather(struct route_choosing *choosing);
/* It may be chosen, though there may be no way to it now. */
bool route_is_eligible(const struct route_candidate *candidate);

/* route_links.c: decide_route where there are routing groups. */
struct route route_by_links(const struct route_facts *facts);

#endif
