/* Verbs that pick messages of the queue and do something with them, for the table of what the store
 * role serves. */
#ifndef ADMIN_VERBS_ORDERS_H
#define ADMIN_VERBS_ORDERS_H

#include "admin/admin.h"
#include "queue/queue.h"

#define VERB_FILTER_USAGE                                                                          \
    "[--to ADDRESS] [--from ADDRESS] [--hop HOP] [--queue QUEUE] [--subject WORDS] [--older "      \
    "TIME] [--larger SIZE]"

/* Take the options of a filter out of the words. REFUSED: one has no value, or a wrong one. */
enum status verb_take_filter(struct admin_call *call, struct queue_filter *filter);

enum status verb_queue_resend(void *queue, struct admin_call *call);
enum status verb_queue_explain(void *queue, struct admin_call *call);
enum status verb_queue_ages(void *queue, struct admin_call *call);
enum status verb_queue_freeze(void *queue, struct admin_call *call);
enum status verb_queue_thaw(void *queue, struct admin_call *call);
enum status verb_queue_retry(void *queue, struct admin_call *call);
enum status verb_queue_delete(void *queue, struct admin_call *call);
enum status verb_queue_hold_all(void *queue, struct admin_call *call);
enum status verb_queue_resume(void *queue, struct admin_call *call);

#endif
