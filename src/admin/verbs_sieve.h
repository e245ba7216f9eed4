/* Verbs about users' Sieve scripts; the table is in verbs_queue.c. */
#ifndef ADMIN_VERBS_SIEVE_H
#define ADMIN_VERBS_SIEVE_H

#include "admin/admin.h"
#include "queue/queue.h"

enum status verb_sieve_list(void *state, struct admin_call *call);
enum status verb_sieve_show(void *state, struct admin_call *call);
enum status verb_sieve_put(void *state, struct admin_call *call);
enum status verb_sieve_activate(void *state, struct admin_call *call);
enum status verb_sieve_remove(void *state, struct admin_call *call);

/* Keep a script for a user, when it compiles. REFUSED: it does not, or he has too many. YIELDS. */
enum status verb_sieve_keep(struct queue *queue, struct text owner, struct text name,
                            struct text source);

#endif
