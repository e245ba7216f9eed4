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

static void open_after_damage(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct key key;
    world_fill(world, box, MESSAGES);
    mailbox_open(box);
    close_cold(box);
    struct index_batch *batch = index_batch_new(world->store->index);
    index_batch_put(batch, key_snapshot(&key, box->id, 1), TEXT("not entries"));
    check(index_batch_apply(batch, index_applied(world->store->index)) == OK);
    index_batch_free(&batch);
    mailbox_open(box);
    expect_as_keys_say(box);
    close_cold(box);
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
