/* The story of a message, told to administrators. */
#ifndef ADMIN_VERBS_TRACE_H
#define ADMIN_VERBS_TRACE_H

#include "admin/admin.h"

/* One event, a line or an object; context is the struct admin_call. */
void verb_print_story(void *context, int64_t wall_ms, struct text event, struct text text);
/* `trace`; state is the queue. YIELDS. */
enum status verb_trace(void *state, struct admin_call *call);

#endif
