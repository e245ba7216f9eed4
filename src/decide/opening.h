/* When a connector's schedule lets mail go: pure. Instants are wall-clock milliseconds. */
#ifndef DECIDE_OPENING_H
#define DECIDE_OPENING_H

#include "settings/settings.h"

/* The first instant, not before now, at which mail that has waited since then may go; INT64_MAX:
 * never by itself. east_ms: how far local time is ahead of UTC. A window without `every` is open
 * while it lasts; with it there are points in time, and at each all that has come before goes. */
int64_t decide_opening(const struct setting_schedule *schedule, int64_t since_ms, int64_t now_ms,
                       int64_t east_ms);
/* The schedule for a message of this size. */
const struct setting_schedule *decide_schedule(const struct setting_connector *connector,
                                               uint64_t size);

#endif
