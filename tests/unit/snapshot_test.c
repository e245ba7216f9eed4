/* A large mailbox opened from its snapshot is what its keys say, whatever happened since. */
#include "base/check.h"
#include "store/flag_row.h"
#include "store/internal.h"
#include "store_world.h"
#include "test.h"

enum { MESSAGES = 3000, ROUNDS = 40 };

/* Close it, and forget what is in memory. */
static void close_cold(struct mailbox *box)
{
    struct mailbox *closed = box;
    mailbox_close(&closed);
    mailbox_cool(box);
    check(!box->loaded);
}

struct walk {
    const struct mailbox_entry *entries;
    unsigned count, at;
};

static bool compare_one(void *context, const struct mailbox_entry *entry)
{
    struct walk *walk = context;
    EXPECT(walk->at < walk->count);
    const struct mailbox_entry *other = &walk->entries[walk->at++];
    EXPECT(entry->uid == other->uid && entry->modseq == other->modseq &&
           entry->flags == other->flags && entry->message == other->message &&
           entry->size == other->size && entry->date_ms == other->date_ms);
    return true;
}

/* By each UID, and by each that is not there. */
static void expect_found_in_place(const struct mailbox *box)
{
    unsigned count;
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    uint32_t uid = 0;
    for (unsigned i = 0; i < count; i++)
        for (; uid <= entries[i].uid; uid++)
            EXPECT(mailbox_place(box, uid) == i);
    EXPECT(mailbox_place(box, uid) == count && mailbox_place(box, UINT32_MAX) == count);
}

static void expect_as_keys_say(const struct mailbox *box)
{
    struct walk walk = {0};
    walk.entries = mailbox_entries(box, &walk.count);
    entry_scan(box->store, box->id, 0, compare_one, &walk);
    EXPECT(walk.at == walk.count);
    expect_found_in_place(box);
}

static uint32_t some_uid(struct store_world *world, const struct mailbox *box)
{
    unsigned count;
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    return entries[world_pick(world, count)].uid;
}

static void change_something(struct store_world *world, struct mailbox *box)
{
    uint32_t uid = some_uid(world, box);
    struct mailbox *open = box;
    bool is_cold = world_pick(world, 2) == 0;
    if (is_cold)
        close_cold(open);
    switch (world_pick(world, 4)) {
    case 0:
        check(mailbox_flag(box, uid, FLAG_ANSWERED, FLAG_SEEN) == OK);
        break;
    case 1:
        check(mailbox_expunge(box, &uid, 1) == OK);
        break;
    case 2:
        world_fill(world, box, 1 + world_pick(world, 20));
        break;
    default:
        check(mailbox_flag(box, uid, FLAG_SEEN, 0) == OK);
    }
    if (is_cold)
        mailbox_open(box);
}

static void change_and_compare(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, MESSAGES);
    mailbox_open(box);
    EXPECT(!box->has_snapshot);
    close_cold(box);
    EXPECT(box->has_snapshot);
    for (unsigned round = 0; round < ROUNDS; round++) {
        mailbox_open(box);
        EXPECT(box->unsaved < box->count / 4); /* it was the snapshot */
        expect_as_keys_say(box);
        for (unsigned changes = world_pick(world, 6); changes > 0; changes--)
            change_something(world, box);
        close_cold(box);
    }
}

/* What stands in the index in place of a part of the snapshot. */
struct damage {
    void (*make)(const struct mailbox *box, struct key *key, struct buffer *value);
};

static void put_head(struct buffer *value, uint32_t form, uint32_t count)
{
    wire_put_u32(value, form);
    wire_put_u32(value, count);
    wire_put_u32(value, MESSAGES + 1);
    wire_put_u64(value, 1);
}

static void other_form(const struct mailbox *box, struct key *key, struct buffer *value)
{
    key_snapshot(key, box->id, 0);
    put_head(value, 99, MESSAGES);
}

static void head_with_more(const struct mailbox *box, struct key *key, struct buffer *value)
{
    key_snapshot(key, box->id, 0);
    put_head(value, 1, MESSAGES);
    wire_put_u8(value, 0);
}

static void far_too_many(const struct mailbox *box, struct key *key, struct buffer *value)
{
    key_snapshot(key, box->id, 0);
    put_head(value, 1, UINT32_MAX);
}

static void more_than_there_are(const struct mailbox *box, struct key *key, struct buffer *value)
{
    key_snapshot(key, box->id, 0);
    put_head(value, 1, 2 * MESSAGES);
}

static void no_entries(const struct mailbox *box, struct key *key, struct buffer *value)
{
    key_snapshot(key, box->id, 1);
    buffer_append(value, TEXT("not entries"));
}

/* Entries as they are, but for the last. */
static void entries_with(const struct mailbox *box, struct key *key, struct buffer *value,
                         struct mailbox_entry last)
{
    unsigned count;
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    key_snapshot(key, box->id, 1);
    buffer_append(value, text_of(entries, (count - 1) * sizeof(*entries)));
    buffer_append(value, text_of(&last, sizeof(last)));
}

