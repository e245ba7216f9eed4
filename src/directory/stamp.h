/* Recipient policies: which addresses users get, besides their own. The policy with the lowest
 * priority whose filter means a user is his, alone; else the templates of his domain. Each template
 * makes an address, which becomes the user's (LIST_ADDRESS) when nobody has it, else with a number
 * behind its local part. The first is his primary one. What he was given once he keeps, though a
 * policy changes. */
#ifndef DIRECTORY_STAMP_H
#define DIRECTORY_STAMP_H

#include "directory/directory.h"

/* The task that does so at the start and after every change. argument is the directory. */
void stamp_run(void *directory);
/* Something has changed that policies depend on. Does not yield. */
void stamp_wake(struct directory *directory);

/* What an administrator should know: addresses that two hold (is_clash), users whose address has a
 * number because another has it, and users for whom a template makes none. Does not yield. */
typedef void stamp_visit(void *context, struct text address, struct text words, bool is_clash);
void stamp_check(struct directory *directory, stamp_visit *visit, void *context);

#endif
