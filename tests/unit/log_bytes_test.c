/* Bytes of a segment that are whole, and still no segment or record of ours; and an unfinished end
 * that cannot be cut. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/logline.h"
#include "log/memory_disk.h"
#include "log/segment.h"
#include "test.h"

enum {
    SEGMENT = 512 << 10,
    RECORDS = 5,
    PAYLOAD = 30000,
    MAGIC_AT = 8,

    FIRST_AT = 24,
    FORMAT_AT = 40,
    SEALS_AT = 48
};

struct segment_scene {
    struct memory_disk *disk;
    struct log_options options;
    struct task_group group;
    struct log *log;
    char payload[PAYLOAD];
    struct log_place places[RECORDS];
    void (*test)(struct segment_scene *scene);
};

static enum status open_log(struct segment_scene *scene)
{
    return log_open(&scene->options, &scene->log);
}

static log_number append(struct segment_scene *scene, struct log_place *place)
{
    struct text payload = text_of(scene->payload, PAYLOAD);
    return log_append(scene->log, 1, &payload, 1, place);
}

static char *bytes_of_first(struct segment_scene *scene, size_t *length)
{
    char *bytes = memory_disk_bytes(scene->disk, "/log/segments/0000000000000001.seg", length);
    EXPECT(bytes != NULL && *length == SEGMENT);
    return bytes;
}

static void act(void *argument)
{
    struct segment_scene *scene = argument;
    task_group_init(&scene->group);
    EXPECT(open_log(scene) == OK);
    for (unsigned i = 0; i < RECORDS; i++)
        EXPECT(log_commit(scene->log, append(scene, &scene->places[i])) == OK);
    scene->test(scene);
    log_close(&scene->log);
    task_group_finish(&scene->group);
}

static void run_scene(void (*test)(struct segment_scene *scene))
{
    struct segment_scene *scene = calloc(1, sizeof(*scene));
    scene->disk = memory_disk_new();
    scene->test = test;
    scene->options = (struct log_options){.directory = "/log",
                                          .segment_bytes = SEGMENT,
                                          .group = &scene->group,
                                          .files = memory_disk_files(scene->disk)};
    log_setup("test", LOG_LEVEL_ERROR + 1);
    task_loop_run(act, scene);
    log_setup("test", LOG_LEVEL_ERROR);
    memory_disk_free(&scene->disk);
    free(scene);
}

/* ---- Headers ---- */

static bool count_up_to(void *context, const struct log_record *record)
{
    unsigned *left = context;
    unused(record);
    return --*left > 0;
}

static unsigned scanned(const char *bytes, size_t length)
{
    unsigned left = 1000;
    log_scan_bytes(text_of(bytes, length), count_up_to, &left);
    return 1000 - left;
}

/* Both copies, with a checksum that is right. */
static unsigned scanned_with(const char *bytes, size_t at, char value, bool in_second_too)
{
    char *other = malloc(SEGMENT);
    memcpy(other, bytes, SEGMENT);
    other[at] = value;
    uint64_t checksum = hash_checksum_more(0, text_of(other + 8, SEGMENT_BLOCK_BYTES - 8));
    memcpy(other, &checksum, sizeof(checksum));
    if (in_second_too)
        memcpy(other + SEGMENT_BLOCK_BYTES, other, SEGMENT_BLOCK_BYTES);
    unsigned count = scanned(other, SEGMENT);
    free(other);
    return count;
}

