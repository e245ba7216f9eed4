/* The verbs about routes, for the table of what the store role serves. */
#ifndef ADMIN_VERBS_ROUTE_H
#define ADMIN_VERBS_ROUTE_H

#include "admin/admin.h"

enum status verb_route(void *queue, struct admin_call *call);
enum status verb_routing(void *queue, struct admin_call *call);

#endif
