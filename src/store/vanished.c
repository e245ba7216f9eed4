/* Which UIDs went away, and when, for sessions that come back after a while (RFC 7162 3.2.5). A UID
 * below UIDNEXT that is not there has gone; whether somebody knows that already, the history says,
 * a key for each expunge. What the history lacks, because the index was made anew from a log whose
 * head is gone, is told once more: that is allowed, and harmless. */
#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "store/internal.h"

enum { HISTORY_MOST = 50000 }; /* keys looked at; with more, the newer ones are told again */

struct range {
    uint32_t first, last;
};
struct ranges {
    struct arena *arena;
    struct range *at;
    unsigned count, keys;
    uint64_t modseq;
};

void vanished_put(struct store *store, uint64_t mailbox, uint64_t modseq, const uint32_t *uids,
                  unsigned count)
{
    struct buffer value;
    struct key key;
    if (count == 0)
        return;
    buffer_init(&value, CHANGE_OPERATIONS_MAX * 2);
    for (unsigned i = 0; i < count;) {
        unsigned next = i + 1;
        while (next < count && uids[next] == uids[next - 1] + 1)
            next++;
        wire_put_u32(&value, uids[i]);
        wire_put_u32(&value, uids[next - 1]);
        i = next;
    }
    index_batch_put(store->batch, key_vanished(&key, mailbox, modseq), buffer_text(&value));
    buffer_finish(&value);
}

static bool drop_one(void *context, struct text key, struct text value)
{
    struct store *store = context;
    unused(value);
    index_batch_delete(store->batch, key);
    return true;
}

void vanished_drop(struct store *store, uint64_t mailbox)
{
    struct key key;
    index_scan(store->index, key_vanished_all(&key, mailbox), TEXT(""), drop_one, store);
}

static void add(struct ranges *ranges, struct range range)
{
    ranges->at = arena_grow(ranges->arena, ranges->at, ranges->count, sizeof(*ranges->at));
    ranges->at[ranges->count++] = range;
}

static bool add_known(void *context, struct text key, struct text value)
{
    struct ranges *known = context;
    if (key_get_u64(key, 8) > known->modseq || known->keys++ == HISTORY_MOST)
        return false;
    struct wire_reader in = wire_reader_of(value);
    while (!wire_end(&in)) {
        struct range range = {.first = wire_get_u32(&in)};
        range.last = wire_get_u32(&in);
        if (in.bad)
            break;
        add(known, range);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* What of a gap is not known to be gone. next: the first known range that may reach into it. */
static void visit_gap(const struct ranges *known, unsigned *next, struct range gap,
                      mailbox_vanished_visit *visit, void *context)
{
    for (;;) {
        while (*next < known->count && known->at[*next].last < gap.first)
            (*next)++;
        struct range *at = *next < known->count ? &known->at[*next] : NULL;
        if (at == NULL || at->first > gap.last) {
            visit(context, gap.first, gap.last);
            return;
        }
        if (at->first > gap.first)
            visit(context, gap.first, at->first - 1);
        if (at->last >= gap.last)
            return;
        gap.first = at->last + 1;
    }
}

void mailbox_vanished(const struct mailbox *box, uint64_t modseq, mailbox_vanished_visit *visit,
                      void *context)
{
    struct arena arena;
    struct key key;
    arena_init(&arena);
    struct ranges known = {.arena = &arena, .modseq = modseq};
    index_scan(box->store->index, key_vanished_all(&key, box->id), TEXT(""), add_known, &known);
    if (known.count > 0)
        qsort(known.at, known.count, sizeof(*known.at), compare);
    unsigned next = 0;
    uint32_t from = 1;
    for (unsigned i = 0; i < box->count; i++) {
        if (box->entries[i].uid > from)
            visit_gap(&known, &next, (struct range){from, box->entries[i].uid - 1}, visit, context);
        from = box->entries[i].uid + 1;
    }
    if (box->uid_next > from)
        visit_gap(&known, &next, (struct range){from, box->uid_next - 1}, visit, context);
    arena_finish(&arena);
}
