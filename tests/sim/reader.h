/* Who reads the mail at the sites: IMAP clients, of which several have the same mailboxes, one of
 * them another user's, and POP3 clients (pop.h). Each keeps its memory over crashes. */
#ifndef TESTS_SIM_READER_H
#define TESTS_SIM_READER_H

#include "ledger.h"

struct reader {
    struct ledger *ledger;
    struct weather *weather;
    uint16_t port; /* of the wire to its site */
    unsigned site, seat;
    uint32_t pause_ms; /* at most, between two visits */
    unsigned most;     /* visits */
    int64_t stale_ms;  /* until then what it said last may still be done, after a broken visit */
};

/* What this user's clients remember of that message, they remember no more. */
void reader_forget(struct ledger *ledger, unsigned user, unsigned which, uint32_t uid);
/* argument: struct reader. */
void reader_task(void *argument);

#endif
