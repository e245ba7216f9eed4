/* By which clock what was kept long enough goes: kept mail and stories. The wall clock, but one
 * that was set forward is not followed at once: what has gone by a wrong one does not come back.
 * One that a start finds is followed after an hour, in which time servers have set many a wrong one
 * right; one that is set forward while we run after a day, in which a person may have seen it. */
#ifndef QUEUE_KEEP_CLOCK_H
#define QUEUE_KEEP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Zero is one that a start finds. */
struct keep_clock {
    int64_t ahead_ms;   /* of the monotonic clock, as it is followed */
    int64_t doubted_ms; /* the same as the wall clock says, when it is further ahead */
    int64_t since_ms;   /* monotonic: since when it says so */
    bool is_doubted, is_followed;
};

/* The instant to count from, in ms since 1970, given what both clocks say; to be asked every few
 * minutes. 0 as long as none is followed. */
int64_t keep_clock_now(struct keep_clock *clock, int64_t wall_ms, int64_t monotonic_ms);

#endif
