/* Verbs that change and check mailboxes; the table is in verbs_queue.c. They name a mailbox as
 * "ADDRESS/NAME", or "Public/NAME" for one of the site; an address alone is its INBOX. */
#ifndef ADMIN_VERBS_MAILBOX_H
#define ADMIN_VERBS_MAILBOX_H

#include "admin/admin.h"
#include "queue/queue.h"

enum status verb_mailbox_create(void *state, struct admin_call *call);
enum status verb_mailbox_delete(void *state, struct admin_call *call);
enum status verb_mailbox_rename(void *state, struct admin_call *call);
enum status verb_mailbox_copy(void *state, struct admin_call *call);
enum status verb_mailbox_share(void *state, struct admin_call *call);
enum status verb_mailbox_verify(void *state, struct admin_call *call);

/* Take such a name apart, in arena. REFUSED: it is none. */
struct mailbox_path {
    struct text owner, name;
};
enum status verb_mailbox_path(struct text word, struct arena *arena, struct mailbox_path *out);
/* The mailbox, or NULL with the reason. */
struct mailbox *verb_mailbox_find(struct queue *queue, const struct mailbox_path *path);

#endif
