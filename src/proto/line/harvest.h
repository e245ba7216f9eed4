/* Slows down who guesses addresses. What a network has guessed in vain is counted (as wrong
 * passwords are, see directory/throttle.h, and in each front for itself); behind the free ones each
 * answer waits longer, up to a bound, over all its sessions. A session that waits costs what any
 * idle one does, and the networks remembered are limited. */
#ifndef PROTO_LINE_HARVEST_H
#define PROTO_LINE_HARVEST_H

#include "base/text.h"

struct harvest;

enum {
    HARVEST_LONGEST_MS = 30 * 1000,
    HARVEST_FORGET_MS = 15 * 60 * 1000, /* after the latest guess */
    HARVEST_NETWORKS_MAX = 10000,
};

struct harvest *harvest_new(void);
void harvest_free(struct harvest **harvest);
/* This peer ("192.0.2.1:4711") guessed an address that is none: *count is how many by now. How long
 * the answer is to wait: not for the first `free_guesses`, then 1, 2, 4 .. 30 s. */
int64_t harvest_guess(struct harvest *harvest, struct text peer, unsigned free_guesses,
                      int64_t now_ms, unsigned *count);

#endif
