/* A POP3 client of a user: looks, reads, deletes some of it, and quits, or is gone without a word,
 * and then nothing may be deleted. */
#ifndef TESTS_SIM_POP_H
#define TESTS_SIM_POP_H

#include "ledger.h"

struct pop {
    struct ledger *ledger;
    uint16_t port; /* of the wire to its site */
    unsigned user; /* recipient */
    uint32_t pause_ms;
    unsigned most; /* visits */
};

/* argument: struct pop. */
void pop_task(void *argument);

#endif
