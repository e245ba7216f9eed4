/* A folder, headers, places and numbers that are not as the log itself makes them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "log/memory_disk.h"
#include "log/segment.h"
#include "test.h"

enum { SEGMENT = 64 << 10, PAYLOAD = 20000, RECORDS = 10 };

struct edge {
    struct memory_disk *disk;
    struct task_group group;
    struct log *log;
    uint32_t segment_bytes;
    struct log_place places[RECORDS];
    void (*test)(struct edge *edge);
};

static enum status open_log(struct edge *edge)
{
    struct log_options options = {.directory = "/log",
                                  .segment_bytes = edge->segment_bytes,
                                  .spare_segments = 100, /* as many as it keeps at most */
                                  .group = &edge->group,
                                  .files = memory_disk_files(edge->disk)};
    return log_open(&options, &edge->log);
}

static enum status write_one(struct edge *edge, size_t length, struct log_place *place)
{
    char *bytes = malloc(length);
    memset(bytes, 'r', length);
    struct text payload = text_of(bytes, length);
    enum status status = log_commit(edge->log, log_append(edge->log, 1, &payload, 1, place));
    free(bytes);
    return status;
}

static void act(void *argument)
{
    struct edge *edge = argument;
    task_group_init(&edge->group);
    EXPECT(open_log(edge) == OK);
    for (unsigned i = 0; i < RECORDS; i++)
        EXPECT(write_one(edge, PAYLOAD, &edge->places[i]) == OK);
    edge->test(edge);
    log_close(&edge->log);
    task_group_finish(&edge->group);
}

static void run_edge(void (*test)(struct edge *edge))
{
    struct edge edge = {.disk = memory_disk_new(), .segment_bytes = SEGMENT, .test = test};
    log_setup("test", LOG_LEVEL_ERROR + 1);
    task_loop_run(act, &edge);
    log_setup("test", LOG_LEVEL_ERROR);
    memory_disk_free(&edge.disk);
}

static bool count_record(void *context, const struct log_record *record)
{
    unused(record);
    ++*(unsigned *)context;
    return true;
}

static unsigned count_records(struct edge *edge)
{
    unsigned count = 0;
    EXPECT(log_replay(edge->log, 1, count_record, &count) == OK);
    return count;
}

static void collect(void *context, const char *line)
{
    buffer_printf(context, "%s\n", line);
}

/* ---- The folder ---- */

static void make_file(struct edge *edge, const char *name)
{
    const struct log_files *files = memory_disk_files(edge->disk);
    char path[100];
    snprintf(path, sizeof(path), "/log/segments/%s", name);
    int fd = files->open(files->context, path, O_RDWR | O_CREAT | O_TRUNC);
    EXPECT(fd >= 0 && files->close(files->context, fd) == 0);
}

static void remove_file(struct edge *edge, const char *name)
{
    const struct log_files *files = memory_disk_files(edge->disk);
    char path[100];
    snprintf(path, sizeof(path), "/log/segments/%s", name);
    EXPECT(files->unlink(files->context, path) == 0);
}

static void names_of_others(struct edge *edge)
{
    static const char *const names[] = {"a.seg",
                                        "lost+found",
                                        "000000000000000G.seg",
                                        "0000000000000000.seg",
                                        "ffffffffffffffff.seg",
                                        "0000000000000009.seg.old",
                                        "0000000000000009"};
    log_close(&edge->log);
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        make_file(edge, names[i]);
        EXPECT(open_log(edge) == REFUSED && strstr(fail_reason(), names[i]) != NULL);
        remove_file(edge, names[i]);
    }
    EXPECT(open_log(edge) == OK && count_records(edge) == RECORDS);
}

TEST("a folder with a file in it that is no segment is not taken for a log")
{
    run_edge(names_of_others);
}

