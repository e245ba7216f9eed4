/* The verbs that look for what is wrong, for the table of what the store role serves. */
#ifndef ADMIN_VERBS_PROBE_H
#define ADMIN_VERBS_PROBE_H

#include "admin/admin.h"

enum status verb_probe(void *queue, struct admin_call *call);
enum status verb_diagnose_outbound(void *queue, struct admin_call *call);
enum status verb_diagnose_inbound(void *queue, struct admin_call *call);
enum status verb_filter_check(void *queue, struct admin_call *call);

#endif
