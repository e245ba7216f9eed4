/* Verbs about what is known of users and groups, and about whom an address means; the table is in
 * verbs_directory.c. */
#ifndef ADMIN_VERBS_ATTRIBUTE_H
#define ADMIN_VERBS_ATTRIBUTE_H

#include "admin/admin.h"

enum status verb_directory_set(void *state, struct admin_call *call);
enum status verb_directory_contacts(void *state, struct admin_call *call);
enum status verb_directory_check(void *state, struct admin_call *call);
enum status verb_resolve(void *state, struct admin_call *call);

#endif
