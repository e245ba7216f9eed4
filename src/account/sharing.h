/* Who may do what with whose mailbox (RFC 4314). Whoever owns a mailbox may do everything with it;
 * others what its list says of them, of "anyone" and "authenticated" (all users, both), less what
 * it says of "-" and an identifier. The public folders have no user as owner.
 *
 * A list goes with its mailbox, whatever that is named, and ends with it. */
#ifndef ACCOUNT_SHARING_H
#define ACCOUNT_SHARING_H

#include "account/account.h"
#include "account/rights.h"
#include "store/hierarchy.h"

enum { SHARING_IDENTIFIER_MAX = 320, SHARING_ENTRIES_MAX = 1000 };

/* What the user may do with it. Does not yield. */
unsigned sharing_rights(struct store *store, const struct mailbox *box, struct text user);

/* The list, as it was set, until visit returns false. Does not yield. */
typedef bool sharing_visit(void *context, struct text identifier, unsigned rights);
void sharing_each(struct store *store, const struct mailbox *box, sharing_visit *visit,
                  void *context);

/* An identifier as it is kept: "anyone", a user's canonical address ("bob" is at the domain of
 * `near`), either after a "-". In arena. False: it is none. */
bool sharing_identifier(struct text written, struct text near, struct arena *arena,
                        struct text *out);
/* The same for a user alone: "bob", "bob@example.org". */
bool sharing_user(struct text written, struct text near, struct arena *arena, struct text *out);
enum sharing_how { SHARING_SET, SHARING_ADD, SHARING_TAKE };
/* Change what the list says of an identifier; without a right left it is not in it. REFUSED: the
 * list is full, or the mailbox is gone. YIELDS. */
enum status sharing_change(struct store *store, uint64_t mailbox, struct text identifier,
                           enum sharing_how how, unsigned rights);
/* Give a new mailbox the list of another. YIELDS. */
enum status sharing_inherit(struct store *store, uint64_t from, uint64_t to);
/* mailbox_delete, with all that is kept of it here. YIELDS. */
enum naming sharing_delete_mailbox(struct store *store, struct text owner, struct text name);

/* The mailboxes of others that the user may look up, in no order. visit must not YIELD. */
typedef void sharing_mailbox_visit(void *context, struct mailbox *box);
void sharing_each_visible(struct store *store, struct text user, sharing_mailbox_visit *visit,
                          void *context);

#endif
