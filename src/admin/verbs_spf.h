/* The verb about SPF, for the table of what the store role serves. */
#ifndef ADMIN_VERBS_SPF_H
#define ADMIN_VERBS_SPF_H

#include "admin/admin.h"

enum status verb_spf_check(void *queue, struct admin_call *call);

#endif
