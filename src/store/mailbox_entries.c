/* The entries of a mailbox: as the index keeps them, and packed in memory while it is open. */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "store/flag_row.h"
#include "store/internal.h"

void entry_encode(const struct mailbox_entry *entry, struct buffer *out)
{
    wire_put_u64(out, entry->message);
    wire_put_u64(out, entry->modseq);
    wire_put_u64(out, (uint64_t)entry->date_ms);
    wire_put_u64(out, entry->size);
    wire_put_u32(out, entry->uid);
    wire_put_u64(out, entry->flags);
    wire_put_u32(out, entry->saved_s);
}

bool entry_decode(struct text value, struct mailbox_entry *out)
{
    struct wire_reader in = wire_reader_of(value);
    out->message = wire_get_u64(&in);
    out->modseq = wire_get_u64(&in);
    out->date_ms = (int64_t)wire_get_u64(&in);
    out->size = wire_get_u64(&in);
    out->uid = wire_get_u32(&in);
    out->flags = wire_get_u64(&in);
    out->saved_s = wire_get_u32(&in);
    return wire_end(&in);
}

unsigned mailbox_place(const struct mailbox *box, uint32_t uid)
{
    const struct mailbox_entry *entries = box->entries;
    if (box->count == 0 || uid <= entries[0].uid)
        return 0;
    if (uid > entries[box->count - 1].uid)
        return box->count;
    /* It lies no farther from the first and from the last than their UIDs do, and just there where
     * none in between is gone. */
    unsigned from_first = uid - entries[0].uid, from_last = entries[box->count - 1].uid - uid;
    unsigned low = from_last < box->count ? box->count - 1 - from_last : 0;
    unsigned high = from_first < box->count ? from_first : box->count - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (entries[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* UIDs ascend, in the index and in the log. One that does not is none of ours: it is passed over.
 */
static void add_entry(struct mailbox *box, const struct mailbox_entry *entry)
{
    if (box->count > 0 && entry->uid <= box->entries[box->count - 1].uid)
        return;
    if (box->count == box->capacity) {
        box->capacity = box->capacity == 0 ? 16 : box->capacity * 2;
        box->entries = realloc(box->entries, box->capacity * sizeof(*box->entries));
        check(box->entries != NULL);
    }
    box->entries[box->count++] = *entry;
}

bool mailbox_load_entry(void *context, const struct mailbox_entry *entry)
{
    add_entry(context, entry);
    return true;
}

/* A mailbox that was closed is often opened again soon, so some stay loaded; they are kept up to
 * date like those that are open. */
enum { WARM_BYTES = 8 << 20, WARM_PART = 32 /* of the memory there is, if that is less */ };

static size_t loaded_bytes(const struct mailbox *box)
{
    return box->capacity * sizeof(*box->entries);
}

static void unload(struct mailbox *box)
{
    free(box->entries);
    box->entries = NULL;
    box->count = box->capacity = 0;
    box->loaded = false;
}

static void leave_warm(struct mailbox *box)
{
    list_remove(&box->warm_link);
    box->is_warm = false;
    box->store->warm_bytes -= box->warm_bytes;
}

void mailbox_cool(struct mailbox *box)
{
    if (!box->is_warm)
        return;
    leave_warm(box);
    unload(box);
}

static void keep_warm(struct mailbox *box)
{
    struct store *store = box->store;
    box->is_warm = true;
    box->warm_bytes = loaded_bytes(box);
    store->warm_bytes += box->warm_bytes;
    list_append(&store->warm, &box->warm_link);
    while (store->warm_bytes > memory_part(WARM_BYTES, WARM_PART))
        mailbox_cool(list_entry(store->warm.next, struct mailbox, warm_link));
}

void mailbox_open(struct mailbox *box)
{
    box->users++;
    if (box->is_warm)
        leave_warm(box);
    if (box->loaded)
        return;
    box->loaded = true;
    if (!snapshot_load(box))
        entry_scan(box->store, box->id, 0, mailbox_load_entry, box);
}

void mailbox_close(struct mailbox **closed)
{
    struct mailbox *box = *closed;
    *closed = NULL;
    if (box == NULL)
        return;
    check(box->users > 0);
    if (--box->users > 0)
        return;
    if (box->is_deleted) {
        mailbox_free(box);
        return;
    }
    snapshot_save(box);
    keep_warm(box);
}

const struct mailbox_entry *mailbox_entries(const struct mailbox *box, unsigned *count)
{
    check(box->loaded);
    *count = box->count;
    return box->entries;
}

const struct mailbox_entry *mailbox_entry_find(const struct mailbox *box, uint32_t uid)
{
    check(box->loaded);
    unsigned at = mailbox_place(box, uid);
    return at < box->count && box->entries[at].uid == uid ? &box->entries[at] : NULL;
}

const struct mailbox_entry *mailbox_entry_from(const struct mailbox *box, uint32_t uid)
{
    check(box->loaded);
    unsigned at = mailbox_place(box, uid);
    return at < box->count ? &box->entries[at] : NULL;
}

void mailbox_raise_counters(struct mailbox *box, uint32_t uid_next, uint64_t modseq)
{
    if (box->uid_next < uid_next)
        box->uid_next = uid_next;
    if (box->uid_given < uid_next)
        box->uid_given = uid_next;
    if (box->modseq < modseq)
        box->modseq = modseq;
    if (box->modseq_given < modseq)
        box->modseq_given = modseq;
}

void mailbox_apply_entry(struct mailbox *box, const struct mailbox_entry *entry)
{
    mailbox_raise_counters(box, entry->uid + 1, entry->modseq);
    mailbox_sum(box, entry, 1);
    box->unsaved++;
    /* A warm one must not outgrow the bytes it counts for. */
    if (box->count == box->capacity)
        mailbox_cool(box);
    if (box->loaded)
        add_entry(box, entry);
}

void mailbox_apply_expunge(struct mailbox *box, const uint32_t *uids, unsigned count)
{
    if (!box->loaded || count == 0)
        return;
    views_note_gone(box, uids, count);
    /* One pass, so that emptying a large mailbox is not quadratic. */
    unsigned kept = mailbox_place(box, uids[0]), next = 0;
    for (unsigned at = kept; at < box->count; at++) {
        while (next < count && uids[next] < box->entries[at].uid)
            next++;
        if (next == count || uids[next] != box->entries[at].uid)
            box->entries[kept++] = box->entries[at];
    }
    box->count = kept;
    box->unsaved += count;
}
