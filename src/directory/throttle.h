/* Slows down guessing of passwords. Attempts are counted per account and per peer address; from
 * the fifth on that was wrong or is still being verified, the next may start only after 1, 2, 4 ..
 * 30 s. A pair of account and peer that has succeeded before is counted on its own, so that
 * strangers who guess cannot slow down the owner. All in memory, bounded, forgotten with time. */
#ifndef DIRECTORY_THROTTLE_H
#define DIRECTORY_THROTTLE_H

#include "base/text.h"

struct throttle;
enum throttle_outcome { ATTEMPT_GOOD, ATTEMPT_WRONG, ATTEMPT_UNDECIDED };

enum {
    THROTTLE_FREE_ATTEMPTS = 5,
    THROTTLE_LONGEST_MS = 30 * 1000,
    THROTTLE_FORGET_MS = 15 * 60 * 1000,
    THROTTLE_TABLE_MAX = 10000,
};

struct throttle *throttle_new(void);
void throttle_free(struct throttle **throttle);
/* May an attempt start now? 0: it has, and is ended with throttle_end. Else: how many milliseconds
 * from now to ask again. peer is an address, with or without a port; an IPv6 address counts as its
 * /64, which is what one customer has. */
int64_t throttle_start(struct throttle *throttle, struct text account, struct text peer,
                       int64_t now_ms);
void throttle_end(struct throttle *throttle, struct text account, struct text peer,
                  enum throttle_outcome outcome, int64_t now_ms);

#endif
