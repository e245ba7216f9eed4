/* When writing the log anew gains nothing any more. */
#include <stdio.h>

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
