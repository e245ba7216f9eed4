/* The entries of a large mailbox in a few values, so that opening it need not visit a key each. A
 * snapshot says what was so at one mod-sequence; what came later is found beside it: new entries by
 * their UIDs, removed ones in the history of removals, changed ones under a key for each change.
 * Like all of the index it is a cache: one that does not come to the mailbox's totals is of no use,
 * and the keys are visited. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "store/flag_row.h"
#include "store/internal.h"

enum {
    FORM = 1,
    FROM_ENTRIES = 2000, /* smaller mailboxes are loaded as fast without */
    CHUNK_ENTRIES = 4096,
    STALE_PART = 16, /* written anew when one in so many entries has changed */
    VALUE_MAX = CHUNK_ENTRIES * sizeof(struct mailbox_entry),
};
/* They are kept as they are in memory. */
_Static_assert(sizeof(struct mailbox_entry) == 48, "no padding");

struct head {
    uint32_t form, count, uid_next;
    uint64_t modseq;
};

static bool read_head(struct store *store, uint64_t mailbox, struct head *head)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, 64);
    bool found = index_get(store->index, key_snapshot(&key, mailbox, 0), &value);
    struct wire_reader in = wire_reader_of(buffer_text(&value));
    *head = (struct head){
        .form = wire_get_u32(&in), .count = wire_get_u32(&in), .uid_next = wire_get_u32(&in)};
    head->modseq = wire_get_u64(&in);
    found = found && wire_end(&in) && head->form == FORM;
    buffer_finish(&value);
    return found;
}

bool snapshot_exists(struct store *store, uint64_t mailbox)
{
    struct head head;
    return read_head(store, mailbox, &head);
}

void snapshots_look_again(struct store *store)
{
    size_t position = 0;
    void *value;
    while (map_next(store->mailboxes_by_id, &position, NULL, &value)) {
        struct mailbox *box = value;
        box->has_snapshot = snapshot_exists(store, box->id);
    }
}

static unsigned chunks_of(unsigned count)
{
    return (count + CHUNK_ENTRIES - 1) / CHUNK_ENTRIES;
}

/* Loading */

static bool read_chunk(struct mailbox *box, unsigned chunk, unsigned count)
{
    struct buffer value;
    struct key key;
    size_t bytes = count * sizeof(*box->entries);
    buffer_init(&value, VALUE_MAX);
    bool found = index_get(box->store->index, key_snapshot(&key, box->id, chunk + 1), &value) &&
                 value.length == bytes;
    if (found)
        memcpy(&box->entries[box->count], value.data, bytes);
    buffer_finish(&value);
    for (unsigned i = 0; found && i < count; i++, box->count++)
        found = box->count == 0 || box->entries[box->count - 1].uid < box->entries[box->count].uid;
    return found;
}

static bool read_chunks(struct mailbox *box, unsigned count)
{
    box->capacity = count + count / STALE_PART + 1;
    box->entries = malloc(box->capacity * sizeof(*box->entries));
    check(box->entries != NULL);
    for (unsigned chunk = 0; chunk < chunks_of(count); chunk++) {
        unsigned left = count - chunk * CHUNK_ENTRIES;
        if (!read_chunk(box, chunk, left < CHUNK_ENTRIES ? left : CHUNK_ENTRIES))
            return false;
    }
    return true;
}

struct catching_up {
    struct mailbox *box;
    struct entry_reader entries;
    unsigned most; /* changes; with more, visiting the keys is no slower */
    bool is_removal, failed;
};

static void read_again(struct catching_up *catching, uint32_t uid)
{
    const struct mailbox *box = catching->box;
    unsigned at = mailbox_place(box, uid);
    if (at < box->count && box->entries[at].uid == uid)
        entry_read(&catching->entries, uid, &box->entries[at]);
}

static void remove_range(struct mailbox *box, uint32_t first, uint32_t last)
{
    unsigned from = mailbox_place(box, first);
    unsigned to = last == UINT32_MAX ? box->count : mailbox_place(box, last + 1);
    memmove(&box->entries[from], &box->entries[to], (box->count - to) * sizeof(*box->entries));
    box->count -= to - from;
}

/* Ranges of UIDs, as removals and changes are kept. */
static bool catch_up(void *context, struct text key, struct text value)
{
    struct catching_up *catching = context;
    struct wire_reader in = wire_reader_of(value);
    unused(key);
    while (!wire_end(&in)) {
        uint32_t first = wire_get_u32(&in), last = wire_get_u32(&in);
        catching->failed = in.bad || last < first || last - first >= catching->most;
        if (catching->failed)
            return false;
        catching->most -= last - first + 1;
        catching->box->unsaved += last - first + 1;
        if (catching->is_removal)
            remove_range(catching->box, first, last);
        for (uint32_t uid = first; !catching->is_removal && uid - first <= last - first; uid++)
            read_again(catching, uid);
    }
    return true;
}

