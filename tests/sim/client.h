/* Whoever sends mail to the sites: one task, one message after the other, each with a number of its
 * own in the ledger and in its header (X-Sim). */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "ledger.h"

struct client {
    struct ledger *ledger;
    struct weather *weather;
    uint16_t ports[SITES]; /* of the wires to them */
    uint32_t pause_ms;     /* at most, between two messages */
    unsigned most;         /* messages of one task */
};

/* argument: struct client. */
void client_task(void *argument);

#endif
