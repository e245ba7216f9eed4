/* Verbs about the store, mailboxes and bad mail; the table is in verbs_queue.c. */
#ifndef ADMIN_VERBS_STORE_H
#define ADMIN_VERBS_STORE_H

#include "admin/admin.h"

enum status verb_store_verify(void *state, struct admin_call *call);
enum status verb_store_rebuild(void *state, struct admin_call *call);
enum status verb_store_status(void *state, struct admin_call *call);
enum status verb_mailbox_list(void *state, struct admin_call *call);
enum status verb_mailbox_messages(void *state, struct admin_call *call);
enum status verb_badmail_list(void *state, struct admin_call *call);
enum status verb_badmail_show(void *state, struct admin_call *call);
enum status verb_badmail_purge(void *state, struct admin_call *call);

/* Shared with verbs_queue.c. */
enum status verb_check_words(const struct admin_call *call, unsigned least, unsigned most,
                             const char *usage);
/* The first word as an id. */
enum status verb_take_id(const struct admin_call *call, uint64_t *id);
/* `,"name":"value"` with the value escaped. */
void verb_json_field(struct buffer *out, const char *name, struct text value);
/* RFC 3339, or "-" for 0. */
void verb_time(struct buffer *out, int64_t wall_ms);

#endif
