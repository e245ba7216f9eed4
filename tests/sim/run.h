/* A whole run, from empty disks to the verdict. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "ledger.h"

/* By its plan; what came of it is in the ledger, which is begun anew. True: nothing is wrong. With
 * `keeps_disks` they are left when something is, and where is printed. Prints its line unless the
 * ledger is to be quiet. */
bool run(struct ledger *ledger, const struct plan *plan, bool is_loud, bool keeps_disks);

#endif
