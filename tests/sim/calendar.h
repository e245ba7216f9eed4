/* Where the wall clock stood when: by how much it can seem to a server, at most, that more time has
 * passed than did. */
#ifndef TESTS_SIM_CALENDAR_H
#define TESTS_SIM_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum { CALENDAR_MARKS = 512 };

struct calendar_mark {
    int64_t now_ms;   /* the simulated time */
    int64_t ahead_ms; /* the wall clock, of it, from then on */
    bool is_start;    /* of the servers: they take the wall clock as they find it */
};

/* Zero is one in which the clock is right. */
struct calendar {
    int64_t ahead_ms;
    unsigned count;
    struct calendar_mark marks[CALENDAR_MARKS];
};

/* The wall clock is set; the servers start. What is too much is not done. */
void calendar_set(struct calendar *calendar, int64_t ahead_ms);
void calendar_start(struct calendar *calendar);
/* How old a server that has run through all of them may take something for that came at this
 * instant, at another one. A clock that is set while it runs must not mislead it. */
int64_t calendar_age_ms(const struct calendar *calendar, int64_t since_ms, int64_t until_ms);

#endif
