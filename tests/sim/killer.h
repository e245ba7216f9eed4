/* SIGKILL for one role of one site, once the sites have started: by the weather, with dice for each
 * kind of role, where a task of any role goes on, or one calls a disk; or, as the plan says, at the
 * n-th such point of the role's own in the first epoch. */
#ifndef TESTS_SIM_KILLER_H
#define TESTS_SIM_KILLER_H

#include "ledger.h"
#include "site.h"

struct killer {
    struct ledger *ledger;
    struct weather *weather;
    struct site *sites;               /* SITES of them */
    uint64_t points, at[ROLE_PARENT]; /* by role: its turn comes then; UINT64_MAX: never */
    bool is_armed;
};

/* With the weather of an epoch. */
void killer_choose(struct killer *killer);
/* At a switch, before this process goes on; at a disk call, which perhaps does not return. */
void killer_at_switch(struct killer *killer, unsigned process);
void killer_at_call(struct killer *killer);

#endif