static bool sums_up(const struct mailbox *box)
{
    struct mailbox_totals sum = {0};
    for (unsigned i = 0; i < box->count; i++) {
        const struct mailbox_entry *entry = &box->entries[i];
        sum.bytes += entry->size;
        sum.unseen += (entry->flags & FLAG_SEEN) == 0;
        sum.deleted += (entry->flags & FLAG_DELETED) != 0;
    }
    return box->count == box->totals.messages && sum.bytes == box->totals.bytes &&
           sum.unseen == box->totals.unseen && sum.deleted == box->totals.deleted;
}

bool snapshot_load(struct mailbox *box)
{
    struct head head;
    struct key prefix, from;
    struct index *index = box->store->index;
    box->unsaved = 0;
    if (!box->has_snapshot || !read_head(box->store, box->id, &head) ||
        head.count > box->totals.messages + UINT16_MAX)
        return false;
    bool good = read_chunks(box, head.count);
    if (good) {
        struct catching_up catching = {
            .box = box, .entries = entry_reader_of(box->store, box->id), .most = head.count / 2};
        index_scan(index, key_changed_all(&prefix, box->id),
                   key_changed(&from, box->id, head.modseq), catch_up, &catching);
        catching.is_removal = true;
        if (!catching.failed)
            index_scan(index, key_vanished_all(&prefix, box->id),
                       key_vanished(&from, box->id, head.modseq), catch_up, &catching);
        unsigned before = box->count;
        entry_scan(box->store, box->id, head.uid_next, mailbox_load_entry, box);
        box->unsaved += box->count - before;
        good = !catching.failed && sums_up(box);
    }
    if (!good) {
        free(box->entries);
        box->entries = NULL;
        box->count = box->capacity = 0;
        box->unsaved = box->totals.messages;
    }
    return good;
}

/* Changing */

void snapshot_note_flags(const struct mailbox *box, const struct operation_flags *operation)
{
    struct buffer value;
    struct key key;
    if (!box->has_snapshot || operation->range_count == 0)
        return;
    buffer_init(&value, CHANGE_OPERATIONS_MAX * 2);
    for (unsigned i = 0; i < operation->range_count; i++) {
        wire_put_u32(&value, operation->ranges[i].first);
        wire_put_u32(&value, operation->ranges[i].last);
    }
    index_batch_put(box->store->batch, key_changed(&key, box->id, operation->modseq),
                    buffer_text(&value));
    buffer_finish(&value);
}

static bool drop_one(void *context, struct text key, struct text value)
{
    unused(value);
    index_batch_delete(context, key);
    return true;
}

static void drop(struct store *store, uint64_t mailbox, struct index_batch *batch)
{
    struct head head;
    struct key key;
    unsigned values = read_head(store, mailbox, &head) ? chunks_of(head.count) + 1 : 0;
    for (unsigned i = 0; i < values; i++)
        index_batch_delete(batch, key_snapshot(&key, mailbox, i));
    index_scan(store->index, key_changed_all(&key, mailbox), TEXT(""), drop_one, batch);
}

void snapshot_drop(struct store *store, uint64_t mailbox)
{
    drop(store, mailbox, store->batch);
}

static void put_head(const struct mailbox *box, struct index_batch *batch)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, 64);
    wire_put_u32(&value, FORM);
    wire_put_u32(&value, box->count);
    wire_put_u32(&value, box->uid_next);
    wire_put_u64(&value, box->modseq);
    index_batch_put(batch, key_snapshot(&key, box->id, 0), buffer_text(&value));
    buffer_finish(&value);
}

void snapshot_save(struct mailbox *box)
{
    struct store *store = box->store;
    bool is_stale = !box->has_snapshot || box->unsaved >= box->count / STALE_PART;
    if (box->count < FROM_ENTRIES || !is_stale || !sums_up(box))
        return;
    struct index_batch *batch = index_batch_new(store->index);
    struct key key;
    drop(store, box->id, batch);
    for (unsigned chunk = 0; chunk < chunks_of(box->count); chunk++) {
        unsigned first = chunk * CHUNK_ENTRIES, left = box->count - first;
        unsigned count = left < CHUNK_ENTRIES ? left : CHUNK_ENTRIES;
        index_batch_put(batch, key_snapshot(&key, box->id, chunk + 1),
                        text_of(&box->entries[first], count * sizeof(*box->entries)));
    }
    put_head(box, batch);
    index_batch_apply(batch, index_applied(store->index));
    index_batch_free(&batch);
    box->has_snapshot = true;
    box->unsaved = 0;
}
