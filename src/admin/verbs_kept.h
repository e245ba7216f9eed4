/* Verbs about what users removed and what is still kept of it; the table is in verbs_queue.c. */
#ifndef ADMIN_VERBS_KEPT_H
#define ADMIN_VERBS_KEPT_H

#include "admin/admin.h"
#include "queue/queue.h"

enum status verb_mailbox_undelete(void *state, struct admin_call *call);
enum status verb_mailbox_purge(void *state, struct admin_call *call);

#endif
