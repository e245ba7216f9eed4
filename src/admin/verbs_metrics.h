/* Counters for monitoring. */
#ifndef ADMIN_VERBS_METRICS_H
#define ADMIN_VERBS_METRICS_H

#include "admin/admin.h"

/* `metrics`; state is the queue. */
enum status verb_metrics(void *queue, struct admin_call *call);

#endif
