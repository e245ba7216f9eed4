/* What verify makes of odd rows, of a log that was partly given back, and of one that is damaged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/id.h"
#include "base/logline.h"
#include "store/hierarchy.h"
#include "store/value.h"
#include "verify_scene.h"

#define ALICE TEXT("alice@example.test")

static void give_back(struct store_world *world)
{
    enum { WASTE = 100000, TIMES = 12 };
    char *waste = calloc(1, WASTE);
    uint64_t first = log_first_segment(store_log(world->store));
    for (unsigned i = 0; i < TIMES; i++)
        EXPECT(value_set(world->store, ALICE, TEXT("note/waste"), text_of(waste, WASTE)) == OK);
    while (store_reclaim(world->store, true) == OK)
        continue;
    EXPECT(log_first_segment(store_log(world->store)) > first);
    free(waste);
}

/* ---- Odd keys ---- */

static void odd_keys(struct store_world *world)
{
    char name[60] = "m";
    memset(name + 1, 'n', sizeof(name) - 1);
    struct text long_key = text_of(name, sizeof(name));
    world_fill(world, world_inbox(world), 2);
    put(world, long_key, TEXT("forged"));
    expect_told(world, REFUSED,
                "index: key m 6d6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e"
                "6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e: the log knows");
    drop(world, long_key);
    put(world, TEXT("t"), TEXT("of a story that is too old")); /* as its record is, which is none */
    expect_told(world, OK, "");
    put(world, TEXT("x"), TEXT("of no mailbox"));
    expect_told(world, REFUSED, "index: key x 78: the log knows nothing of it");
}

TEST("a key of no form of ours is told of, and of a long one the beginning")
{
    world_run(odd_keys, 1);
}

/* ---- What a part of the log no longer tells ---- */

static void ranges_of(struct buffer *out, const uint32_t *uids, unsigned count)
{
    buffer_reset(out, 100);
    for (unsigned i = 0; i < count; i++)
        wire_put_u32(out, uids[i]);
}

static void removals(struct store_world *world)
{
    static const uint32_t none[1], narrower[] = {3, 3, 6, 7}, later[] = {2, 3, 7, 7},
                                   less[] = {2, 3}, more[] = {2, 4, 6, 9};
    uint32_t uids[] = {2, 3, 6, 7};
    struct mailbox *box = world_inbox(world);
    struct buffer live;
    struct key key;
    world_fill(world, box, 10);
    give_back(world);
    EXPECT(mailbox_expunge(box, uids, 4) == OK);
    struct text at = key_vanished(&key, box->id, box->modseq);
    buffer_init(&live, 100);
    EXPECT(index_get(world->store->index, at, &live) && live.length == 16);
    expect_told(world, OK, "");
    ranges_of(&live, more, 4);
    put(world, at, buffer_text(&live));
    expect_told(world, OK, ""); /* of some the log has lost the messages */
    const struct {
        const uint32_t *uids;
        unsigned count;
    } wrong[] = {{narrower, 4}, {later, 4}, {less, 2}, {more, 3}, {none, 0}};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        ranges_of(&live, wrong[i].uids, wrong[i].count);
        put(world, at, buffer_text(&live));
        expect_told(world, REFUSED, "differs from what the log says");
    }
    buffer_finish(&live);
}

TEST("of what a log that was partly given back says of removals nothing may be missing")
{
    world_run(removals, 2);
}

/* The numbers that are not given again stand in the records of mailboxes alone. */
static void last_mailbox(struct store_world *world)
{
    struct key key;
    struct buffer marks;
    EXPECT(mailbox_create(world->store, ALICE, TEXT("only"), 0) == NAMING_DONE);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("only")) == NAMING_DONE);
    give_back(world);
    buffer_init(&marks, 100);
    EXPECT(index_get(world->store->index, key_marks(&key), &marks));
    buffer_finish(&marks);
    expect_told(world, OK, "");
}

TEST("which numbers were given out is known longer than the log tells it")
{
    world_run(last_mailbox, 3);
}

/* ---- A log that cannot be read ---- */

/* More segments than are kept open. */
static void one_call_fails(struct store_world *world)
{
    enum { LARGE = 100000, SEGMENTS = 36 };
    char *large = calloc(1, LARGE), name[32];
    struct buffer told;
    uint64_t nth = 0, calls;
    enum status status;
    for (unsigned i = 0; i < SEGMENTS; i++) {
        snprintf(name, sizeof(name), "note/%u", i);
        EXPECT(value_set(world->store, ALICE, text_from(name), text_of(large, LARGE)) == OK);
    }
    buffer_init(&told, 1 << 20);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    do {
        memory_disk_fail(world->disk, ++nth, EIO, false);
        buffer_reset(&told, 1 << 20);
        status = store_verify(world->store, collect, &told);
        calls = memory_disk_calls(world->disk);
        EXPECT(status == OK || nth <= calls);
    } while (nth <= calls);
    EXPECT(status == OK && nth > SEGMENTS);
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    expect_told(world, OK, "");
    buffer_finish(&told);
    free(large);
}

TEST("whichever call of the disk fails while a store is verified, the next time all is well")
{
    world_run(one_call_fails, 5);
}

/* ---- A damaged end ---- */

static void damaged_end(struct store_world *world)
{
    struct change change;
    struct pending pending;
    char path[64];
    world_fill(world, world_inbox(world), 2);
    change_init(&change);
    EXPECT(value_compose(&change, ALICE, TEXT("note/a"), TEXT("value")));
    store_append(world->store, &change, &pending);
    EXPECT(store_wait(world->store, &pending) == OK);
    change_finish(&change);
    snprintf(path, sizeof(path), "/tmp/log/segments/%016llx.seg",
             (unsigned long long)pending.place.segment);
    memory_disk_rot(world->disk, path, pending.place.offset + 7);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    expect_told(world, TRY_LATER, "damaged");
    EXPECT(world->store->mirror == NULL && !world->store->is_held);
    log_setup("test", LOG_LEVEL_ERROR);
    EXPECT(value_set(world->store, ALICE, TEXT("note/a"), TEXT("value")) == OK);
    expect_told(world, REFUSED, "damaged");
}

TEST("damage in the last record of the log is told of, and the store goes on")
{
    world_run(damaged_end, 4);
}
