/* Mailbox entries that nobody has looked through yet, for whoever derives something of every
 * message: the index of words. An entry becomes fresh in the batch that makes it, so none is missed
 * after a crash; like what is derived, this is a cache that is lost with the index and then begins
 * with all entries. */
#ifndef STORE_FRESH_H
#define STORE_FRESH_H

#include "store/mailbox.h"

struct fresh_place {
    uint64_t mailbox;
    uint32_t uid;
};
/* The first fresh entry at this place, which is moved to it, or behind; its flags are those it came
 * with. False: there is none. Does not YIELD. */
bool fresh_next(struct store *store, struct fresh_place *place, struct mailbox_entry *out);
/* It was looked through. Does not YIELD. */
void fresh_done(struct store *store, struct fresh_place place);
/* All entries of a mailbox are fresh again. YIELDS. */
void fresh_renew(struct store *store, uint64_t mailbox);
/* Some are, or none; not those of them that are gone. Does not YIELD. */
void fresh_renew_some(struct store *store, uint64_t mailbox, const uint32_t *uids, unsigned count);
/* How many are. YIELDS. */
uint64_t fresh_count(struct store *store, uint64_t mailbox);
/* How a mailbox's entries are looked through, as who does so said last; 0: nothing was said since
 * the index is there. To say it of a mailbox that is gone says nothing. Do not YIELD. */
uint16_t fresh_version(struct store *store, uint64_t mailbox);
void fresh_set_version(struct store *store, uint64_t mailbox, uint16_t version);
/* Told when there are more. */
struct task_event *fresh_news(struct store *store);
/* How often that was told: another number means that there are some since. */
uint64_t fresh_told(const struct store *store);

#endif
