/* What the files of the routing decision share. Included only from decide/. */
#ifndef DECIDE_ROUTE_PARTS_H
#define DECIDE_ROUTE_PARTS_H

#include "decide/route.h"

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

/* decide_route where there are routing groups. */
struct route route_by_links(const struct route_facts *facts);

#endif
