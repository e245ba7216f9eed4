/* A store whose disk has no room for an index: it serves from memory, and returns to disk when it
 * can. The time is the test's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/value.h"
#include "store_world.h"
#include "task/simulation.h"
#include "test.h"

enum { LOOKS_MS = 5000, FOR_EVER = 1 << 30 };

static int room; /* so often there is some when somebody asks */

/* In place of the C library's. */
int statvfs(const char *path, struct statvfs *out)
{
    unused(path);
    *out = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096};
    out->f_bavail = room > 0 ? 1 << 30 : 0;
    room -= room > 0 && room < FOR_EVER;
    return 0;
}

struct roomless {
    struct store_world world;
    char directory[64];
    void (*test)(struct roomless *scene);
};

static bool is_in_memory(struct roomless *scene)
{
    return index_is_stand_in(store_index(scene->world.store));
}

static void open_store(struct roomless *scene)
{
    struct store_options options = {.directory = scene->directory,
                                    .segment_bytes = 128 << 10,
                                    .files = memory_disk_files(scene->world.disk),
                                    .group = &scene->world.group};
    check(store_open(&options, &scene->world.store) == OK);
}

static int64_t take_a_while(void *context)
{
    unused(context);
    return 1;
}

static void act(void *argument)
{
    struct roomless *scene = argument;
    task_group_init(&scene->world.group);
    room = 0;
    open_store(scene);
    EXPECT(is_in_memory(scene));
    world_fill(&scene->world, world_inbox(&scene->world), 3);
    scene->test(scene);
    store_close(&scene->world.store);
    task_group_finish(&scene->world.group);
}

static void run_roomless(void (*test)(struct roomless *scene))
{
    struct task_simulation simulation = {.now_ms = clock_wall_ms(), .work_takes_ms = take_a_while};
    struct roomless scene = {.world = {.last_id = 999}, .test = test};
    char command[100];
    snprintf(scene.directory, sizeof(scene.directory), "/tmp/mailroot-room-XXXXXX");
    EXPECT(mkdtemp(scene.directory) != NULL);
    scene.world.disk = memory_disk_new();
    log_setup("test", LOG_LEVEL_ERROR);
    task_simulate(&simulation);
    task_loop_run(act, &scene);
    task_simulate(NULL);
    memory_disk_free(&scene.world.disk);
    snprintf(command, sizeof(command), "rm -rf '%s'", scene.directory);
    EXPECT(system(command) == 0);
}

static void say(void *context, const char *line)
{
    unused(context);
    fail_msg("%s", line);
}

static void ignore(void *context, const char *line)
{
    unused(context), unused(line);
}

static void expect_mail(struct roomless *scene, unsigned count)
{
    EXPECT(mailbox_totals(world_inbox(&scene->world)).messages == count);
    EXPECT(store_verify(scene->world.store, say, NULL) == OK);
}

static void expect_return(struct roomless *scene)
{
    struct mailbox *inbox = world_inbox(&scene->world);
    unsigned before = mailbox_totals(inbox).messages;
    room = FOR_EVER;
    world_fill(&scene->world, inbox, 1);
    EXPECT(task_sleep(LOOKS_MS) == OK && !is_in_memory(scene));
    world_fill(&scene->world, inbox, 1);
    expect_mail(scene, before + 2);
    store_close(&scene->world.store);
    open_store(scene);
    EXPECT(!is_in_memory(scene));
    expect_mail(scene, before + 2);
}

/* ---- When it can ---- */

static void not_yet(struct roomless *scene)
{
    EXPECT(task_sleep(LOOKS_MS) == OK && is_in_memory(scene));
    room = 1; /* and then somebody else took it */
    EXPECT(task_sleep(LOOKS_MS) == OK && is_in_memory(scene) && room == 0);
    expect_mail(scene, 3);
    expect_return(scene);
}

TEST("an index in memory stays there while there is no room, and returns to disk with it")
{
    run_roomless(not_yet);
}

static void is_verified(struct roomless *scene)
{
    int64_t begun_ms = clock_monotonic_ms();
    room = FOR_EVER;
    while (is_in_memory(scene) && clock_monotonic_ms() - begun_ms < 2 * LOOKS_MS)
        if (store_verify(scene->world.store, say, NULL) == TRY_LATER)
            EXPECT(task_sleep(1) == OK); /* it is just returning */
    expect_return(scene);
}

TEST("an index does not return to disk under who verifies it, but when he is done")
{
    run_roomless(is_verified);
}

static void cannot_be_made(struct roomless *scene)
{
    char path[80];
    snprintf(path, sizeof(path), "%s/index", scene->directory);
    rmdir(path);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL && fclose(file) == 0);
    room = FOR_EVER;
    EXPECT(task_sleep(LOOKS_MS) == OK && is_in_memory(scene));
    expect_mail(scene, 3);
    EXPECT(unlink(path) == 0);
    expect_return(scene);
}

TEST("an index that cannot be made on disk stays in memory until it can")
{
    run_roomless(cannot_be_made);
}

/* ---- A log it cannot be made from ---- */

static void log_fails(struct roomless *scene)
{
    log_setup("test", LOG_LEVEL_ERROR + 1);
    room = FOR_EVER;
    memory_disk_fail(scene->world.disk, 1, EIO, true);
    EXPECT(task_sleep(LOOKS_MS) == OK && is_in_memory(scene));
    EXPECT(store_verify(scene->world.store, ignore, NULL) == TRY_LATER);
    memory_disk_fail(scene->world.disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    expect_return(scene);
}

TEST("an index stays in memory while the log cannot be read, and that is told to who verifies")
{
    run_roomless(log_fails);
}

/* What it says is in the index in memory alone by now. */
static void end_is_damaged(struct roomless *scene)
{
    struct store *store = scene->world.store;
    struct change change;
    struct pending pending;
    char path[128];
    change_init(&change);
    EXPECT(value_compose(&change, TEXT("alice"), TEXT("note/a"), TEXT("value")));
    store_append(store, &change, &pending);
    EXPECT(store_wait(store, &pending) == OK);
    change_finish(&change);
    snprintf(path, sizeof(path), "%s/log/segments/%016llx.seg", scene->directory,
             (unsigned long long)pending.place.segment);
    memory_disk_rot(scene->world.disk, path, pending.place.offset + 7);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    room = FOR_EVER;
    EXPECT(task_sleep(LOOKS_MS) == OK && is_in_memory(scene));
    EXPECT(mailbox_totals(world_inbox(&scene->world)).messages == 3);
    world_fill(&scene->world, world_inbox(&scene->world), 1);
    EXPECT(task_sleep(LOOKS_MS) == OK && !is_in_memory(scene));
    EXPECT(mailbox_totals(world_inbox(&scene->world)).messages == 4);
    log_setup("test", LOG_LEVEL_ERROR);
}

TEST("an index whose last record is damaged in the log returns with the next one")
{
    run_roomless(end_is_damaged);
}
