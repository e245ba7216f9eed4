/* What must hold when all faults have ended and the servers have had their time. */
#ifndef TESTS_SIM_VERDICT_H
#define TESTS_SIM_VERDICT_H

#include "ledger.h"
#include "site.h"

/* Looks into the stopped sites; settings: of each. What does not hold is in ledger->wrong then.
 * `was_calm`: nothing excuses a copy too many. YIELDS. */
void verdict(struct ledger *ledger, struct site *sites, struct settings *const *settings,
             bool was_calm);

#endif
