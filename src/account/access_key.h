/* Mailbox access keys (RFC 4467 2.2): each user has one for each mailbox whose messages he made
 * URLs for. Whoever has such a URL reads what it names with this user's rights, so a key never
 * leaves the store: no note, no export and no message shows it. Kept as a value of the user. */
#ifndef ACCOUNT_ACCESS_KEY_H
#define ACCOUNT_ACCESS_KEY_H

#include "account/account.h"

enum { ACCESS_KEY_BYTES = 32 };
struct access_key {
    char bytes[ACCESS_KEY_BYTES];
};
void access_key_wipe(struct access_key *key);

/* False: the user has none for this mailbox. Does not yield. */
bool access_key_find(struct store *store, struct text user, uint64_t mailbox,
                     struct access_key *out);
/* The same; when there is none, one is made, durably. YIELDS. */
enum status access_key_get(struct store *store, struct text user, uint64_t mailbox,
                           struct access_key *out);
/* A new one in the place of what there is. YIELDS. */
enum status access_key_renew(struct store *store, struct text user, uint64_t mailbox);
/* All of the user's keys go; told is each mailbox that had one. YIELDS. */
typedef void access_key_removed(void *context, uint64_t mailbox);
enum status access_keys_remove(struct store *store, struct text user, access_key_removed *told,
                               void *context);

/* Add to the change by which a mailbox goes that its owner's key goes too. What others have is of
 * no use any more: ids of mailboxes do not come again. */
void access_key_forget(struct store *store, struct text owner, uint64_t mailbox,
                       struct change *change);

#endif
