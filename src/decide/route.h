/* Where mail goes: pure, from settings and facts alone. */
#ifndef DECIDE_ROUTE_H
#define DECIDE_ROUTE_H

#include "routing/table.h"
#include "settings/settings.h"

/* Of one message and one recipient. What is not known is left empty, and then nothing that a
 * connector says of it applies. */
struct route_facts {
    const struct settings *settings;
    struct text domain; /* of the recipient; A-labels, any case, or an address literal */
    struct text sender; /* "" for the null path: a system message */
    struct text login;  /* canonical user, or "" */
    struct text server; /* virtual server's name; "" or no server's: made here */
    /* The groups that connectors name and that the sender or login is a member of, as the settings
     * write them. */
    const struct text *groups;
    unsigned group_count;
    uint64_t size;
    int priority; /* RFC 6710 */
    uint64_t id;  /* of the message: shares the mail between connectors that are alike */
    /* What is known of routing groups; NULL: we are in none, or it does not matter. */
    const struct link_table *links;
    bool waits_for_links;    /* not everybody was asked yet: what is known may be too little */
    struct text from_member; /* the server of our organisation it came from, or "" */
};

struct route {
    const struct setting_connector *connector; /* NULL: by MX of the domain, no connector fits */
    const struct setting_space *space;         /* the address space that won, or NULL */
    bool by_mx;                                /* else to the connector's smart hosts */
    bool is_refused; /* there are connectors for it, and none admits it: 5.7.1 */
    /* With routing groups: the connector by which it leaves the organisation, when that is another
     * server's; `connector` is then the way there. */
    const struct link_group *group;
    const struct link_connector *link;
    uint32_t cost;       /* of the space and the way */
    bool is_unreachable; /* there is no way now: it waits for one */
};

/* The connector with the most specific address space wins, then the cheapest; of those that are
 * alike in both the message's id chooses one. A connector that does not admit the message counts as
 * absent. There is no fall-back to a less specific one because a connector does not answer: mail
 * waits. A domain of ours is asked about only for who is unknown in it (`unresolved forward`). */
struct route decide_route(const struct route_facts *facts);
/* Regardless of what message it is. */
struct route decide_route_of_domain(const struct settings *settings, struct text domain);

/* What a connector is to this message, seen from the route that was taken; for people. */
enum route_standing {
    ROUTE_CHOSEN,
    ROUTE_OTHER_DOMAINS,
    ROUTE_OTHER_SERVERS,
    ROUTE_NOT_ACCEPTED,
    ROUTE_REJECTED,
    ROUTE_OTHER_PRIORITY,
    ROUTE_TOO_LARGE,
    ROUTE_OTHER_ORIGIN,
    ROUTE_LESS_SPECIFIC,
    ROUTE_DEARER,
    ROUTE_TURN_OF_ANOTHER,
    ROUTE_DOWN,
    ROUTE_NO_WAY,
    ROUTE_SCOPE,
    ROUTE_OTHER_MEMBERS,
    ROUTE_OTHER_WAY,
    ROUTE_STANDINGS
};
struct route_standing_words {
    const char *words; /* "it does not accept mail from the sender" */
    const char *row;   /* of the setting that decided, for settings_connector_place */
};
extern const struct route_standing_words route_standing_words[ROUTE_STANDINGS];
/* *space is the connector's closest, or NULL. */
enum route_standing decide_standing(const struct route_facts *facts, const struct route *route,
                                    const struct setting_connector *connector,
                                    const struct setting_space **space);

/* A connector as it looked to the decision: ours, or of another server. */
struct route_candidate {
    const struct setting_connector *connector; /* what is known of it */
    const struct setting_space *space;         /* its closest, or NULL */
    size_t match;
    const struct link_group *group; /* NULL: ours, of the settings */
    const struct link_connector *link;
    const struct setting_connector *hop; /* the next step; NULL: there is none */
    uint32_t cost;                       /* of the space and the way */
    bool is_up;
    enum route_standing standing;
};
/* All there are, seen from the route that was taken: in arena, ours first. */
struct route_candidate *decide_candidates(const struct route_facts *facts,
                                          const struct route *route, struct arena *arena,
                                          unsigned *count);
/* "north > east > south": the groups a route leads through; "" when it stays in ours. */
struct text decide_way(const struct route_facts *facts, const struct route *route,
                       struct arena *arena);

/* A rank of how closely space matches: 0 not at all; higher is closer. By labels, so that
 * "*a.example" is for a.example and b.a.example, not for ba.example. */
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
