/* What must not remain of servers that were stopped: tasks, descriptors, memory in the process's
 * account. */
#ifndef TESTS_SIM_REMAINS_H
#define TESTS_SIM_REMAINS_H

#include <stddef.h>

#include "ledger.h"

struct remains {
    unsigned tasks, descriptors;
    size_t drawn;
};

/* Before they are started. From a task. */
struct remains remains_before(void);
/* When all of them have stopped: what there is more than before is wrong. From the same task. */
void remains_check(const struct remains *before, struct ledger *ledger);

#endif
