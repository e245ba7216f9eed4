/* Flags are kept beside the entries, and whoever reads both finds what became of them. */
#include "store/flag_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/internal.h"
#include "store_world.h"
#include "test.h"

enum { MESSAGES = 600, ROUNDS = 6, CHANGES = 40 };

static void make_row(struct store_world *world, struct flag_row *row)
{
    *row = (struct flag_row){0};
    unsigned kinds = 1 + world_pick(world, 4);
    for (uint32_t uid = 1; uid <= FLAG_ROW_UIDS; uid++) {
        struct mailbox_entry entry = {
            .uid = uid, .flags = world_pick(world, kinds), .modseq = world_pick(world, kinds)};
        if (world_pick(world, 3) > 0)
            flag_row_set(row, &entry);
    }
}

static void encode_and_decode(struct store_world *world)
{
    struct buffer value;
    struct flag_row row, other;
    buffer_init(&value, FLAG_ROW_BYTES_MAX);
    for (unsigned round = 0; round < 200; round++) {
        make_row(world, &row);
        buffer_reset(&value, FLAG_ROW_BYTES_MAX);
        flag_row_encode(&row, &value);
        EXPECT(!value.overflowed && flag_row_decode(buffer_text(&value), &other));
        EXPECT(memcmp(&row, &other, sizeof(row)) == 0);
        struct text cut = text_of(value.data, value.length - 1);
        EXPECT(!flag_row_decode(cut, &other) && other.changed == 0);
    }
    buffer_finish(&value);
}

TEST("a row of flags is read as it was written, and one cut short says nothing")
{
    world_run(encode_and_decode, 11);
}

static void expect_refused(unsigned first, unsigned count)
{
    char run[18] = {(char)first, (char)count};
    struct flag_row row;
    EXPECT(!flag_row_decode(text_of(run, sizeof(run)), &row));
}

static void expect_overlap_refused(unsigned first, unsigned next)
{
    char runs[36] = {(char)first, 3};
    struct flag_row row;
    runs[18] = (char)next;
    runs[19] = 1;
    EXPECT(flag_row_decode(text_of(runs, sizeof(runs)), &row) == (next >= first + 3));
}

TEST("a row of flags whose runs overlap, or go back, is refused")
{
    expect_overlap_refused(4, 7);
    expect_overlap_refused(4, 6);
    expect_overlap_refused(4, 0);
}

TEST("a row of flags that reaches beyond its UIDs is refused")
{
    expect_refused(0, 0);
    expect_refused(0, FLAG_ROW_UIDS + 1);
    expect_refused(FLAG_ROW_UIDS, 1);
    expect_refused(255, 255);
}

TEST("the flags of one UID are cleared, and the others stay")
{
    struct flag_row row = {0};
    struct mailbox_entry entry = {.uid = 70, .flags = FLAG_SEEN, .modseq = 9};
    flag_row_set(&row, &entry);
    entry.uid = 71;
    flag_row_set(&row, &entry);
    EXPECT(flag_row_clear(&row, 70) && !flag_row_clear(&row, 70));
    struct mailbox_entry read = {.uid = 70, .flags = FLAG_DRAFT, .modseq = 3};
    flag_row_use(&row, &read);
    EXPECT(read.flags == FLAG_DRAFT && read.modseq == 3);
    read.uid = 71;
    flag_row_use(&row, &read);
    EXPECT(read.flags == FLAG_SEEN && read.modseq == 9);
}

/* What the index says of a mailbox, beside what it has in memory. */
struct walk {
    const struct mailbox_entry *entries;
    unsigned count, at;
};

static bool compare_one(void *context, const struct mailbox_entry *entry)
{
    struct walk *walk = context;
    EXPECT(walk->at < walk->count);
    EXPECT(memcmp(entry, &walk->entries[walk->at++], sizeof(*entry)) == 0);
    return true;
}

static void expect_index_says_it(struct mailbox *box)
{
    struct walk walk = {0};
    walk.entries = mailbox_entries(box, &walk.count);
    entry_scan(box->store, box->id, 0, compare_one, &walk);
    EXPECT(walk.at == walk.count);
}

static void fail_with(void *context, const char *line)
{
    unused(context);
    fail_msg("%s", line);
}

/* Up to `most` UIDs of the mailbox in a row, or with gaps. */
static unsigned pick_uids(struct store_world *world, const struct mailbox *box, unsigned most,
                          uint32_t uids[])
{
    unsigned count, picked = 0;
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    unsigned step = world_pick(world, 2) == 0 ? 1 : 1 + world_pick(world, 90);
    for (unsigned at = world_pick(world, count); at < count && picked < most; at += step)
        uids[picked++] = entries[at].uid;
    return picked;
}

