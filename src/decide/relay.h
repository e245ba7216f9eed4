/* The relay decision: may mail for this recipient be taken from this peer? A pure function, so that
 * it can be recorded, explained and replayed. */
#ifndef DECIDE_RELAY_H
#define DECIDE_RELAY_H

#include "settings/settings.h"

/* Why, in a form that leads to the line to change. */
struct decision_reason {
    const char *rule;           /* "relay-network" */
    struct setting_place place; /* of the setting that decided; line 0: a default */
    struct text fact;           /* what it was compared with; borrowed from the facts */
};

struct relay_facts {
    const struct settings *settings;
    const struct setting_server *server;
    enum service service;
    const struct net_address *peer;
    struct text login;  /* canonical user, or "" */
    struct text domain; /* of the recipient, A-labels; "": postmaster without domain */
    bool may_not_relay; /* the login is none of `relay-users` */
};

enum relay_verdict {
    RELAY_LOCAL,  /* ours: ask the directory whether there is such a user */
    RELAY_ONWARD, /* elsewhere, and allowed */
    RELAY_DENIED
};

enum { RELAY_REASONS_MAX = 4 };
struct relay_decision {
    enum relay_verdict verdict;
    unsigned reason_count;
    struct decision_reason reasons[RELAY_REASONS_MAX];
};
struct relay_decision decide_relay(const struct relay_facts *facts);
/* The login is of another server of our organisation (`peer`). */
bool decide_is_peer(const struct setting_server *server, struct text login);
/* What the peer says of a message beside its addresses counts too (its priority, who submitted it):
 * it is logged in, or of a relay network. facts->domain is not looked at. */
bool decide_is_trusted(const struct relay_facts *facts);

#endif
