/* Verbs about answers while a user is away; the table is in verbs_queue.c. */
#ifndef ADMIN_VERBS_ABSENCE_H
#define ADMIN_VERBS_ABSENCE_H

#include "admin/admin.h"
#include "queue/queue.h"

enum status verb_user_oof(void *state, struct admin_call *call);
enum status verb_user_oof_message(void *state, struct admin_call *call);

#endif
