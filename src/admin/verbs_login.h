/* Verbs about logins; the table is in verbs_directory.c. */
#ifndef ADMIN_VERBS_LOGIN_H
#define ADMIN_VERBS_LOGIN_H

#include "admin/admin.h"
#include "directory/directory.h"

/* The only word as an address of ours, to its key in arena. */
enum status verb_take_address(struct directory *directory, const struct admin_call *call,
                              const char *usage, struct arena *arena, struct text *key);
/* How a verb that looks ends: as it found, but TRY_LATER when the directory could not be read. */
enum status verb_found(struct directory *directory, enum status found);
/* What was done, for people; with --json the object alone says it. */
void verb_say_done(struct admin_call *call, struct text key, const char *word);

enum status verb_login_test(void *state, struct admin_call *call);
enum status verb_login_list(void *state, struct admin_call *call);
enum status verb_login_networks(void *state, struct admin_call *call);
enum status verb_login_unlock(void *state, struct admin_call *call);
enum status verb_user_unlock(void *state, struct admin_call *call);
enum status verb_certificate_add(void *state, struct admin_call *call);
enum status verb_certificate_remove(void *state, struct admin_call *call);
enum status verb_certificate_list(void *state, struct admin_call *call);

#endif
