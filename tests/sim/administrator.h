/* The administrator of the sites' queues: as the weather has it he freezes and thaws messages, hops
 * and all of it, has them tried now, and removes some, with a report or without; by the store's
 * control socket, as the command line does. In the end he lets everything go. */
#ifndef TESTS_SIM_ADMINISTRATOR_H
#define TESTS_SIM_ADMINISTRATOR_H

#include "ledger.h"
#include "site.h"

struct administrator {
    struct ledger *ledger;
    struct weather *weather;
    const struct site *sites; /* SITES of them */
};

/* argument: struct administrator. */
void administrator_task(void *argument);
/* The same, when all is to be let go and nothing else. */
void administrator_end_task(void *argument);

#endif
