/* How much there is: sums over the entries of a mailbox, kept with its own key and so the same live
 * and at replay, and over the mailboxes of an owner, which are made of these in memory. */
#include <stdlib.h>

#include "base/check.h"
#include "store/flag_row.h"
#include "store/hierarchy.h"
#include "store/internal.h"

static void sum_entry(struct mailbox_totals *totals, const struct mailbox_entry *entry, int sign)
{
    uint32_t one = (uint32_t)sign;
    uint64_t size = sign > 0 ? entry->size : -entry->size;
    bool is_deleted = (entry->flags & FLAG_DELETED) != 0;
    totals->messages += one;
    totals->unseen += (entry->flags & FLAG_SEEN) == 0 ? one : 0;
    totals->deleted += is_deleted ? one : 0;
    totals->bytes += size;
    totals->deleted_bytes += is_deleted ? size : 0;
}

void mailbox_sum(struct mailbox *box, const struct mailbox_entry *entry, int sign)
{
    sum_entry(&box->totals, entry, sign);
    struct owner_totals *owner = map_get(box->store->totals_by_owner, box->owner);
    if (owner == NULL)
        return;
    owner->messages += (uint64_t)(int64_t)sign;
    owner->bytes += sign > 0 ? entry->size : -entry->size;
}

void mailbox_sum_flags(struct mailbox *box, const struct mailbox_entry *entry,
                       uint64_t flags_before)
{
    struct mailbox_entry before = *entry;
    before.flags = flags_before;
    sum_entry(&box->totals, &before, -1);
    sum_entry(&box->totals, entry, 1);
}

static bool sum_one(void *context, const struct mailbox_entry *entry)
{
    sum_entry(context, entry, 1);
    return true;
}

void mailbox_sum_all(struct mailbox *box)
{
    box->totals = (struct mailbox_totals){0};
    entry_scan(box->store, box->id, 0, sum_one, &box->totals);
}

struct mailbox_totals mailbox_totals(const struct mailbox *box)
{
    return box->totals;
}

static bool add_mailbox(void *context, struct text name, struct mailbox *box)
{
    struct owner_totals *totals = context;
    unused(name);
    totals->messages += box->totals.messages;
    totals->bytes += box->totals.bytes;
    return true;
}

struct owner_totals mailbox_owner_totals(struct store *store, struct text owner)
{
    struct owner_totals *totals = map_get(store->totals_by_owner, owner);
    if (totals != NULL)
        return *totals;
    totals = calloc(1, sizeof(*totals));
    check(totals != NULL);
    mailbox_each_name(store, owner, TEXT(""), add_mailbox, totals);
    map_put(store->totals_by_owner, owner, totals);
    return *totals;
}

void owner_totals_forget(struct store *store, struct text owner)
{
    free(map_remove(store->totals_by_owner, owner));
}

void owner_totals_free(struct store *store)
{
    size_t position = 0;
    void *totals;
    while (map_next(store->totals_by_owner, &position, NULL, &totals))
        free(totals);
    map_free(&store->totals_by_owner);
}
