/* What must hold when all faults have ended and the servers have had their time. */
#ifndef TESTS_SIM_VERDICT_H
#define TESTS_SIM_VERDICT_H

#include "ledger.h"
#include "site.h"

/* What may have come twice: what one site sent to the other, or by a group there; and to the host
 * outside what its sender had heard the answer to. What a site keeps never may. */
struct excuses {
    bool between, heard;
};

/* Looks into the stopped sites; settings: of each. What does not hold is in ledger->wrong then.
 * YIELDS. */
void verdict(struct ledger *ledger, struct site *sites, struct settings *const *settings,
             const struct excuses *excuses);

#endif
