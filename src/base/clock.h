/* Time, injected. Durations and deadlines use the monotonic clock; dates use the wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { MILLISECOND = 1, SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Milliseconds since some fixed point; never goes back. */
int64_t clock_monotonic_ms(void);
/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);
/* Microseconds, monotonic: for measuring. */
int64_t clock_monotonic_us(void);

/* How far local time is ahead of UTC at this instant. The time zone is read at the first call, so
 * that one belongs before a sandbox. */
int64_t clock_local_east_ms(int64_t wall_ms);

/* Replace both clocks by one the test advances (milliseconds); NULL returns to the real ones. */
void clock_set_for_test(const int64_t *now_ms);
/* Then the wall clock is ahead of the other by so much, as when somebody sets it. */
void clock_set_wall_for_test(const int64_t *ahead_ms);

enum { CLOCK_TEXT_BYTES = 32 };
/* RFC 3339 in UTC with milliseconds: 2026-11-20T10:02:11.004Z. Returns out. */
const char *clock_rfc3339(int64_t wall_ms, char out[CLOCK_TEXT_BYTES]);

#endif
