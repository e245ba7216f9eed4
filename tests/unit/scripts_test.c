/* Sieve scripts as the store keeps them: names, limits, and a disk that fails. */
#include "store/scripts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/logline.h"
#include "store/value.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

TEST("a name is UTF-8 without control characters, not empty and not too long")
{
    char longest[SCRIPT_NAME_MAX + 1];
    memset(longest, 'n', sizeof(longest));
    EXPECT(script_name_is_valid(TEXT("absence")) && script_name_is_valid(TEXT("a/b c~")));
    EXPECT(script_name_is_valid(TEXT("\xc3\xbc")));
    EXPECT(script_name_is_valid(text_of(longest, SCRIPT_NAME_MAX)));
    EXPECT(!script_name_is_valid(text_of(longest, SCRIPT_NAME_MAX + 1)));
    EXPECT(!script_name_is_valid(TEXT("")) && !script_name_is_valid(TEXT("a\nb")));
    EXPECT(!script_name_is_valid(TEXT("a\x7f")) && !script_name_is_valid(TEXT("\xc3")));
}

static void expect_source(struct store_world *world, const char *name, const char *source)
{
    struct buffer out;
    buffer_init(&out, VALUE_BYTES_MAX);
    EXPECT(script_get(world->store, ALICE, text_from(name), &out) == (source != NULL));
    if (source != NULL)
        EXPECT_TEXT(buffer_text(&out), source);
    buffer_finish(&out);
}

static void expect_active(struct store_world *world, const char *name)
{
    struct buffer out;
    buffer_init(&out, VALUE_BYTES_MAX);
    script_active(world->store, ALICE, &out);
    EXPECT_TEXT(buffer_text(&out), name);
    buffer_finish(&out);
}

static enum script_outcome put(struct store_world *world, const char *name, const char *source)
{
    return script_put(world->store, ALICE, text_from(name), text_from(source));
}

static bool stop_at_second(void *context, struct text name, uint64_t bytes)
{
    unsigned *seen = context;
    EXPECT(name.length > 0 && bytes > 0);
    return ++*seen < 2;
}

static void limits(struct store_world *world)
{
    char name[16], *large = calloc(1, SCRIPT_BYTES_MAX + 1);
    unsigned seen = 0;
    memset(large, '#', SCRIPT_BYTES_MAX + 1);
    for (unsigned i = 0; i < SCRIPTS_MAX; i++) {
        snprintf(name, sizeof(name), "s%u", i);
        EXPECT(put(world, name, "keep;") == SCRIPT_DONE);
    }
    EXPECT(put(world, "more", "keep;") == SCRIPT_TOO_MANY);
    expect_source(world, "more", NULL);
    EXPECT(put(world, "s0", "stop;") == SCRIPT_DONE); /* it is none more */
    expect_source(world, "s0", "stop;");
    EXPECT(script_put(world->store, ALICE, TEXT("s0"), text_of(large, SCRIPT_BYTES_MAX + 1)) ==
           SCRIPT_TOO_LONG);
    expect_source(world, "s0", "stop;");
    EXPECT(put(world, "s0", "") == SCRIPT_DONE);
    expect_source(world, "s0", "#"); /* an empty one is there all the same */
    expect_source(world, "s\n0", NULL);
    scripts_each(world->store, ALICE, stop_at_second, &seen);
    EXPECT(seen == 2);
    free(large);
}

TEST("there are so many scripts and no larger ones, and what is refused changes nothing")
{
    world_run(limits, 1);
}

