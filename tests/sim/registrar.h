/* Who looks after the directory of each site: as the weather has it he adds users, gives them other
 * passwords and removes them, makes aliases and takes them away, by auth's control socket, as the
 * command line does. What was answered OK must be so from then on, whatever fails; what was refused
 * must not be; what was not answered may be either. He looks, and in the end looks at all of it. */
#ifndef TESTS_SIM_REGISTRAR_H
#define TESTS_SIM_REGISTRAR_H

#include "ledger.h"
#include "site.h"

struct registrar {
    struct ledger *ledger;
    struct weather *weather;
    const struct site *site;
    unsigned number; /* of the site */
    bool is_last;    /* nothing is changed any more */
};

/* argument: struct registrar. */
void registrar_task(void *argument);

#endif
