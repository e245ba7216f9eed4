/* Changes of mailbox entries: composed, made durable, applied. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/internal.h"

static int compare_uids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* Between two of a range there may be UIDs that are gone: they never come back. */
static bool is_next_to(const struct mailbox *box, uint32_t uid, uint32_t next)
{
    if (next == uid + 1)
        return true;
    return box->loaded && mailbox_place(box, next) == mailbox_place(box, uid) + 1;
}

static const struct uid_range *ranges_of(const struct mailbox *box, const uint32_t *uids,
                                         unsigned *count, struct arena *arena)
{
    struct uid_range *ranges = arena_array(arena, *count, sizeof(*ranges));
    unsigned found = 0;
    for (unsigned i = 0; i < *count; i++) {
        if (i > 0 && is_next_to(box, uids[i - 1], uids[i]))
            ranges[found - 1].last = uids[i];
        else
            ranges[found++] = (struct uid_range){uids[i], uids[i]};
    }
    *count = found;
    return ranges;
}

enum status mailbox_flag_many(struct mailbox *box, const uint32_t *uids, unsigned count,
                              uint64_t add, uint64_t remove, uint64_t *modseq)
{
    struct change change;
    struct arena arena;
    check(count <= MAILBOX_FLAGS_AT_ONCE);
    *modseq = box->modseq_given;
    if (box->is_going)
        return refused("the mailbox was deleted");
    *modseq = ++box->modseq_given;
    arena_init(&arena);
    change_init(&change);
    mailbox_compose_box(box, &change);
    struct operation operation = {
        .type = OPERATION_FLAGS,
        .flags = {.mailbox = box->id, .modseq = *modseq, .add = add, .remove = remove}};
    operation.flags.ranges = ranges_of(box, uids, &count, &arena);
    operation.flags.range_count = count;
    change_add(&change, &operation);
    arena_finish(&arena);
    enum status status = store_commit(box->store, &change);
    change_finish(&change);
    return status;
}

void mailbox_settle(struct mailbox *box)
{
    while (store_mailbox_is_pending(box->store, box->id))
        store_settle(box->store);
}

void mailbox_settle_gone(struct mailbox *box)
{
    while (store_expunge_is_pending(box->store, box->id))
        store_settle(box->store);
}

enum status mailbox_flag(struct mailbox *box, uint32_t uid, uint64_t add, uint64_t remove)
{
    uint64_t modseq;
    return mailbox_flag_many(box, &uid, 1, add, remove, &modseq);
}

/* Flags of one mailbox as another has them. Keywords it has no room for are left behind. */
static uint64_t translate_flags(const struct mailbox *from, struct mailbox *to, uint64_t flags)
{
    uint64_t out = flags & FLAGS_OF_SYSTEM;
    if (from == to)
        return flags;
    for (unsigned i = 0; i < from->keyword_count; i++)
        if ((flags & (UINT64_C(1) << (MAILBOX_FIRST_KEYWORD + i))) != 0)
            out |= mailbox_keyword_add(to, from->keywords[i]);
    return out;
}

/* The entries to copy, with new UIDs; uids and count become those that are there. */
static struct copied_entry *compose_copies(struct mailbox *from, struct mailbox *to, uint32_t *uids,
                                           unsigned *count, struct arena *arena)
{
    struct copied_entry *copies = arena_array(arena, *count, sizeof(*copies));
    unsigned found = 0;
    uint32_t now_s = (uint32_t)(clock_wall_ms() / SECOND);
    for (unsigned i = 0; i < *count; i++) {
        const struct mailbox_entry *entry = mailbox_entry_find(from, uids[i]);
        if (entry == NULL)
            continue;
        uids[found] = uids[i];
        copies[found++] = (struct copied_entry){.message = entry->message,
                                                .flags = translate_flags(from, to, entry->flags),
                                                .date_ms = entry->date_ms,
                                                .uid = to->uid_given++,
                                                .saved_s = now_s};
    }
    *count = found;
    return copies;
}

/* The mailbox they go to, if it is new, and that they do. */
static void compose_copy(struct mailbox *to, struct copied_entry *copies, unsigned count,
                         struct change *change)
{
    struct operation copy = {.type = OPERATION_COPY,
                             .copy = {.mailbox = to->id,
                                      .modseq = ++to->modseq_given,
                                      .entries = copies,
                                      .entry_count = count}};
    mailbox_compose_box(to, change);
    change_add(change, &copy);
}

/* Twice in `uids` is once. */
static void compose_kept(struct mailbox *box, struct mailbox *place, const uint32_t *uids,
                         unsigned count, struct change *change)
{
    struct arena arena;
    unsigned kept = 0;
    if (UINT32_MAX - place->uid_given <= count)
        return;
    arena_init(&arena);
    uint32_t *some = arena_array(&arena, count, sizeof(*some));
    for (unsigned i = 0; i < count; i++)
        if (i == 0 || uids[i] > uids[i - 1])
            some[kept++] = uids[i];
    struct copied_entry *copies = compose_copies(box, place, some, &kept, &arena);
    for (unsigned i = 0; i < kept; i++)
        copies[i].flags &= ~(uint64_t)FLAG_DELETED;
    if (kept > 0)
        compose_copy(place, copies, kept, change);
    arena_finish(&arena);
}

void mailbox_compose_expunge(struct mailbox *box, struct mailbox *place, const uint32_t *uids,
                             unsigned count, struct change *change)
{
    if (place != NULL)
        compose_kept(box, place, uids, count, change);
    struct operation operation = {
        .type = OPERATION_EXPUNGE,
        .expunge = {
            .mailbox = box->id, .modseq = ++box->modseq_given, .uids = uids, .uid_count = count}};
    change_add(change, &operation);
}

static enum status expunge_some(struct mailbox *box, const uint32_t *uids, unsigned count)
{
    struct change change;
    change_init(&change);
    mailbox_compose_expunge(box, kept_place(box), uids, count, &change);
    enum status status = store_commit(box->store, &change);
    change_finish(&change);
    return status;
}

enum status mailbox_expunge(struct mailbox *box, const uint32_t *uids, unsigned count)
{
    struct arena arena;
    arena_init(&arena);
    uint32_t *sorted = arena_array(&arena, count, sizeof(*sorted));
    if (count > 0)
        memcpy(sorted, uids, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_uids);
    enum status status = OK;
    mailbox_open(box);
    for (unsigned done = 0; done < count && status == OK; done += MAILBOX_AT_ONCE) {
        unsigned part = count - done < MAILBOX_AT_ONCE ? count - done : MAILBOX_AT_ONCE;
        status = expunge_some(box, sorted + done, part);
    }
    mailbox_close(&box);
    arena_finish(&arena);
    return status;
}

enum status mailbox_copy(struct mailbox *from, struct mailbox *to, uint32_t *uids, unsigned *count,
                         bool move, uint32_t *first)
{
    check(*count <= MAILBOX_AT_ONCE);
    if (to->is_going || UINT32_MAX - to->uid_given <= *count)
        return refused("the mailbox takes no more messages");
    struct arena arena;
    struct change change;
    arena_init(&arena);
    change_init(&change);
    *first = to->uid_given;
    struct copied_entry *copies = compose_copies(from, to, uids, count, &arena);
    compose_copy(to, copies, *count, &change);
    if (move)
        mailbox_compose_expunge(from, NULL, uids, *count, &change);
    enum status status = *count > 0 ? store_commit(to->store, &change) : OK;
    change_finish(&change);
    arena_finish(&arena);
    return status;
}
