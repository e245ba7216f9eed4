/* The role processes of a server: starting, wiring, restarting, stopping. */
#ifndef MAIN_CHILD_H
#define MAIN_CHILD_H

#include <sys/types.h>

#include "main/site.h"
#include "main/ticket_keys.h"

struct children;

struct child {
    const struct role *role;
    unsigned number;
    pid_t pid; /* 0: not running */
    struct rpc_channel *channel;
    bool configured; /* has its settings: may be wired to others */
    bool started;    /* serves */
    unsigned incarnation;
    unsigned quick_deaths; /* in a row */
    struct children *all;
};

enum { CHILDREN_MAX = ROLE_FRONTS_MAX + 3 };

/* All processes of the server. Fields are the parent's. */
struct children {
    struct child list[CHILDREN_MAX];
    unsigned count;
    struct task_group group;
    struct task_event changed; /* a child was configured, started, or died */
    struct site *site;         /* current */
    int admin_fds[ROLE_KINDS];
    struct seats *seats;        /* shared by the fronts */
    struct ticket_keys tickets; /* likewise */
    /* incarnations that have been wired to each other: [from][to] */
    unsigned wired[CHILDREN_MAX][CHILDREN_MAX][2];
    bool stopping;
};

/* Start every role and keep it running until children_stop. fronts: how many. */
void children_start(struct children *children, unsigned fronts);
bool children_all_started(const struct children *children);
/* After the site changed: tell every role; old has the sockets no longer wanted. Failures are
 * logged. YIELDS. */
void children_reload(struct children *children, const struct site *old);
/* After only the sockets changed. YIELDS. */
void children_relisten(struct children *children, const struct site *old);
/* Every front ends its sessions of this server. YIELDS. */
void children_end_sessions(struct children *children, struct text server);
/* After only certificates changed: tell the fronts. YIELDS. */
void children_renew_certificates(struct children *children);
/* Every front seals session tickets with the next key. YIELDS. */
void children_turn_tickets(struct children *children);
/* How a child stands with its memory: all 0 when it does not say. YIELDS. */
void child_memory(struct child *child, struct memory_now *out);
/* Reap those that have ended (after SIGCHLD). */
void children_reap(struct children *children);
/* In order: front, send, auth, store. YIELDS. */
void children_stop(struct children *children);

#endif
