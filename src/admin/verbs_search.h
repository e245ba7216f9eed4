/* Verbs about searching: the index of words, filters that all may name; the table is in
 * verbs_queue.c. */
#ifndef ADMIN_VERBS_SEARCH_H
#define ADMIN_VERBS_SEARCH_H

#include "admin/admin.h"
#include "queue/queue.h"

enum status verb_search_status(void *state, struct admin_call *call);
enum status verb_search_rebuild(void *state, struct admin_call *call);
enum status verb_search_filter(void *state, struct admin_call *call);

#endif
