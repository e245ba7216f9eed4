/* When writing the log anew gains nothing any more, and when it fails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/logline.h"
#include "store/value.h"
#include "store_world.h"
#include "test.h"

enum { VALUES = 300 };

/* Each is a batch of its own, when it is set and when it is written forward, and so as good as all
 * of the log is padding, and stays so. */
static void set_each(struct store_world *world, const char *value)
{
    char name[32];
    for (unsigned i = 0; i < VALUES; i++) {
        snprintf(name, sizeof(name), "note/%u", i);
        EXPECT(value_set(world->store, TEXT("alice"), text_from(name), text_from(value)) == OK);
    }
}

static uint64_t segments_of(struct store_world *world)
{
    return store_space_now(world->store).segments;
}

/* How many segments it gives back until it tells that this gains nothing. */
static uint64_t reclaim_all(struct store_world *world, bool urgent)
{
    uint64_t dropped = 0, most = 3 * segments_of(world);
    enum status status;
    while ((status = store_reclaim(world->store, urgent)) == OK)
        EXPECT(++dropped <= most);
    EXPECT(status == REFUSED);
    return dropped;
}

static void expect_each(struct store_world *world, const char *value)
{
    struct buffer found;
    char name[32];
    buffer_init(&found, VALUE_BYTES_MAX);
    for (unsigned i = 0; i < VALUES; i++) {
        snprintf(name, sizeof(name), "note/%u", i);
        EXPECT(value_get(world->store, TEXT("alice"), text_from(name), &found));
        EXPECT_TEXT(buffer_text(&found), value);
    }
    buffer_finish(&found);
}

static void padding_alone(struct store_world *world)
{
    set_each(world, "first");
    uint64_t before = segments_of(world);
    EXPECT(before > 5);
    EXPECT(reclaim_all(world, true) >= before - 1); /* one pass, which shows it */
    EXPECT(reclaim_all(world, true) == 0);
    EXPECT(reclaim_all(world, false) == 0);
    expect_each(world, "first");
}

TEST("a log that gives nothing back is written anew once, however full the disk stays")
{
    world_run(padding_alone, 1);
}

/* What nobody needs at all goes without a pass. */
static void more_that_is_dead(struct store_world *world)
{
    set_each(world, "first");
    reclaim_all(world, true);
    uint64_t once = segments_of(world);
    for (unsigned round = 0; round < 4; round++)
        set_each(world, "second");
    EXPECT(segments_of(world) > 4 * once);
    EXPECT(reclaim_all(world, true) > 0);
    EXPECT(segments_of(world) <= once + 1);
    expect_each(world, "second");
}

TEST("what died since is given back all the same")
{
    world_run(more_that_is_dead, 2);
}

/* ---- A disk that fails ---- */

enum { LARGE = 1200000, SMALL = 40, WASTE = 900000 };

/* A message in parts, small ones, a value; and behind them much that is dead. */
static void fill_and_waste(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    char *waste = malloc(WASTE);
    memset(waste, 'L', WASTE);
    world_append(world, box, LARGE);
    world_fill(world, box, SMALL);
    EXPECT(value_set(world->store, TEXT("alice"), TEXT("note/kept"), TEXT("kept")) == OK);
    for (unsigned i = 0; i < 8; i++)
        EXPECT(value_set(world->store, TEXT("alice"), TEXT("note/waste"), text_of(waste, WASTE)) ==
               OK);
    free(waste);
}

static void expect_all(struct store_world *world)
{
    struct buffer out;
    buffer_init(&out, 2 << 20);
    EXPECT(store_read(world->store, 1000, 0, 2 << 20, &out) == OK && out.length == LARGE);
    for (size_t i = 0; i < out.length; i++)
        if (out.data[i] != 'L')
            fail_msg("byte %zu differs", i);
    for (uint64_t id = 1001; id <= 1000 + SMALL; id++) {
        buffer_reset(&out, 1000);
        EXPECT(store_read(world->store, id, 0, 1000, &out) == OK);
        EXPECT_TEXT(buffer_text(&out), "Subject: a\r\n\r\nb\r\n");
    }
    EXPECT(value_get(world->store, TEXT("alice"), TEXT("note/kept"), &out));
    EXPECT_TEXT(buffer_text(&out), "kept");
    EXPECT(value_get(world->store, TEXT("alice"), TEXT("note/waste"), &out) && out.length == WASTE);
    buffer_finish(&out);
}

static uint64_t failing, calls;
static bool fails_for_ever;

static void fail_at(struct store_world *world)
{
    fill_and_waste(world);
    uint64_t before = segments_of(world);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, failing, EIO, fails_for_ever);
    enum status status = store_reclaim(world->store, failing % 2 == 0);
    calls = memory_disk_calls(world->disk);
    memory_disk_fail(world->disk, 0, 0, false);
    EXPECT(status != REFUSED);
    expect_all(world);
    while (status != REFUSED) /* the next one goes on where it ended */
        status = store_reclaim(world->store, false);
    EXPECT(segments_of(world) < before);
    expect_all(world);
    world_restart(world);
    expect_all(world);
    log_setup("test", LOG_LEVEL_ERROR);
}

TEST("whatever call of the disk fails while space is given back, all is there, and it goes on")
{
    for (unsigned round = 0; round < 2; round++) {
        fails_for_ever = round == 1;
        failing = 0;
        do {
            failing++;
            world_run_large(fail_at, 1);
        } while (failing <= calls);
        EXPECT(failing > 10);
    }
}
