/* Where mail for a domain goes: pure, from settings alone. */
#ifndef DECIDE_ROUTE_H
#define DECIDE_ROUTE_H

#include "proc/settings.h"

struct route {
    const struct setting_connector *connector; /* NULL: by MX of the domain, no connector fits */
    bool by_mx;                                /* else to the connector's smart hosts */
    struct text space;                         /* the address space that won, or "" */
};

/* The connector with the most specific address space wins, then the cheapest, then the first
 * written: an exact name before *.longest before *. There is no fall-back to a less specific one
 * because a connector does not answer: mail waits. `domain` in A-labels, any case. */
struct route decide_route(const struct settings *settings, struct text domain);
/* A rank of how closely space matches: 0 not at all; higher is closer. */
size_t decide_space_match(struct text space, struct text domain);

/* The account is one of those that may fetch what the connector holds (TURN, ATRN). */
bool decide_may_fetch(const struct setting_connector *connector, struct text account);
/* May the account take mail for this domain: is the connector that its mail goes by one that it may
 * fetch? */
bool decide_may_fetch_domain(const struct settings *settings, struct text account,
                             struct text domain);
/* Is some connector's mail for this account? */
bool decide_is_fetcher(const struct settings *settings, struct text account);

#endif
