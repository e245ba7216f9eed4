/* Slows down guessing of passwords, and locks it out. Attempts are counted per account and per
 * network of the peer; from the fifth on that was wrong or is still being verified, the next may
 * start only after 1, 2, 4 .. 30 s. When too many were wrong within a time, none may start for some
 * time: for that account from anywhere, or from that network at any account. A pair of account and
 * network that has succeeded before is counted on its own, so that strangers who guess can neither
 * slow down nor lock out the owner. All in memory, bounded, forgotten with time; which pairs have
 * succeeded the directory keeps (networks.h). */
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
    THROTTLE_NETWORK_BYTES = 64, /* a network as text, with its NUL */
};

/* wrong_max 0: nobody is locked out. */
struct throttle_limits {
    unsigned wrong_max;
    int64_t within_ms, locked_ms;
};

struct throttle *throttle_new(void);
void throttle_free(struct throttle **throttle);
void throttle_use_limits(struct throttle *throttle, const struct throttle_limits *limits);

/* What a peer is counted as: its IPv4 address, or the /64 of its IPv6 address, which is what one
 * customer has. peer is with or without a port. Returns out. */
const char *throttle_network(struct text peer, char out[THROTTLE_NETWORK_BYTES]);

/* May an attempt start now? 0: it has, and is ended with throttle_end. Else: how many milliseconds
 * from now to ask again. */
int64_t throttle_start(struct throttle *throttle, struct text account, struct text peer,
                       int64_t now_ms);
/* What this outcome has locked for some time, if anything. */
enum throttle_lock { LOCKED_NOTHING, LOCKED_ACCOUNT, LOCKED_NETWORK, LOCKED_PAIR };
enum throttle_lock throttle_end(struct throttle *throttle, struct text account, struct text peer,
                                enum throttle_outcome outcome, int64_t now_ms);

/* This pair has succeeded before, as is known from elsewhere. */
void throttle_know(struct throttle *throttle, struct text account, struct text peer);
bool throttle_knows(struct throttle *throttle, struct text account, struct text peer);
/* Forget what was counted of an account, from anywhere, or of a network (as text). False when there
 * was nothing. */
bool throttle_unlock_account(struct throttle *throttle, struct text account);
bool throttle_unlock_network(struct throttle *throttle, struct text network);

/* What is counted now, each as "account", "network", or "account network". */
struct throttle_entry {
    struct text account, network; /* one of them may be "" */
    unsigned wrong;
    int64_t waits_ms; /* until the next attempt may start; 0: at once */
    bool is_locked;
};
typedef void throttle_visit(void *context, const struct throttle_entry *entry);
void throttle_list(struct throttle *throttle, int64_t now_ms, throttle_visit *visit, void *context);

#endif