static void whole_headers(struct segment_scene *scene)
{
    static const struct {
        size_t at;
        char value;
    } wrong[] = {{MAGIC_AT, 'M'}, {FORMAT_AT, 2}, {SEALS_AT + 1, 1}, {FIRST_AT, 0}};
    size_t length;
    const char *bytes = bytes_of_first(scene, &length);
    EXPECT(scanned(bytes, length) == RECORDS);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        EXPECT(scanned_with(bytes, wrong[i].at, wrong[i].value, false) == RECORDS);
        EXPECT(scanned_with(bytes, wrong[i].at, wrong[i].value, true) == 0);
    }
    EXPECT(scanned(bytes, SEGMENT_HEADER_BYTES - 1) == 0);
    EXPECT(scanned(bytes, SEGMENT_HEADER_BYTES) == 0);
    unsigned left = 2;
    log_scan_bytes(text_of(bytes, length), count_up_to, &left);
    EXPECT(left == 0); /* who has seen enough sees no more */
}

TEST("a header is ours only with its magic, a form we know, and what it counts in its bounds")
{
    run_scene(whole_headers);
}

/* ---- Records ---- */

/* A record where it does not belong: what is read there must not be it. */
static void record_of_another(struct segment_scene *scene)
{
    size_t length;
    struct log_place second = scene->places[1];
    char *bytes = bytes_of_first(scene, &length);
    char *moved = bytes + second.offset - RECORD_HEAD_BYTES;
    EXPECT(log_check(scene->log, second) == OK);
    log_close(&scene->log);
    EXPECT(open_log(scene) == OK);
    uint64_t seed, other = 7;
    memcpy(&seed, bytes + 32, sizeof(seed));
    memcpy(moved + 32, &other, sizeof(other)); /* of segment 7, it says */
    uint64_t checksum =
        hash_checksum_more(seed, text_of(moved + 8, RECORD_HEAD_BYTES + PAYLOAD - 8));
    memcpy(moved, &checksum, sizeof(checksum));
    EXPECT(log_check(scene->log, second) == TRY_LATER);
    EXPECT(log_check(scene->log, scene->places[2]) == OK);
    struct log_place within = second;
    within.offset += 8;
    EXPECT(log_check(scene->log, within) == TRY_LATER);
}

TEST("a record that says it is of another segment is not given out")
{
    run_scene(record_of_another);
}

/* ---- An unfinished end ---- */

static bool count_record(void *context, const struct log_record *record)
{
    unused(record);
    ++*(unsigned *)context;
    return true;
}

/* Of a batch of several records the second is torn: those behind it are to go as well. */
static void torn_batch(struct segment_scene *scene)
{
    size_t length;
    struct log_place batch[4];
    log_number number = 0;
    unsigned failures = 0, count = 0;
    for (unsigned i = 0; i < 4; i++)
        number = append(scene, &batch[i]);
    EXPECT(batch[3].segment == 1 && log_commit(scene->log, number) == OK);
    log_close(&scene->log);
    struct buffer image;
    buffer_init(&image, SIZE_MAX);
    memory_disk_rot(scene->disk, "/log/segments/0000000000000001.seg", batch[1].offset + 5);
    memory_disk_save(scene->disk, &image);
    for (uint64_t nth = 1;; nth++) {
        memory_disk_free(&scene->disk);
        scene->disk = memory_disk_restore(buffer_text(&image));
        scene->options.files = memory_disk_files(scene->disk);
        memory_disk_fail(scene->disk, nth, EIO, false);
        if (open_log(scene) == OK)
            break;
        failures++;
        memory_disk_fail(scene->disk, 0, 0, false);
        EXPECT(open_log(scene) == OK && log_durable(scene->log) == RECORDS + 1);
        log_close(&scene->log);
    }
    memory_disk_fail(scene->disk, 0, 0, false);
    EXPECT(failures > 3);
    EXPECT(log_replay(scene->log, 1, count_record, &count) == OK && count == RECORDS + 1);
    EXPECT(log_commit(scene->log, append(scene, NULL)) == OK);
    count = 0;
    EXPECT(log_replay(scene->log, 1, count_record, &count) == OK && count == RECORDS + 2);
    bytes_of_first(scene, &length);
    buffer_finish(&image);
}

TEST("an unfinished end is cut before the log goes on, or it does not go on")
{
    run_scene(torn_batch);
}
