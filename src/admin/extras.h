/* What belongs to a user beside his mail, as entries of the archive of verbs_transfer.h: a note
 * "kind" tells them from messages.
 *
 *     setting   "name"               his own setting of this name (account/preference.h)
 *     absence                        what is answered while he is away (account/absence.h)
 *     script    "name", "active"     a Sieve script
 *     rights    "mailbox"            who may do what with the mailbox: lines "RIGHTS IDENTIFIER"
 *     note      "name", "mailbox"    a note on the mailbox, or without one on the server */
#ifndef ADMIN_EXTRAS_H
#define ADMIN_EXTRAS_H

#include "mail/tar.h"
#include "queue/queue.h"

enum { EXTRAS_BYTES_MAX = 1 << 20 };

/* Gets each; to be done with it when it returns. May YIELD. */
typedef enum status extras_give(void *context, const struct tar_entry *entry, struct text bytes);
/* Those of the user, but for his mailboxes'. YIELDS as give does. */
enum status extras_of_user(struct queue *queue, struct text owner, extras_give *give,
                           void *context);
/* Those of a mailbox. YIELDS as give does. */
enum status extras_of_mailbox(struct queue *queue, uint64_t mailbox, extras_give *give,
                              void *context);

/* Take one in, of a mailbox that is there. What this version does not know, or would not take from
 * the user himself, is passed over, and *taken false. YIELDS. */
enum status extras_import(struct queue *queue, struct text owner, const struct tar_entry *entry,
                          struct text bytes, bool *taken);

#endif
