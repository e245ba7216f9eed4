/* Verbs about what holds for users in the store; the table is in verbs_queue.c. */
#ifndef ADMIN_VERBS_ACCOUNT_H
#define ADMIN_VERBS_ACCOUNT_H

#include "account/preference.h"
#include "admin/admin.h"
#include "queue/queue.h"

enum status verb_user_set(void *state, struct admin_call *call);
enum status verb_user_quota(void *state, struct admin_call *call);
enum status verb_mailbox_quota(void *state, struct admin_call *call);

/* The canonical form of an address that was given, in arena; "public" is the owner of the public
 * folders. REFUSED: it is none. */
enum status verb_owner(struct text word, struct arena *arena, struct text *owner);
/* The user whom the call's first word names, in arena. REFUSED: he has no mailbox. YIELDS. */
enum status verb_user(struct queue *queue, const struct admin_call *call, struct arena *arena,
                      struct text *user);
/* preference_set, and what follows from it. YIELDS. */
enum status verb_set_preference(const struct accounts *accounts, struct text user,
                                enum preference which, struct text value);

#endif
