/* What other roles ask of the directory in the auth role. auth validates every byte. */
#ifndef DIRECTORY_CLIENT_H
#define DIRECTORY_CLIENT_H

#include "base/arena.h"
#include "proc/rpc.h"
#include "proc/settings.h"

/* Methods the auth role serves; numbers are stable. */
enum directory_method {
    DIRECTORY_CHECK = 1,  /* from front: may mail be accepted for this address? */
    DIRECTORY_LOGIN = 2,  /* from front: check a password; hand a session over */
    DIRECTORY_EXPAND = 3, /* from store: who gets it? */
    /* auth itself tells front and store, one way and empty: forget what was answered before. */
    DIRECTORY_CHANGED = 4,
};

/* Will mail to this address (key form, in one of our domains) be taken? OK; REFUSED "no such user
 * here"; TRY_LATER. Follows aliases and groups only one step. YIELDS. */
enum status directory_check(struct rpc_channel *auth, struct text address_key);

/* Who an address means in the end. */
enum directory_target_kind {
    TARGET_MAILBOX, /* address: a user of ours, key form */
    TARGET_REMOTE,  /* address: elsewhere (alias or group member outside our domains) */
    TARGET_UNKNOWN, /* address: ours by domain, but no such user: report 5.1.1 */
    TARGET_LOOP, /* an alias or group that contains itself, or is nested too deep: report 5.4.6 */
};
struct directory_target {
    enum directory_target_kind kind;
    struct text address;
    unsigned recipient; /* index of the address asked about */
};
enum { DIRECTORY_TARGETS_MAX = 10000 };

/* Expand these addresses (key form; those outside our domains come back TARGET_REMOTE as they
 * are). Duplicates are found here: an address comes back once, for the first recipient that
 * leads to it. TRY_LATER: hold the mail, never bounce. YIELDS. */
enum status directory_expand(struct rpc_channel *auth, const struct text *keys, unsigned count,
                             struct arena *arena, struct directory_target **targets,
                             unsigned *target_count);

struct directory_login {
    struct text user,
        password; /* user as typed: "alice@example.test", or "alice" in the first domain */
    enum service service;
    uint64_t session; /* id, for the log and the story */
    struct text peer; /* address text, for throttling guesses */
};
/* Check the password. OK: the user's canonical address in `user_out`. REFUSED "authentication
 * failed" (never which half was wrong); TRY_LATER. With hand_over_fd >= 0 (POP3: one end of a
 * socket pair; closed here in any case) auth also tells the store, which alone believes auth, to
 * serve this user's session on it; OK then means the store has it. Slow on purpose. YIELDS. */
enum { DIRECTORY_USER_MAX = 320 };
enum status directory_login(struct rpc_channel *auth, const struct directory_login *login,
                            int hand_over_fd, char user_out[DIRECTORY_USER_MAX]);

#endif