static void copy_some(struct store_world *world, struct mailbox *box)
{
    uint32_t uids[20], first;
    struct mailbox *other =
        mailbox_find_or_make(world->store, TEXT("alice@example.test"), TEXT("Other"));
    mailbox_settle_gone(box);
    unsigned count = pick_uids(world, box, 20, uids);
    check(mailbox_copy(box, other, uids, &count, world_pick(world, 3) == 0, &first) == OK);
    check(mailbox_flag(other, first, FLAG_DRAFT, FLAG_SEEN) == OK);
}

static void change_something(struct store_world *world, struct mailbox *box)
{
    static uint32_t uids[MESSAGES];
    uint64_t modseq;
    unsigned count = pick_uids(world, box, world_pick(world, 3) == 0 ? 1 : MESSAGES, uids);
    switch (world_pick(world, 8)) {
    case 0:
        check(mailbox_expunge(box, uids, count < 40 ? count : 40) == OK);
        break;
    case 1:
        world_fill(world, box, 1 + world_pick(world, 90));
        break;
    case 2:
        copy_some(world, box);
        break;
    default:
        check(mailbox_flag_many(box, uids, count, world_pick(world, 8), world_pick(world, 8),
                                &modseq) == OK);
    }
}

static void reclaim_some(struct store_world *world)
{
    enum { MOST = 3 };
    for (unsigned i = 0; i < MOST && store_reclaim(world->store, false) == OK; i++)
        ;
}

static void change_and_verify(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, MESSAGES);
    mailbox_open(box);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned changes = 0; changes < CHANGES; changes++)
            change_something(world, box);
        expect_index_says_it(box);
        EXPECT(store_verify(world->store, fail_with, NULL) == OK);
        reclaim_some(world);
    }
    EXPECT(log_first_segment(store_log(world->store)) > 1);
    EXPECT(store_verify(world->store, fail_with, NULL) == OK);
    mailbox_close(&box);
}

TEST("the index says of flags what the log says, also when segments were given back")
{
    world_run(change_and_verify, 12);
}

static void change_and_restart(struct store_world *world)
{
    for (unsigned round = 0; round < 3; round++) {
        struct mailbox *box = world_inbox(world);
        if (round == 0)
            world_fill(world, box, MESSAGES);
        mailbox_open(box);
        for (unsigned changes = 0; changes < CHANGES; changes++)
            change_something(world, box);
        reclaim_some(world);
        unsigned count;
        const struct mailbox_entry *entries = mailbox_entries(box, &count);
        struct mailbox_entry *before = calloc(count, sizeof(*before));
        memcpy(before, entries, count * sizeof(*before));
        mailbox_close(&box);
        world_restart(world);
        box = world_inbox(world);
        mailbox_open(box);
        EXPECT(box->count == count && memcmp(before, box->entries, count * sizeof(*before)) == 0);
        free(before);
        mailbox_close(&box);
    }
}

TEST("an index made anew from the log has the same flags")
{
    world_run(change_and_restart, 13);
}

/* Flags are changed while the entries are not in memory. */
static void change_cold(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    uint32_t uid = 100;
    uint64_t modseq;
    world_fill(world, box, 2 * FLAG_ROW_UIDS);
    EXPECT(!box->loaded);
    check(mailbox_flag_many(box, (uint32_t[]){1, 63, 64, 65, 128, 400}, 6, FLAG_FLAGGED, 0,
                            &modseq) == OK);
    check(mailbox_flag(box, uid, FLAG_DELETED, 0) == OK);
    check(mailbox_flag(box, 65, FLAG_DELETED, FLAG_FLAGGED) == OK);
    EXPECT(mailbox_totals(box).deleted == 2);
    mailbox_open(box);
    EXPECT((mailbox_entry_find(box, 64)->flags & FLAG_FLAGGED) != 0);
    EXPECT(mailbox_entry_find(box, 64)->modseq == modseq);
    EXPECT((mailbox_entry_find(box, 65)->flags & (FLAG_FLAGGED | FLAG_DELETED)) == FLAG_DELETED);
    EXPECT((mailbox_entry_find(box, 66)->flags & FLAG_FLAGGED) == 0);
    mailbox_close(&box);
}

TEST("flags of a mailbox that nobody has open are changed")
{
    world_run(change_cold, 14);
}

