/* The parent of a site's roles, as src/main/child.c is: one that was killed is started anew and
 * joined to the others, at once the first time, later when it keeps dying. There is one keeper for
 * each process: of front there may be several. */
#ifndef TESTS_SIM_KEEPER_H
#define TESTS_SIM_KEEPER_H

#include "proc/instance.h"

struct site;

struct keeper {
    struct site *site;
    enum role_kind kind;
    unsigned number;            /* of a front: 0 and on */
    struct role_instance *role; /* NULL: it was killed */
    bool is_configured;         /* it may be joined to others */
    bool is_started;
    unsigned incarnation, quick_deaths;
};

/* The simulated process of it: 1 and on; the number of the site that such a one is of; and its
 * keeper there. */
unsigned keeper_process(const struct keeper *keeper);
unsigned keeper_site_of(unsigned process);
struct keeper *keeper_of(struct site *sites, unsigned process);
/* Make a role of its own process, with its settings; and hand it what its parent has for it. */
void keeper_make(struct keeper *keeper);
void keeper_hand_over(struct keeper *keeper);
/* A connection between two roles that are made, if they have a channel and no such one yet. */
void keeper_join(struct keeper *a, struct keeper *b);
/* A task of the site's parent: argument is a keeper whose role has been started. */
void keeper_task(void *argument);

#endif
