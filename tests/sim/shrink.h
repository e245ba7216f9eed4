/* The smallest run that goes wrong in the same way as one that did. */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include "ledger.h"

/* Of the run in the ledger, which is used up. Prints its command line. It takes minutes at most. */
void shrink(struct ledger *ledger);

#endif
