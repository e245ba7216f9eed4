#include "store_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/append.h"
#include "store/hierarchy.h"
#include "test.h"

enum { SEGMENT_BYTES = 128 << 10, LARGE_SEGMENT_BYTES = 2 << 20 };

unsigned world_pick(struct store_world *world, unsigned below)
{
    world->state = world->state * 1664525 + 1013904223;
    return (world->state >> 8) % below;
}

struct mailbox *world_inbox(struct store_world *world)
{
    return mailbox_find_or_make(world->store, TEXT("alice@example.test"), TEXT("INBOX"));
}

uint64_t world_next_id(void *context)
{
    struct store_world *world = context;
    return ++world->last_id;
}

static void fill_some(struct store_world *world, struct mailbox *box, unsigned count)
{
    struct append *append = append_new(world->store, world_next_id, world);
    uint32_t uid;
    for (unsigned i = 0; i < count; i++) {
        append_begin(append, world_pick(world, 4), NULL, 0,
                     INT64_C(1700000000000) + world_pick(world, 1000));
        check(append_bytes(append, TEXT("Subject: a\r\n\r\nb\r\n")) == OK &&
              append_end(append, i + 1 < count) == OK);
    }
    check(append_commit(append, box, &uid) == OK);
    append_free(&append);
}

void world_fill(struct store_world *world, struct mailbox *box, unsigned count)
{
    enum { AT_ONCE = 200 }; /* a record has to fit into a segment */
    for (; count > AT_ONCE; count -= AT_ONCE)
        fill_some(world, box, AT_ONCE);
    fill_some(world, box, count);
}

static void open_store(struct store_world *world)
{
    struct store_options options = {.directory = "/tmp",
                                    .index_in_memory = true,
                                    .segment_bytes = world->segment_bytes,
                                    .files = memory_disk_files(world->disk),
                                    .group = &world->group};
    check(store_open(&options, &world->store) == OK);
}

void world_append(struct store_world *world, struct mailbox *box, size_t bytes)
{
    struct append *append = append_new(world->store, world_next_id, world);
    char *body = malloc(bytes);
    uint32_t uid;
    check(body != NULL);
    memset(body, 'L', bytes);
    append_begin(append, 0, NULL, 0, 1000);
    EXPECT(append_bytes(append, text_of(body, bytes)) == OK && append_end(append, false) == OK);
    EXPECT(append_commit(append, box, &uid) == OK);
    append_free(&append);
    free(body);
}

void world_restart(struct store_world *world)
{
    store_close(&world->store);
    open_store(world);
}

static void run(void *argument)
{
    struct store_world *world = argument;
    task_group_init(&world->group);
    open_store(world);
    world->test(world);
    store_close(&world->store);
    task_group_finish(&world->group);
}

static void run_with(struct store_world *world)
{
    world->disk = memory_disk_new();
    world->last_id = 999;
    task_loop_run(run, world);
    memory_disk_free(&world->disk);
}

void world_run(void (*test)(struct store_world *world), uint32_t state)
{
    run_with(&(struct store_world){.state = state, .segment_bytes = SEGMENT_BYTES, .test = test});
}

void world_run_large(void (*test)(struct store_world *world), uint32_t state)
{
    run_with(
        &(struct store_world){.state = state, .segment_bytes = LARGE_SEGMENT_BYTES, .test = test});
}
