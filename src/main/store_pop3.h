/* POP3 sessions of the store role: from the descriptor that auth sent to its end. */
#ifndef MAIN_STORE_POP3_H
#define MAIN_STORE_POP3_H

#include "queue/queue.h"
#include "task/task.h"

struct store_pop3;

struct store_pop3 *store_pop3_new(void);
/* Its sessions have ended. */
void store_pop3_free(struct store_pop3 **pop3);

/* Who logged in, and how long he may be silent. */
struct store_pop3_login {
    struct text user;
    uint64_t session; /* id */
    struct text peer;
    int64_t idle_ms;
};
/* Serve the user's INBOX, as it is now, as a task of the group on this descriptor, which it closes.
 * The client hears it when another session has the mailbox, or when the user comes too soon.
 * REFUSED: the user's name is too long; the descriptor stays the caller's. */
enum status store_pop3_begin(struct store_pop3 *pop3, struct queue *queue, struct task_group *group,
                             const struct store_pop3_login *login, int fd);

#endif
