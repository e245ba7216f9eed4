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

#endif
