/* The log on real files: what every caller relies on. Failing disks are in log_disk_test.c. */
#include "log/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"
#include "test.h"

enum { SMALL_SEGMENT = 64 << 10 };

struct scene {
    char directory[64];
    struct log_options options;
    struct task_group group;
    struct log *log;
    void (*play)(struct scene *scene);
};

static void remove_directory(const char *directory)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    EXPECT(system(command) == 0);
}

static void scene_main(void *argument)
{
    struct scene *scene = argument;
    task_group_init(&scene->group);
    scene->options.group = &scene->group;
    EXPECT(log_open(&scene->options, &scene->log) == OK);
    scene->play(scene);
    log_close(&scene->log);
    task_group_finish(&scene->group);
}

static void scene_run(void (*play)(struct scene *))
{
    struct scene scene = {.directory = "/tmp/log-test-XXXXXX", .play = play};
    EXPECT(mkdtemp(scene.directory) != NULL);
    scene.options =
        (struct log_options){.directory = scene.directory, .segment_bytes = SMALL_SEGMENT};
    task_loop_run(scene_main, &scene);
    remove_directory(scene.directory);
}

static void reopen(struct scene *scene)
{
    log_close(&scene->log);
    EXPECT(log_open(&scene->options, &scene->log) == OK);
}

static log_number append(struct scene *scene, struct text payload, struct log_place *place)
{
    return log_append(scene->log, 7, &payload, 1, place);
}

struct seen {
    unsigned count;
    log_number last;
    bool rising;
};

static bool see(void *context, const struct log_record *record)
{
    struct seen *seen = context;
    seen->rising = seen->count == 0 || record->number > seen->last;
    seen->last = record->number;
    seen->count++;
    return seen->rising;
}

static void places_agree(struct scene *scene)
{
    static char payload[9000];
    memset(payload, 'p', sizeof(payload));
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t length = (i * 977) % 9000;
        struct log_place expected = log_place_next(scene->log, length, 0, length), place;
        log_number number = append(scene, text_of(payload, length), &place);
        EXPECT(number == i + 1);
        EXPECT(expected.segment == place.segment && expected.offset == place.offset);
        EXPECT(place.length == length);
        if (i % 3 == 0)
            EXPECT(log_commit(scene->log, number) == OK);
    }
    EXPECT(log_commit(scene->log, 200) == OK);
    EXPECT(log_last_segment(scene->log) > 5);
}

TEST("a record stands where it was said it would, across rolls")
{
    scene_run(places_agree);
}

static void committed_is_found(struct scene *scene)
{
    struct log_place places[100];
    static char payload[3000], back[3000];
    for (unsigned i = 0; i < 100; i++) {
        memset(payload, (int)i, sizeof(payload));
        log_number number = append(scene, text_of(payload, 30 * i), &places[i]);
        EXPECT(log_commit(scene->log, number) == OK);
    }
    reopen(scene);
    struct seen seen = {0};
    EXPECT(log_replay(scene->log, 1, see, &seen) == OK);
    EXPECT(seen.count == 100 && seen.last == 100 && seen.rising);
    seen = (struct seen){0};
    EXPECT(log_replay(scene->log, 91, see, &seen) == OK);
    EXPECT(seen.count == 10);
    for (unsigned i = 0; i < 100; i++) {
        memset(payload, (int)i, sizeof(payload));
        EXPECT(log_read(scene->log, places[i], back) == OK);
        EXPECT(memcmp(back, payload, places[i].length) == 0);
    }
}

TEST("what was committed is found after reopening, by replay and by place")
{
    scene_run(committed_is_found);
}
