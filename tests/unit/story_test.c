/* What a trace is looked up by, and how stories end. */
#include <errno.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/logline.h"
#include "store_world.h"
#include "test.h"

static const struct {
    const char *told, *asked;
    bool is_found;
} told_and_asked[] = {
    {"to=<bob@x.example>", "bob@x.example", true},
    {"bob@x.example", "bob@x.example", true},     /* all of it */
    {"BOB@X.Example", "bob@x.example", true},     /* any case */
    {"no bob@x.example.", "bob@x.example", true}, /* the end of a sentence */
    {"no bob@x.example. Ask.", "bob@x.example", true},
    {"no bob@x.example...", "bob@x.example", true},
    {"no bob@x.example.de", "bob@x.example", false}, /* another domain */
    {"no bob@x.example.Z", "bob@x.example", false},
    {"no bob@x.example2", "bob@x.example", false},
    {"no bob@x.example-y", "bob@x.example", false},
    {"no bob@x.example_y", "bob@x.example", false},
    {"no bob@x.example\xc3\xbc", "bob@x.example", false},
    {"no bob@x.example{", "bob@x.example", true},
    {"no bob@x.example[1]", "bob@x.example", true},
    {"no bob@x.example:25", "bob@x.example", true},
    {"no bob@x.example@y", "bob@x.example", true},
    {"job.bob@x.example", "bob@x.example", false}, /* a longer local part */
    {"tag+bob@x.example", "bob@x.example", false},
    {"Tag_bob@x.example", "bob@x.example", false},
    {"Zbob@x.example", "bob@x.example", false},
    {"9bob@x.example", "bob@x.example", false},
    {"\xc3\xbc"
     "bob@x.example",
     "bob@x.example", false},
    {"zbob@x.example, bob@x.example", "bob@x.example", true}, /* the second is he */
    {"to=<bob@x.example>", "@x.example", true},               /* any of a domain */
    {"to=<bob@x.example>", "@example", false},
    {"to=<bob@sub.x.example>", "@x.example", false},
    {"ob@x.example", "bob@x.example", false},
};

static void look_up(struct store_world *world)
{
    enum { MANY = sizeof(told_and_asked) / sizeof(told_and_asked[0]) };
    uint64_t id = 0, found[2];
    for (unsigned i = 0; i < MANY; i++) {
        id = id_new(id);
        store_story(world->store, id, TEXT("sent"), text_from(told_and_asked[i].told));
        store_story_flush(world->store);
        struct text asked = text_from(told_and_asked[i].asked);
        unsigned count = store_find_address(world->store, asked, id_time_ms(id), found, 2);
        bool is_found = count > 0 && found[count - 1] == id;
        if (is_found != told_and_asked[i].is_found)
            fail_msg("\"%s\" %s for %s", told_and_asked[i].told,
                     is_found ? "is found" : "is not found", told_and_asked[i].asked);
    }
    EXPECT(store_find_address(world->store, TEXT(""), 0, found, 2) == 0);
    EXPECT(store_find_address(world->store, TEXT("bob@x.example"), 0, found, 0) == 0);
    EXPECT(store_find_message_id(world->store, TEXT(""), found, 2) == 0);
    EXPECT(store_find_message_id(world->store, TEXT("<a@b>"), found, 0) == 0);
}

TEST("a story is found by an address whole, not by a part of a longer one")
{
    world_run(look_up, 1);
}

static void ignore(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unused(context), unused(wall_ms), unused(event), unused(text);
}

static bool is_told(struct store_world *world, uint64_t id)
{
    return store_stories(world->store, id, ignore, NULL);
}

enum { STORIES = 1500 }; /* more than a step of each walk takes at once */

static void tell_many(struct store_world *world, uint64_t *ids)
{
    uint64_t id = 0;
    for (unsigned i = 0; i < STORIES; i++) {
        ids[i] = id = id_new(id);
        store_story(world->store, id, TEXT("sent"), TEXT("to=<bob@x.example>"));
        store_story_flush(world->store);
    }
}

static void many(struct store_world *world)
{
    uint64_t found[3], *ids = calloc(STORIES, sizeof(*ids));
    tell_many(world, ids);
    EXPECT(store_find_address(world->store, TEXT("bob@x.example"), 0, found, 3) == 3);
    EXPECT(found[0] == ids[STORIES - 3] && found[2] == ids[STORIES - 1]); /* the newest */
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, 1, EIO, true);
    EXPECT(store_expire_stories(world->store, INT64_MAX) == TRY_LATER);
    EXPECT(is_told(world, ids[0]));
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    EXPECT(store_expire_stories(world->store, INT64_MAX) == OK);
    for (unsigned i = 0; i < STORIES; i++)
        EXPECT(!is_told(world, ids[i]));
    free(ids);
}

TEST("of many the newest are found, and all of them end, when the disk takes that")
{
    world_run(many, 2);
}

static void disk_fails(struct store_world *world)
{
    uint64_t id = id_new(0), later = id_new(id);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    store_story(world->store, id, TEXT("sent"), TEXT("a"));
    memory_disk_fail(world->disk, 1, EIO, true);
    store_story_flush(world->store);
    EXPECT(!is_told(world, id));
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    store_story(world->store, later, TEXT("sent"), TEXT("a"));
    store_story_flush(world->store);
    EXPECT(is_told(world, later));
}

TEST("a story that the disk does not take is lost, and those that follow are not")
{
    world_run(disk_fails, 3);
}