static bool count_one(void *context, struct text key, struct text value)
{
    unused(key);
    unused(value);
    ++*(unsigned *)context;
    return true;
}

static unsigned rows_of(struct store *store, uint64_t mailbox)
{
    struct key key;
    unsigned count = 0;
    index_scan(store->index, key_flags_all(&key, mailbox), TEXT(""), count_one, &count);
    return count;
}

static void delete_all(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    uint32_t uids[3 * FLAG_ROW_UIDS];
    uint64_t modseq, id = mailbox_id(box);
    unsigned count = 3 * FLAG_ROW_UIDS;
    world_fill(world, box, count);
    for (unsigned i = 0; i < count; i++)
        uids[i] = i + 1;
    check(mailbox_flag_many(box, uids, count, FLAG_DELETED, 0, &modseq) == OK);
    EXPECT(rows_of(world->store, id) == 4);
    check(mailbox_expunge(box, uids, FLAG_ROW_UIDS - 1) == OK);
    EXPECT(rows_of(world->store, id) == 3);
    check(mailbox_expunge(box, uids + FLAG_ROW_UIDS, FLAG_ROW_UIDS) == OK);
    EXPECT(rows_of(world->store, id) == 3);
    EXPECT(store_verify(world->store, fail_with, NULL) == OK);
    check(mailbox_expunge(box, uids, count) == OK);
    EXPECT(rows_of(world->store, id) == 0);
}

TEST("no row of flags is left of entries that went away")
{
    world_run(delete_all, 15);
}

/* An operation as it stands in a record. */
static void put_listed(struct buffer *out, const uint32_t *uids, unsigned count)
{
    wire_put_u8(out, 13);
    wire_put_u32(out, 4 * 8 + 4 + 4 * count);
    wire_put_u64(out, 7);
    wire_put_u64(out, 9);
    wire_put_u64(out, FLAG_SEEN);
    wire_put_u64(out, FLAG_DRAFT);
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++)
        wire_put_u32(out, uids[i]);
}

TEST("a change of flags that lists its UIDs, as older records do, is read")
{
    struct arena arena;
    struct buffer bytes;
    struct operation operation;
    bool bad;
    arena_init(&arena);
    buffer_init(&bytes, 1024);
    put_listed(&bytes, (uint32_t[]){2, 3, 4, 9, 9, 5, 10, 20}, 8);
    struct text rest = buffer_text(&bytes);
    EXPECT(change_next(&rest, &arena, &operation, &bad) && !bad);
    const struct operation_flags *flags = &operation.flags;
    EXPECT(operation.type == OPERATION_FLAGS && flags->mailbox == 7 && flags->modseq == 9);
    EXPECT(flags->add == FLAG_SEEN && flags->remove == FLAG_DRAFT && flags->range_count == 3);
    EXPECT(flags->ranges[0].first == 2 && flags->ranges[0].last == 4);
    EXPECT(flags->ranges[1].first == 9 && flags->ranges[1].last == 10);
    EXPECT(flags->ranges[2].first == 20 && flags->ranges[2].last == 20);
    buffer_finish(&bytes);
    arena_finish(&arena);
}

static bool ranges_are_read(const struct uid_range *ranges, unsigned count)
{
    struct arena arena;
    struct change change;
    struct operation read,
        operation = {.type = OPERATION_FLAGS,
                     .flags = {.mailbox = 1, .modseq = 2, .ranges = ranges, .range_count = count}};
    bool bad;
    arena_init(&arena);
    change_init(&change);
    change_add(&change, &operation);
    struct text rest = buffer_text(&change.operations);
    bool is_read = change_next(&rest, &arena, &read, &bad);
    change_finish(&change);
    arena_finish(&arena);
    return is_read;
}

TEST("ranges of UIDs that overlap, are empty or out of order are no change of flags")
{
    EXPECT(ranges_are_read((struct uid_range[]){{1, 4}, {5, 5}, {9, UINT32_MAX - 1}}, 3));
    EXPECT(!ranges_are_read((struct uid_range[]){{1, 4}, {4, 5}}, 2));
    EXPECT(!ranges_are_read((struct uid_range[]){{7, 8}, {1, 2}}, 2));
    EXPECT(!ranges_are_read((struct uid_range[]){{8, 7}}, 1));
    EXPECT(!ranges_are_read((struct uid_range[]){{0, 7}}, 1));
    EXPECT(!ranges_are_read((struct uid_range[]){{1, UINT32_MAX}}, 1));
}
