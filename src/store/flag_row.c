#include "store/flag_row.h"

#include <string.h>

#include "base/check.h"
#include "store/internal.h"

enum { ENTRY_BYTES_MAX = 256 };

uint32_t flag_row_number(uint32_t uid)
{
    return uid / FLAG_ROW_UIDS;
}

static unsigned place_of(uint32_t uid)
{
    return uid % FLAG_ROW_UIDS;
}

static bool has_changed(const struct flag_row *row, unsigned at)
{
    return (row->changed >> at & 1) != 0;
}

static void change(struct flag_row *row, unsigned at, uint64_t flags, uint64_t modseq)
{
    row->changed |= UINT64_C(1) << at;
    row->flags[at] = flags;
    row->modseq[at] = modseq;
}

/* Runs of UIDs whose flags became the same at once. */
static bool goes_on(const struct flag_row *row, unsigned first, unsigned next)
{
    return next < FLAG_ROW_UIDS && has_changed(row, next) &&
           row->modseq[next] == row->modseq[first] && row->flags[next] == row->flags[first];
}

void flag_row_encode(const struct flag_row *row, struct buffer *out)
{
    for (unsigned first = 0, next; first < FLAG_ROW_UIDS; first = next) {
        next = first + 1;
        if (!has_changed(row, first))
            continue;
        while (goes_on(row, first, next))
            next++;
        wire_put_u8(out, (uint8_t)first);
        wire_put_u8(out, (uint8_t)(next - first));
        wire_put_u64(out, row->flags[first]);
        wire_put_u64(out, row->modseq[first]);
    }
}

bool flag_row_decode(struct text value, struct flag_row *out)
{
    struct wire_reader in = wire_reader_of(value);
    unsigned from = 0;
    memset(out, 0, sizeof(*out));
    while (!wire_end(&in)) {
        unsigned first = wire_get_u8(&in), count = wire_get_u8(&in);
        uint64_t flags = wire_get_u64(&in), modseq = wire_get_u64(&in);
        if (in.bad || first < from || count == 0 || first + count > FLAG_ROW_UIDS) {
            memset(out, 0, sizeof(*out));
            return false;
        }
        from = first + count;
        for (unsigned i = first; i < from; i++)
            change(out, i, flags, modseq);
    }
    return true;
}

void flag_row_get(struct store *store, struct text key, struct flag_row *out)
{
    struct buffer value;
    buffer_init(&value, FLAG_ROW_BYTES_MAX);
    index_get(store->index, key, &value);
    flag_row_decode(buffer_text(&value), out);
    buffer_finish(&value);
}

void flag_row_use(const struct flag_row *row, struct mailbox_entry *entry)
{
    unsigned at = place_of(entry->uid);
    if (!has_changed(row, at))
        return;
    entry->flags = row->flags[at];
    entry->modseq = row->modseq[at];
}

void flag_row_set(struct flag_row *row, const struct mailbox_entry *entry)
{
    change(row, place_of(entry->uid), entry->flags, entry->modseq);
}

bool flag_row_clear(struct flag_row *row, uint32_t uid)
{
    unsigned at = place_of(uid);
    bool was_set = has_changed(row, at);
    change(row, at, 0, 0);
    row->changed &= ~(UINT64_C(1) << at);
    return was_set;
}

/* Entries */

struct entry_reader entry_reader_of(struct store *store, uint64_t mailbox)
{
    return (struct entry_reader){.store = store, .mailbox = mailbox};
}

static void complete(struct entry_reader *reader, struct mailbox_entry *entry)
{
    uint32_t number = flag_row_number(entry->uid);
    struct key key;
    if (!reader->has_row || reader->number != number)
        flag_row_get(reader->store, key_flags(&key, reader->mailbox, number), &reader->row);
    reader->has_row = true;
    reader->number = number;
    flag_row_use(&reader->row, entry);
}

bool entry_read(struct entry_reader *reader, uint32_t uid, struct mailbox_entry *out)
{
    struct key key;
    struct buffer value;
    buffer_init(&value, ENTRY_BYTES_MAX);
    bool found = index_get(reader->store->index, key_entry(&key, reader->mailbox, uid), &value) &&
                 entry_decode(buffer_text(&value), out);
    buffer_finish(&value);
    if (found)
        complete(reader, out);
    return found;
}

struct scan {
    struct entry_reader reader;
    entry_visit *visit;
    void *context;
};

static bool scan_one(void *context, struct text key, struct text value)
{
    struct scan *scan = context;
    struct mailbox_entry entry;
    unused(key);
    if (!entry_decode(value, &entry))
        return true;
    complete(&scan->reader, &entry);
    return scan->visit(scan->context, &entry);
}

void entry_scan(struct store *store, uint64_t mailbox, uint32_t from, entry_visit *visit,
                void *context)
{
    struct scan scan = {entry_reader_of(store, mailbox), visit, context};
    struct key prefix, start;
    index_scan(store->index, key_entries(&prefix, mailbox), key_entry(&start, mailbox, from),
               scan_one, &scan);
}
