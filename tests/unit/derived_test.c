/* What is read ahead of many messages is what asking for each of them tells. */
#include <string.h>

#include "base/check.h"
#include "store/derived.h"
#include "store/shown.h"
#include "store_world.h"
#include "test.h"

enum { MESSAGES = 1200, FIRST_ID = 1000 /* of a world */, ASKED = 3000, LARGE_BYTES = 200 << 10 };

/* A value that is of this message and kind alone; length: at least 9. */
static void keep(struct store_world *world, uint64_t message, enum derived_kind kind, size_t length)
{
    static char bytes[LARGE_BYTES];
    memset(bytes, 'a' + (int)(message % 26), length);
    memcpy(bytes, &message, sizeof(message));
    bytes[sizeof(message)] = (char)kind;
    derived_put(world->store, message, kind, text_of(bytes, length));
}

static void expect_same(struct store_world *world, struct derived_run *run, uint64_t message,
                        enum derived_kind kind)
{
    struct buffer one, other;
    buffer_init(&one, DERIVED_BYTES_MAX);
    buffer_init(&other, DERIVED_BYTES_MAX);
    bool is_there = derived_get(world->store, message, kind, &one);
    EXPECT(derived_run_get(run, message, kind, &other) == is_there);
    EXPECT(!is_there || text_equals(buffer_text(&one), buffer_text(&other)));
    buffer_finish(&one);
    buffer_finish(&other);
}

/* In steps of up to `most` messages, from the first to the last. */
static void walk(struct store_world *world, unsigned most)
{
    struct derived_run *run = derived_run_new(world->store);
    for (uint64_t message = FIRST_ID; message <= world->last_id;
         message += 1 + world_pick(world, most)) {
        expect_same(world, run, message, DERIVED_HEADER);
        expect_same(world, run, message, DERIVED_GRAMS);
    }
    derived_run_free(&run);
}

static void ask_in_all_orders(struct store_world *world)
{
    world_fill(world, world_inbox(world), MESSAGES);
    walk(world, 1); /* there are none */
    for (uint64_t message = FIRST_ID; message <= world->last_id; message++) {
        if (world_pick(world, 8) > 0)
            keep(world, message, DERIVED_HEADER, 9 + world_pick(world, 600));
        if (world_pick(world, 2) > 0)
            keep(world, message, DERIVED_GRAMS,
                 world_pick(world, 40) == 0 ? LARGE_BYTES : 9 + world_pick(world, 2000));
    }
    walk(world, 1);
    walk(world, 3);
    walk(world, 200);
    struct derived_run *run = derived_run_new(world->store);
    for (unsigned i = 0; i < ASKED; i++)
        expect_same(world, run, FIRST_ID + world_pick(world, MESSAGES + 20),
                    1 + world_pick(world, DERIVED_KINDS - 1));
    derived_run_free(&run);
}

static void ask_while_they_are_kept(struct store_world *world)
{
    struct derived_run *run = derived_run_new(world->store);
    world_fill(world, world_inbox(world), MESSAGES);
    for (uint64_t message = FIRST_ID; message <= world->last_id; message++) {
        expect_same(world, run, message, DERIVED_STRUCTURE);
        keep(world, message, DERIVED_STRUCTURE, 40);
        if (message + 2 <= world->last_id)
            keep(world, message + 2, DERIVED_STRUCTURE, 40);
        expect_same(world, run, message, DERIVED_STRUCTURE);
    }
    derived_run_free(&run);
}

static void expect_shown(struct store_world *world, struct derived_run *run, uint64_t message)
{
    struct shown *alone = shown_open(world->store, NULL, message);
    struct shown *ahead = shown_open(world->store, run, message);
    struct buffer one, other;
    buffer_init(&one, LARGE_BYTES);
    buffer_init(&other, LARGE_BYTES);
    EXPECT((alone == NULL) == (ahead == NULL));
    if (alone != NULL && ahead != NULL) {
        EXPECT(shown_size(alone) == shown_size(ahead));
        EXPECT(shown_read(alone, 0, LARGE_BYTES, &one) == OK);
        EXPECT(shown_read(ahead, 0, LARGE_BYTES, &other) == OK);
        EXPECT(one.length > 0 && text_equals(buffer_text(&one), buffer_text(&other)));
    }
    shown_close(&alone);
    shown_close(&ahead);
    buffer_finish(&one);
    buffer_finish(&other);
}

static void read_while_they_come(struct store_world *world)
{
    struct derived_run *run = derived_run_new(world->store);
    uint64_t message = FIRST_ID;
    for (unsigned i = 0; i < 4; i++) {
        world_fill(world, world_inbox(world), MESSAGES / 8);
        for (; message <= world->last_id + 1; message++)
            expect_shown(world, run, message);
        message = world->last_id; /* those that come behind it */
    }
    for (unsigned i = 0; i < MESSAGES; i++)
        expect_shown(world, run, FIRST_ID + world_pick(world, MESSAGES));
    derived_run_free(&run);
}

TEST("messages that were read ahead are shown as they are, and those that came since")
{
    world_run(read_while_they_come, 5);
}

TEST("what is read ahead is what asking for each message tells, in whatever order")
{
    world_run(ask_in_all_orders, 5);
}

TEST("what is kept after others were read ahead is found")
{
    world_run(ask_while_they_are_kept, 5);
}
