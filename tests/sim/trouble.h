/* What RocksDB's files come to on a bad medium: one call fails, all of a site's fail for minutes,
 * or its disk is full for up to two hours, which statvfs says then too; once the sites have
 * started, at a call that chance chooses. */
#ifndef TESTS_SIM_TROUBLE_H
#define TESTS_SIM_TROUBLE_H

#include "weather.h"

enum trouble_call { TROUBLE_OPEN, TROUBLE_DESTROY, TROUBLE_READ, TROUBLE_WRITE, TROUBLE_FLUSH };

/* With the weather of an epoch, lent. */
void trouble_choose(struct weather *weather);
/* It may begin; or all of it is over, and none begins. */
void trouble_arm(bool is_armed);
/* What the library says of this call, of whoever makes it: NULL, nothing is wrong. */
const char *trouble_at(enum trouble_call call);

#endif
