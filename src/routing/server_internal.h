/* Inside a server of a routing group. Included only from routing/. */
#ifndef ROUTING_SERVER_INTERNAL_H
#define ROUTING_SERVER_INTERNAL_H

#include "routing/server.h"

enum { LINK_FLIPS_MOST = 4 };

/* A member as the master knows it. */
struct link_reporter {
    struct text name;          /* owned */
    struct link_group *report; /* the last; NULL: none yet */
    bool is_lost;              /* it did not answer when it was talked to last */
};

/* How often a connector of ours or of our group went down and came up of late. */
struct link_flips {
    struct text connector; /* owned */
    bool works;
    unsigned count;
    int64_t last_ms;
};

struct link_server {
    const struct settings *settings; /* NULL: none */
    const struct setting_group *group;
    struct link_table *table;
    struct link_id id;      /* of our group */
    struct link_group *own; /* what we say of ourselves, sealed; NULL: we are in none */
    struct text *down;      /* our connectors that do not work; owned */
    unsigned down_count;
    struct link_reporter *reporters;
    unsigned reporter_count;
    struct link_flips *flips;
    unsigned flip_count;
    bool acts;                    /* we are the master */
    bool takes_over, hands_over;  /* by new settings; at the next settling */
    struct link_id config, state; /* of what was published last, less detailed */
};

/* The group as its master says it, sealed, with connectors up that have to be; NULL: it is too
 * large. The table gets it in the place of what was there, as a draft. */
struct link_group *link_server_compose(struct link_server *server, int64_t now_ms);
/* Of the group without any state. */
struct link_id link_server_config_digest(const struct link_server *server);
/* Of the states of a composed group's connectors. */
struct link_id link_state_digest(const struct link_group *group);
/* What we say of ourselves: our connectors with us as their only bridgehead. */
struct link_group *link_server_describe(const struct link_server *server);
struct link_reporter *link_reporter_find(const struct link_server *server, struct text member);

#endif