static struct mailbox_entry last_of(const struct mailbox *box)
{
    unsigned count;
    return mailbox_entries(box, &count)[MESSAGES - 1];
}

static void out_of_order(const struct mailbox *box, struct key *key, struct buffer *value)
{
    struct mailbox_entry last = last_of(box);
    last.uid = 1;
    entries_with(box, key, value, last);
}

static void other_size(const struct mailbox *box, struct key *key, struct buffer *value)
{
    struct mailbox_entry last = last_of(box);
    last.size++;
    entries_with(box, key, value, last);
}

static void other_seen(const struct mailbox *box, struct key *key, struct buffer *value)
{
    struct mailbox_entry last = last_of(box);
    last.flags ^= FLAG_SEEN;
    entries_with(box, key, value, last);
}

static void other_deleted(const struct mailbox *box, struct key *key, struct buffer *value)
{
    struct mailbox_entry last = last_of(box);
    last.flags ^= FLAG_DELETED;
    entries_with(box, key, value, last);
}

static void changed_with(const struct mailbox *box, struct key *key, struct buffer *value,
                         uint32_t first, uint32_t last)
{
    key_changed(key, box->id, box->modseq + 1);
    wire_put_u32(value, first);
    wire_put_u32(value, last);
}

static void changes_backwards(const struct mailbox *box, struct key *key, struct buffer *value)
{
    changed_with(box, key, value, 9, 8);
}

static void too_many_changes(const struct mailbox *box, struct key *key, struct buffer *value)
{
    changed_with(box, key, value, 1, UINT32_MAX);
}

static void changes_cut_short(const struct mailbox *box, struct key *key, struct buffer *value)
{
    changed_with(box, key, value, 1, 2);
    wire_put_u8(value, 0);
}

static void changes_of_others(const struct mailbox *box, struct key *key, struct buffer *value)
{
    changed_with(box, key, value, MESSAGES + 5, MESSAGES + 9);
}

static void gone_to_the_end(const struct mailbox *box, struct key *key, struct buffer *value)
{
    key_vanished(key, box->id, box->modseq + 1);
    wire_put_u32(value, UINT32_MAX - 1);
    wire_put_u32(value, UINT32_MAX);
}

static void gone_though_it_is_there(const struct mailbox *box, struct key *key,
                                    struct buffer *value)
{
    key_vanished(key, box->id, box->modseq + 1);
    wire_put_u32(value, 3);
    wire_put_u32(value, 3);
}

static const struct damage damages[] = {
    {other_form},          {head_with_more},   {far_too_many},
    {more_than_there_are}, {no_entries},       {out_of_order},
    {other_size},          {other_seen},       {other_deleted},
    {changes_backwards},   {too_many_changes}, {changes_cut_short},
    {changes_of_others},   {gone_to_the_end},  {gone_though_it_is_there},
};

static void open_after_damage(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, MESSAGES);
    for (unsigned i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct key key;
        struct buffer value;
        buffer_init(&value, 1 << 20);
        mailbox_open(box);
        EXPECT(mailbox_flag(box, 1 + i, FLAG_ANSWERED, 0) == OK);
        box->unsaved = MESSAGES; /* so that it is written anew */
        damages[i].make(box, &key, &value);
        close_cold(box);
        EXPECT(box->has_snapshot);
        struct index_batch *batch = index_batch_new(world->store->index);
        index_batch_put(batch, text_of(key.bytes, key.length), buffer_text(&value));
        check(index_batch_apply(batch, index_applied(world->store->index)) == OK);
        index_batch_free(&batch);
        buffer_finish(&value);
        mailbox_open(box);
        expect_as_keys_say(box);
        close_cold(box);
        batch = index_batch_new(world->store->index);
        index_batch_delete(batch, text_of(key.bytes, key.length));
        check(index_batch_apply(batch, index_applied(world->store->index)) == OK);
        index_batch_free(&batch);
    }
}

static void grow_when_warm(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct mailbox *closed = box;
    mailbox_open(box);
    mailbox_close(&closed);
    EXPECT(box->is_warm);
    for (unsigned i = 0; i < 3; i++) {
        world_fill(world, box, MESSAGES);
        EXPECT(world->store->warm_bytes >= box->capacity * sizeof(struct mailbox_entry));
    }
    mailbox_open(box);
    expect_as_keys_say(box);
    EXPECT(box->count == 3 * MESSAGES);
    close_cold(box);
}

TEST("a mailbox opened from its snapshot is what its keys say, whatever happened since")
{
    world_run(change_and_compare, 3);
}

TEST("a snapshot that is damaged is passed over")
{
    world_run(open_after_damage, 3);
}

TEST("a closed mailbox that is still loaded takes no more memory than it counts for")
{
    world_run(grow_when_warm, 3);
}
