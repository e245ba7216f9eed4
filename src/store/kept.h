/* What was removed from mailboxes and is kept for a while. It lies in mailboxes of an owner beside
 * the owner, under the names it had, as entries like all others: so it survives what they survive,
 * and its space is given back when they go. Who keeps what for how long is not known here: the
 * `keeps` hook of store.h answers whether, and others call for removal.
 *
 * An entry's saved_s says when it was removed; \Deleted is not kept. */
#ifndef STORE_KEPT_H
#define STORE_KEPT_H

#include "store/hierarchy.h"

/* Whoever has what is kept of an owner, in arena. */
struct text kept_owner(struct text owner, struct arena *arena);
/* It is such a one: *of has the owner, a slice. of may be NULL. */
bool kept_is_owner(struct text owner, struct text *of);

/* Whoever has something kept, in bytewise order, until visit returns false. It must not YIELD. */
void kept_each_owner(struct store *store, mailbox_owner_visit *visit, void *context);

/* Let go what was removed before then, and more, the oldest first, while there are more bytes than
 * most. owner: he whose it was. YIELDS. */
enum status kept_expire(struct store *store, struct text owner, int64_t before_ms, uint64_t most);

#endif
