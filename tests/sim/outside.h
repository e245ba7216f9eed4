/* The host that all other mail goes to, as odd as the weather will have it. */
#ifndef TESTS_SIM_OUTSIDE_H
#define TESTS_SIM_OUTSIDE_H

#include "ledger.h"
#include "task/task.h"
#include "weather.h"

struct outside {
    struct task_group *group;
    struct ledger *ledger;
    struct weather *weather;
    uint16_t port;
    int fd;
};

/* Opens its port; the rest is the caller's to set, before it serves. */
void outside_open(struct outside *outside);
void outside_serve(struct outside *outside);

#endif
