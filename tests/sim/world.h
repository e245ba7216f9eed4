/* One epoch of a run: both servers and all that is around them, in a process of its own. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "ledger.h"

enum { EXIT_CUT = 3 /* the epoch ended as it was to, by a cut */ };

/* From ledger->now_ms on, on the disks saved in the directory, which it saves again. The last one
 * has no faults, all the time that queues need, and the verdict. Returns the exit status of its
 * process, unless it ends that itself. */
int world_epoch(struct ledger *ledger, const char *directory, bool is_last, bool is_loud);

#endif