static void names(struct store_world *world)
{
    EXPECT(put(world, "one", "keep;") == SCRIPT_DONE && put(world, "two", "stop;") == SCRIPT_DONE);
    EXPECT(script_activate(world->store, ALICE, TEXT("none")) == SCRIPT_ABSENT);
    EXPECT(script_activate(world->store, ALICE, TEXT("one")) == SCRIPT_DONE);
    EXPECT(script_delete(world->store, ALICE, TEXT("one")) == SCRIPT_IN_USE);
    EXPECT(script_delete(world->store, ALICE, TEXT("none")) == SCRIPT_ABSENT);
    EXPECT(script_rename(world->store, ALICE, TEXT("none"), TEXT("x")) == SCRIPT_ABSENT);
    EXPECT(script_rename(world->store, ALICE, TEXT("one"), TEXT("two")) == SCRIPT_EXISTS);
    EXPECT(script_rename(world->store, ALICE, TEXT("one"), TEXT("three")) == SCRIPT_DONE);
    expect_active(world, "three");
    EXPECT(script_rename(world->store, ALICE, TEXT("two"), TEXT("four")) == SCRIPT_DONE);
    expect_active(world, "three");
    expect_source(world, "four", "stop;");
    expect_source(world, "two", NULL);
    EXPECT(script_activate(world->store, ALICE, TEXT("")) == SCRIPT_DONE);
    expect_active(world, "");
    EXPECT(script_delete(world->store, ALICE, TEXT("three")) == SCRIPT_DONE);
    expect_source(world, "three", NULL);
}

TEST("the active script keeps its name's place, and is not deleted")
{
    world_run(names, 2);
}

static void name_too_long(struct store_world *world)
{
    char name[SCRIPT_NAME_MAX + 1], owner[VALUE_NAMES_MAX - SCRIPT_NAME_MAX];
    memset(name, 'n', sizeof(name));
    memset(owner, 'o', sizeof(owner));
    struct text who = text_of(owner, sizeof(owner)), longest = text_of(name, SCRIPT_NAME_MAX);
    EXPECT(script_put(world->store, who, TEXT("one"), TEXT("keep;")) == SCRIPT_DONE);
    EXPECT(script_activate(world->store, who, TEXT("one")) == SCRIPT_DONE);
    EXPECT(script_rename(world->store, who, TEXT("one"), longest) == SCRIPT_LATER);
    struct buffer found;
    buffer_init(&found, 100);
    EXPECT(script_get(world->store, who, TEXT("one"), &found));
    EXPECT_TEXT(buffer_text(&found), "keep;");
    script_active(world->store, who, &found);
    EXPECT_TEXT(buffer_text(&found), "one");
    buffer_finish(&found);
}

TEST("a name that is too long together with its owner's is given to no script")
{
    world_run(name_too_long, 2);
}

static enum script_outcome act_put(struct store_world *world)
{
    return put(world, "one", "discard;");
}

static enum script_outcome act_delete(struct store_world *world)
{
    return script_delete(world->store, ALICE, TEXT("two"));
}

static enum script_outcome act_rename(struct store_world *world)
{
    return script_rename(world->store, ALICE, TEXT("one"), TEXT("three"));
}

static enum script_outcome act_activate(struct store_world *world)
{
    return script_activate(world->store, ALICE, TEXT("two"));
}

static void expect_unchanged(struct store_world *world)
{
    expect_source(world, "one", "keep;");
    expect_source(world, "two", "stop;");
    expect_source(world, "three", NULL);
    expect_active(world, "one");
}

static void disk_fails(struct store_world *world)
{
    static enum script_outcome (*const acts[])(struct store_world * world) = {
        act_put, act_rename, act_activate, act_delete};
    log_setup("test", LOG_LEVEL_ERROR + 1);
    for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        put(world, "one", "keep;"), put(world, "two", "stop;");
        EXPECT(script_activate(world->store, ALICE, TEXT("one")) == SCRIPT_DONE);
        memory_disk_fail(world->disk, 1, EIO, true);
        EXPECT(acts[i](world) == SCRIPT_LATER);
        expect_unchanged(world);
        memory_disk_fail(world->disk, 0, 0, false);
        EXPECT(acts[i](world) == SCRIPT_DONE);
        script_activate(world->store, ALICE, TEXT(""));
        script_delete(world->store, ALICE, TEXT("three"));
    }
    log_setup("test", LOG_LEVEL_ERROR);
}

TEST("a change of scripts that the disk does not take did not happen, and can be made later")
{
    world_run(disk_fails, 3);
}