static void very_many_spares(struct edge *edge)
{
    char name[40];
    log_close(&edge->log);
    for (unsigned i = 0; i < 2 * SPARES_MAX; i++) {
        snprintf(name, sizeof(name), "%016x.spare", 0x100 + i);
        make_file(edge, name);
    }
    EXPECT(open_log(edge) == OK && count_records(edge) == RECORDS);
    for (unsigned i = 0; i < RECORDS; i++)
        EXPECT(write_one(edge, PAYLOAD, NULL) == OK);
    EXPECT(log_health_now(edge->log).spares <= SPARES_MAX);
    EXPECT(count_records(edge) == 2 * RECORDS);
}

TEST("with more spare files than it asked for a log goes on")
{
    run_edge(very_many_spares);
}

static void long_path(struct edge *edge)
{
    char path[SEGMENT_PATH_BYTES];
    struct log *log = NULL;
    memset(path, 'd', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    struct log_options options = {
        .directory = path, .group = &edge->group, .files = memory_disk_files(edge->disk)};
    EXPECT(log_open(&options, &log) == REFUSED && log == NULL);
}

TEST("a log in a folder of too long a name is refused")
{
    run_edge(long_path);
}

/* ---- Headers ---- */

static void write_header(struct edge *edge, uint64_t segment, const struct segment_header *header)
{
    char path[64];
    size_t length;
    snprintf(path, sizeof(path), "/log/segments/%016llx.seg", (unsigned long long)segment);
    char *bytes = memory_disk_bytes(edge->disk, path, &length);
    EXPECT(bytes != NULL && length >= SEGMENT_HEADER_BYTES);
    segment_header_write(header, bytes);
}

static void odd_headers(struct edge *edge)
{
    static const struct segment_header headers[] = {
        {.segment = 9, .first = 4, .bytes = SEGMENT},
        {.segment = 2, .first = 4, .bytes = SEGMENT_HEADER_BYTES - 1},
        {.segment = 2, .first = 0, .bytes = SEGMENT},
    };
    struct buffer told;
    char *out = malloc(PAYLOAD);
    buffer_init(&told, 10000);
    EXPECT(edge->places[0].segment == 1 && edge->places[RECORDS - 1].segment > 3);
    for (unsigned i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        log_close(&edge->log);
        write_header(edge, 2, &headers[i]);
        EXPECT(open_log(edge) == OK);
        buffer_reset(&told, 10000);
        EXPECT(log_verify(edge->log, collect, &told) == OK);
        EXPECT(text_find_text(buffer_text(&told), TEXT("segment 2: header damaged")) < told.length);
        unsigned lost = 0;
        for (unsigned k = 0; k < RECORDS; k++) {
            bool is_lost = edge->places[k].segment == 2;
            EXPECT(log_read(edge->log, edge->places[k], out) == (is_lost ? TRY_LATER : OK));
            lost += is_lost;
        }
        EXPECT(lost > 0 && count_records(edge) == RECORDS - lost);
    }
    buffer_finish(&told);
    free(out);
}

TEST("a segment whose header is another's, or says what cannot be, is lost alone, and that is told")
{
    run_edge(odd_headers);
}

static void odd_seals(struct edge *edge)
{
    uint64_t newest = log_last_segment(edge->log);
    log_number first = 0;
    for (unsigned i = 0; i < RECORDS && first == 0; i++)
        if (edge->places[i].segment == newest)
            first = i + 1;
    log_close(&edge->log);
    struct segment_header header = {
        .segment = newest,
        .first = first,
        .seed = 4711, /* another life: its records are no more */
        .bytes = SEGMENT,
        .seal_count = 2,
        .seals = {{.segment = 1, .end = SEGMENT + 1}, {.segment = 77, .end = SEGMENT}}};
    write_header(edge, newest, &header);
    EXPECT(open_log(edge) == OK);
    EXPECT(count_records(edge) == first - 1);
    EXPECT(write_one(edge, PAYLOAD, NULL) == OK && count_records(edge) == first);
}

TEST("what a header says of segments that are gone, or longer than they are, is passed over")
{
    run_edge(odd_seals);
}

/* ---- Places ---- */

static void odd_places(struct edge *edge)
{
    struct log_place good = edge->places[0], none = {99, 0, 10}, part = good, behind = good;
    struct buffer out;
    char *bytes = malloc(SEGMENT);
    uint64_t segments[2];
    buffer_init(&out, SEGMENT);
    EXPECT(log_read(edge->log, none, bytes) == TRY_LATER); /* not yet */
    behind.offset = SEGMENT + 1;
    EXPECT(log_read(edge->log, behind, bytes) == TRY_LATER);
    behind.offset = SEGMENT - 5;
    EXPECT(log_read(edge->log, behind, bytes) == TRY_LATER);
    EXPECT(log_check(edge->log, (struct log_place){1, RECORD_HEAD_BYTES - 1, 5}) == TRY_LATER);
    EXPECT(log_check(edge->log, (struct log_place){1, SEGMENT_HEADER_BYTES, LOG_PAYLOAD_MAX + 1}) ==
           TRY_LATER);
    EXPECT(log_check(edge->log, (struct log_place){1, good.offset, good.length - 1}) == TRY_LATER);
    part.offset--;
    EXPECT(log_read_checked(edge->log, good, part, &out) == TRY_LATER);
    part.offset = good.offset + good.length + 1;
    EXPECT(log_read_checked(edge->log, good, part, &out) == TRY_LATER);
    part.offset = good.offset + 1;
    EXPECT(log_read_checked(edge->log, good, part, &out) == TRY_LATER && out.length == 0);
    part.length = 10;
    EXPECT(log_read_checked(edge->log, good, part, &out) == OK);
    EXPECT_TEXT(buffer_text(&out), "rrrrrrrrrr");
    struct buffer small;
    buffer_init(&small, 5);
    EXPECT(log_read_checked(edge->log, good, part, &small) == REFUSED);
    buffer_finish(&small);
    EXPECT(log_segments(edge->log, segments, 2) == 2 && segments[0] == 1 && segments[1] == 2);
    EXPECT(log_drop_segment(edge->log, 1) == OK && log_drop_segment(edge->log, 1) == REFUSED);
    EXPECT(log_drop_segment(edge->log, 77) == REFUSED);
    EXPECT(log_read(edge->log, good, bytes) == REFUSED);
    EXPECT(log_replay_segment(edge->log, 1, count_record, &edge->segment_bytes) == REFUSED);
    buffer_finish(&out);
    free(bytes);
}

TEST("bytes that are no record, or not of it, are not given out as one")
{
    run_edge(odd_places);
}

/* ---- Giving back ---- */

struct dropping {
    struct edge *edge;
    enum status status;
    bool has_ended;
};

static void replay_first(void *argument)
{
    struct dropping *reading = argument;
    unsigned count = 0;
    reading->status = log_replay_segment(reading->edge->log, 1, count_record, &count);
    EXPECT(count > 0);
    reading->has_ended = true;
}

static void drop_first(void *argument)
{
    struct dropping *dropping = argument;
    dropping->status = log_drop_segment(dropping->edge->log, 1);
    dropping->has_ended = true;
}

static void drop_what_is_read(struct edge *edge)
{
    struct dropping reading = {.edge = edge}, ended = {.edge = edge}, dropping = {.edge = edge};
    struct task_group waiting;
    task_group_init(&waiting);
    task_spawn(&edge->group, "read", replay_first, &reading);
    task_spawn(&waiting, "drop", drop_first, &ended);
    task_yield();
    EXPECT(!reading.has_ended && !ended.has_ended);
    EXPECT(log_drop_segment(edge->log, 1) == REFUSED); /* somebody does */
    EXPECT(log_replay_segment(edge->log, 1, count_record, &edge->segment_bytes) == REFUSED);
    task_group_finish(&waiting);
    EXPECT(ended.status == TRY_LATER && log_first_segment(edge->log) == 1);
    task_spawn(&edge->group, "drop", drop_first, &dropping);
    while (!dropping.has_ended)
        task_yield();
    EXPECT(reading.has_ended && reading.status == OK && dropping.status == OK);
    EXPECT(log_first_segment(edge->log) == 2);
}

TEST("a segment is dropped when who reads it is done, and stays when who drops it ends before")
{
    run_edge(drop_what_is_read);
}

static void other_sizes(struct edge *edge)
{
    log_close(&edge->log);
    edge->segment_bytes = 2 * SEGMENT;
    EXPECT(open_log(edge) == OK && count_records(edge) == RECORDS);
    for (unsigned i = 0; i < RECORDS; i++)
        EXPECT(write_one(edge, 2 * PAYLOAD, &edge->places[i]) == OK);
    EXPECT(count_records(edge) == 2 * RECORDS);
    EXPECT(log_drop_segment(edge->log, 1) == OK); /* its file is too small to be used again */
    for (unsigned i = 0; i < RECORDS; i++)
        EXPECT(write_one(edge, 2 * PAYLOAD, NULL) == OK);
    EXPECT(count_records(edge) == 3 * RECORDS - 2);
    edge->segment_bytes = SEGMENT;
    log_close(&edge->log);
    EXPECT(open_log(edge) == OK);
    for (unsigned i = 0; i < RECORDS; i++)
        EXPECT(write_one(edge, PAYLOAD, NULL) == OK);
    EXPECT(count_records(edge) == 4 * RECORDS - 2);
}

TEST("a log whose segments have another size by now goes on")
{
    run_edge(other_sizes);
}

/* ---- A disk that fails again and again ---- */

static void fails_for_ever(struct edge *edge)
{
    unsigned failed = 0, written = RECORDS;
    bool is_told = false;
    while (!is_told && failed < 3 * SEALS_MAX) {
        memory_disk_fail(edge->disk, 1, EIO, false); /* unless it strikes a spare file */
        if (write_one(edge, 10, NULL) == OK)
            written++;
        memory_disk_fail(edge->disk, 0, 0, false);
        failed++;
        if (write_one(edge, 10, NULL) == OK)
            written++;
        else
            is_told = strstr(fail_reason(), "replace the disk") != NULL;
        if (failed % 10 == 0 && log_first_segment(edge->log) < 4)
            EXPECT(count_records(edge) == written);
    }
    EXPECT(is_told);
    EXPECT(count_records(edge) == written);
    for (unsigned i = 0; i < 20; i++)
        EXPECT(log_drop_segment(edge->log, log_first_segment(edge->log)) == OK);
    EXPECT(write_one(edge, 10, NULL) == OK); /* their seals are not needed any more */
}

TEST("after too many failures a log tells that the disk is to be replaced, and loses nothing")
{
    run_edge(fails_for_ever);
}

/* ---- The disk in memory ---- */

static void odd_calls(struct edge *edge)
{
    const struct log_files *files = memory_disk_files(edge->disk);
    EXPECT(files->open(files->context, "/log/absent", O_RDWR) < 0 && errno == ENOENT);
    EXPECT(files->unlink(files->context, "/log/absent") != 0 && errno == ENOENT);
    EXPECT(files->rename(files->context, "/log/absent", "/log/b") != 0 && errno == ENOENT);
    EXPECT(files->lock(files->context, "/log/log.lock") < 0 && errno == EWOULDBLOCK);
    EXPECT(memory_disk_restore(TEXT("\0\0\0\5")) == NULL);
    char name[200] = "\0\0\0\xb0";
    EXPECT(memory_disk_restore(text_of(name, sizeof(name))) == NULL);
    struct memory_disk *empty = memory_disk_restore(TEXT(""));
    EXPECT(empty != NULL);
    memory_disk_free(&empty);
}

TEST("the disk in memory refuses as the kernel does")
{
    run_edge(odd_calls);
}
