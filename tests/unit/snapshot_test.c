/* A large mailbox opened from its snapshot is what its keys say, whatever happened since. */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "log/memory_disk.h"
#include "store/append.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "test.h"

enum { MESSAGES = 3000, ROUNDS = 40 };

static struct world {
    struct memory_disk *disk;
    struct task_group group;
    struct store *store;
    uint64_t last_id;
    uint32_t state;
    void (*test)(void);
} world;

static unsigned pick(unsigned below)
{
    world.state = world.state * 1664525 + 1013904223;
    return (world.state >> 8) % below;
}

static uint64_t new_id(void *context)
{
    unused(context);
    return ++world.last_id;
}

static void put(struct mailbox *box, unsigned count)
{
    struct append *append = append_new(world.store, new_id, NULL);
    uint32_t uid;
    for (unsigned i = 0; i < count; i++) {
        append_begin(append, pick(4), NULL, 0, INT64_C(1700000000000) + pick(1000));
        check(append_bytes(append, TEXT("Subject: a\r\n\r\nb\r\n")) == OK &&
              append_end(append, i + 1 < count) == OK);
    }
    check(append_commit(append, box, &uid) == OK);
    append_free(&append);
}

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

static bool compare_one(void *context, struct text key, struct text value)
{
    struct walk *walk = context;
    struct mailbox_entry entry;
    unused(key);
    EXPECT(walk->at < walk->count && entry_decode(value, &entry));
    const struct mailbox_entry *other = &walk->entries[walk->at++];
    EXPECT(entry.uid == other->uid && entry.modseq == other->modseq &&
           entry.flags == other->flags && entry.message == other->message &&
           entry.size == other->size && entry.date_ms == other->date_ms);
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
    struct key key;
    walk.entries = mailbox_entries(box, &walk.count);
    index_scan(world.store->index, key_entries(&key, box->id), TEXT(""), compare_one, &walk);
    EXPECT(walk.at == walk.count);
    expect_found_in_place(box);
}

static uint32_t some_uid(const struct mailbox *box)
{
    unsigned count;
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    return entries[pick(count)].uid;
}

static void change_something(struct mailbox *box)
{
    uint32_t uid = some_uid(box);
    struct mailbox *open = box;
    bool is_cold = pick(2) == 0;
    if (is_cold)
        close_cold(open);
    switch (pick(4)) {
    case 0:
        check(mailbox_flag(box, uid, FLAG_ANSWERED, FLAG_SEEN) == OK);
        break;
    case 1:
        check(mailbox_expunge(box, &uid, 1) == OK);
        break;
    case 2:
        put(box, 1 + pick(20));
        break;
    default:
        check(mailbox_flag(box, uid, FLAG_SEEN, 0) == OK);
    }
    if (is_cold)
        mailbox_open(box);
}

static void change_and_compare(void)
{
    struct mailbox *box =
        mailbox_find_or_make(world.store, TEXT("alice@example.test"), TEXT("INBOX"));
    put(box, MESSAGES);
    mailbox_open(box);
    EXPECT(!box->has_snapshot);
    close_cold(box);
    EXPECT(box->has_snapshot);
    for (unsigned round = 0; round < ROUNDS; round++) {
        mailbox_open(box);
        EXPECT(box->unsaved < box->count / 4); /* it was the snapshot */
        expect_as_keys_say(box);
        for (unsigned changes = pick(6); changes > 0; changes--)
            change_something(box);
        close_cold(box);
    }
}

static void open_after_damage(void)
{
    struct mailbox *box =
        mailbox_find_or_make(world.store, TEXT("alice@example.test"), TEXT("INBOX"));
    struct key key;
    put(box, MESSAGES);
    mailbox_open(box);
    close_cold(box);
    struct index_batch *batch = index_batch_new(world.store->index);
    index_batch_put(batch, key_snapshot(&key, box->id, 1), TEXT("not entries"));
    check(index_batch_apply(batch, index_applied(world.store->index)) == OK);
    index_batch_free(&batch);
    mailbox_open(box);
    expect_as_keys_say(box);
    close_cold(box);
}

static void grow_when_warm(void)
{
    struct mailbox *box =
        mailbox_find_or_make(world.store, TEXT("alice@example.test"), TEXT("INBOX"));
    struct mailbox *closed = box;
    mailbox_open(box);
    mailbox_close(&closed);
    EXPECT(box->is_warm);
    for (unsigned i = 0; i < 3; i++) {
        put(box, MESSAGES);
        EXPECT(world.store->warm_bytes >= box->capacity * sizeof(struct mailbox_entry));
    }
    mailbox_open(box);
    expect_as_keys_say(box);
    EXPECT(box->count == 3 * MESSAGES);
    close_cold(box);
}

static void run(void *argument)
{
    unused(argument);
    task_group_init(&world.group);
    struct store_options options = {.directory = "/tmp",
                                    .index_in_memory = true,
                                    .segment_bytes = 8 << 20,
                                    .files = memory_disk_files(world.disk),
                                    .group = &world.group};
    check(store_open(&options, &world.store) == OK);
    world.test();
    store_close(&world.store);
    task_group_finish(&world.group);
}

static void in_world(void (*test)(void))
{
    world = (struct world){.disk = memory_disk_new(), .state = 3, .test = test};
    task_loop_run(run, NULL);
    memory_disk_free(&world.disk);
}

TEST("a mailbox opened from its snapshot is what its keys say, whatever happened since")
{
    in_world(change_and_compare);
}

TEST("a snapshot that is damaged is passed over")
{
    in_world(open_after_damage);
}

TEST("a closed mailbox that is still loaded takes no more memory than it counts for")
{
    in_world(grow_when_warm);
}
