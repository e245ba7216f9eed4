/* Bit rot: in an old record of a site's log, which has a message or the first part of a large one,
 * a bit is another one when the site is started. That message is lost, or can't be read; all else
 * must be as it was. */
#ifndef TESTS_SIM_ROT_H
#define TESTS_SIM_ROT_H

#include "site.h"
#include "weather.h"

struct ledger;

/* It happens now, if there is such a record: noted in the ledger, with what clients must find gone
 * then. Before the site starts. */
void rot_strike(struct ledger *ledger, struct weather *weather, struct site *site, unsigned number);
/* Some of it has not been given back since, and must be told by who checks the log. */
bool rot_is_left(const struct ledger *ledger, struct site *site, unsigned number);

#endif
