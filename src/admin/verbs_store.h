/* Verbs about the store, mailboxes and bad mail; the table is in verbs_queue.c. */
#ifndef ADMIN_VERBS_STORE_H
#define ADMIN_VERBS_STORE_H

#include "admin/admin.h"

enum status verb_store_verify(void *state, struct admin_call *call);
enum status verb_store_rebuild(void *state, struct admin_call *call);
enum status verb_store_status(void *state, struct admin_call *call);
enum status verb_mailbox_list(void *state, struct admin_call *call);
enum status verb_mailbox_messages(void *state, struct admin_call *call);
enum status verb_queue_export(void *state, struct admin_call *call);
enum status verb_mailq(void *state, struct admin_call *call);
enum status verb_badmail_list(void *state, struct admin_call *call);
enum status verb_badmail_show(void *state, struct admin_call *call);
enum status verb_badmail_requeue(void *state, struct admin_call *call);
enum status verb_badmail_purge(void *state, struct admin_call *call);

#endif
