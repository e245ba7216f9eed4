/* Passwords: hashing and verifying, off the loop's thread. Slow on purpose (yescrypt), so few run
 * at once and few may wait. */
#ifndef DIRECTORY_PASSWORD_H
#define DIRECTORY_PASSWORD_H

#include "directory/record.h"
#include "task/task.h"

enum {
    /* At most: of the four offload threads one is left for syncing files, and each takes memory. */
    PASSWORD_VERIFICATIONS = 3,
    PASSWORD_WAITING_MAX = 200,
};

/* The line in front of the verifications. */
struct password_gate {
    unsigned running, waiting;
    struct task_event turn;
    char decoy[DIRECTORY_HASH_MAX]; /* verified in place of a hash that is not there */
};

/* Makes the decoy. YIELDS. */
enum status password_gate_init(struct password_gate *gate);

/* Hash with yescrypt and a fresh salt. YIELDS. */
enum status password_hash(struct text password, char out[DIRECTORY_HASH_MAX]);
/* A crypt(5) hash of a method we verify: $y$ $6$ $5$ $2a$ $2b$ $2y$ $1$. */
bool password_hash_is_usable(struct text hash);
/* OK: it is the password. REFUSED: it is not. An empty hash takes as long as any other and is
 * REFUSED. TRY_LATER: too many are waiting. YIELDS. */
enum status password_verify(struct password_gate *gate, struct text hash, struct text password);

#endif
