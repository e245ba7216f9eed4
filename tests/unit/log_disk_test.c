/* The log on a disk that fails, tears and forgets: what was committed stays, what failed stays
 * away, whichever call it was that failed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/random.h"
#include "base/status.h"
#include "log/log.h"
#include "log/memory_disk.h"
#include "no_syncs.h"
#include "test.h"

enum {
    SEGMENT = 64 << 10,
    RECORDS = 200,
    PAYLOAD = 6000,
    WRITERS = 3,
    INSPECTIONS = 2,
    UNSYNCED = 5
};

enum outcome { NOT_TRIED, COMMITTED, FAILED, DROPPED };

struct trial {
    struct memory_disk *disk;
    struct log_options options;
    struct task_group group;
    struct log *log;
    enum outcome outcomes[RECORDS + INSPECTIONS];
    unsigned seen[RECORDS + INSPECTIONS], seen_before[RECORDS + INSPECTIONS];
    unsigned inspections;
    uint64_t segments[RECORDS];
    unsigned next;
    unsigned out_of_order;
    log_number last;
    uint64_t nth;
    bool for_ever;
    int error;
    bool failed;
};

/* A payload names its record, and every byte of it can be checked. */
static struct text payload_of(unsigned token, char *out)
{
    uint32_t length = 16 + (token < RECORDS ? token * 977 % (PAYLOAD - 16) : 0);
    memset(out, (int)('a' + token % 26), length);
    memcpy(out, &token, sizeof(token));
    return text_of(out, length);
}

static void drop_oldest(struct trial *trial)
{
    uint64_t first = log_first_segment(trial->log);
    if (first + 3 >= log_last_segment(trial->log))
        return;
    for (unsigned i = 0; i < RECORDS; i++)
        if (trial->segments[i] == first && trial->outcomes[i] == COMMITTED)
            trial->outcomes[i] = DROPPED;
    log_drop_segment(trial->log, first);
}

static void write_records(void *argument)
{
    struct trial *trial = argument;
    char *bytes = malloc(PAYLOAD);
    while (trial->next < RECORDS) {
        unsigned token = trial->next++;
        struct text payload = payload_of(token, bytes);
        struct log_place place;
        log_number number = log_append(trial->log, 1, &payload, 1, &place);
        trial->segments[token] = place.segment;
        trial->outcomes[token] = log_commit(trial->log, number) == OK ? COMMITTED : FAILED;
        if (token % 10 == 9)
            drop_oldest(trial);
    }
    free(bytes);
}

static bool see(void *context, const struct log_record *record)
{
    struct trial *trial = context;
    char *bytes = malloc(PAYLOAD);
    unsigned token;
    memcpy(&token, record->payload.data, sizeof(token));
    EXPECT(token < RECORDS + INSPECTIONS);
    EXPECT(text_equals(record->payload, payload_of(token, bytes)));
    trial->seen[token]++;
    if (record->number <= trial->last)
        trial->out_of_order++;
    trial->last = record->number;
    free(bytes);
    return true;
}

static void work(void *argument)
{
    struct trial *trial = argument;
    task_group_init(&trial->group);
    memory_disk_fail(trial->disk, trial->nth, trial->error, trial->for_ever);
    enum status opened = log_open(&trial->options, &trial->log);
    if (opened == OK) {
        struct task_group writers;
        task_group_init(&writers);
        for (unsigned i = 0; i < WRITERS; i++)
            task_spawn(&writers, "writer", write_records, trial);
        task_group_wait(&writers, NO_DEADLINE);
        log_close(&trial->log);
    }
    task_group_finish(&trial->group);
    trial->failed = memory_disk_calls(trial->disk) >= trial->nth;
}

static void inspect(void *argument)
{
    struct trial *trial = argument;
    task_group_init(&trial->group);
    memory_disk_fail(trial->disk, 0, 0, false);
    if (log_open(&trial->options, &trial->log) != OK)
        fail_msg("cannot reopen: %s", fail_reason());
    memset(trial->seen, 0, sizeof(trial->seen));
    trial->last = 0;
    EXPECT(log_replay(trial->log, 1, see, trial) == OK);
    EXPECT(log_health_now(trial->log).damaged_records == 0);
    /* Short, so that it covers only the beginning of what a torn batch left behind. */
    unsigned token = RECORDS + trial->inspections++;
    char bytes[16];
    struct text payload = payload_of(token, bytes);
    EXPECT(log_commit(trial->log, log_append(trial->log, 1, &payload, 1, NULL)) == OK);
    trial->outcomes[token] = COMMITTED;
    log_close(&trial->log);
    task_group_finish(&trial->group);
}

static void expect_promises_kept(const struct trial *trial)
{
    EXPECT(trial->out_of_order == 0);
    for (unsigned i = 0; i < RECORDS + trial->inspections - 1; i++) {
        EXPECT(trial->seen[i] <= 1);
        if (trial->outcomes[i] == COMMITTED && trial->seen[i] != 1)
            fail_msg("call %u failed: record %u was committed and is lost", (unsigned)trial->nth,
                     i);
        if (!trial->for_ever && trial->outcomes[i] == FAILED && trial->seen[i] != 0)
            fail_msg("call %u failed: record %u failed and came back", (unsigned)trial->nth, i);
        if (trial->inspections > 1 && i < RECORDS && trial->seen[i] != trial->seen_before[i])
            fail_msg("call %u failed: record %u changed its mind", (unsigned)trial->nth, i);
    }
}

/* False when no call failed any more. */
static bool try_failing(struct trial *trial)
{
    random_seed_for_test(trial->nth * 2 + trial->for_ever);
    trial->disk = memory_disk_new();
    trial->options = (struct log_options){.directory = "d",
                                          .segment_bytes = SEGMENT,
                                          .spare_segments = 1,
                                          .group = &trial->group,
                                          .files = memory_disk_files(trial->disk)};
    task_loop_run(work, trial);
    while (trial->inspections < INSPECTIONS) {
        memory_disk_crash(trial->disk);
        memcpy(trial->seen_before, trial->seen, sizeof(trial->seen));
        task_loop_run(inspect, trial);
        expect_promises_kept(trial);
    }
    memory_disk_free(&trial->disk);
    return trial->failed;
}

static void fail_every_call(int error, bool for_ever)
{
    log_setup("test", (enum log_level)(LOG_LEVEL_ERROR + 1)); /* failures are the point */
    uint64_t nth = 1;
    for (bool failed = true; failed; nth++) {
        struct trial *trial = calloc(1, sizeof(*trial));
        trial->nth = nth;
        trial->error = error;
        trial->for_ever = for_ever;
        failed = try_failing(trial);
        free(trial);
    }
    EXPECT(nth > 100);
}

TEST("whichever call fails, what was committed stays and what failed stays away")
{
    fail_every_call(EIO, false);
}

TEST("the same with a disk that is full for one call")
{
    fail_every_call(ENOSPC, false);
}

TEST("at whichever call the power fails, what was committed stays")
{
    fail_every_call(EIO, true);
}

struct sealed {
    struct memory_disk *disk;
    struct log_options options;
    struct task_group group;
    struct log *log;
    unsigned count;
    bool failed_one_seen;
};

static bool look_for_failed(void *context, const struct log_record *record)
{
    struct sealed *sealed = context;
    sealed->count++;
    if (text_equals(record->payload, TEXT("failed")))
        sealed->failed_one_seen = true;
    return true;
}

static enum status commit_text(struct log *log, struct text text)
{
    return log_commit(log, log_append(log, 1, &text, 1, NULL));
}

/* Until nothing is done to the disk in the background. */
static void settle(struct log *log)
{
    while (log_health_now(log).spares < 2 && !log_health_now(log).space_low)
        task_yield();
}

static void seal_and_drop(void *argument)
{
    struct sealed *sealed = argument;
    task_group_init(&sealed->group);
    EXPECT(log_open(&sealed->options, &sealed->log) == OK);
    EXPECT(commit_text(sealed->log, TEXT("first")) == OK);
    settle(sealed->log);
    /* The next call is the write, and the one behind it the sync. */
    memory_disk_fail(sealed->disk, 2, EIO, false);
    EXPECT(commit_text(sealed->log, TEXT("failed")) == TRY_LATER);
    EXPECT(log_durable(sealed->log) == 1);
    EXPECT(!log_health_now(sealed->log).failing);
    char *large = calloc(1, 40000);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(commit_text(sealed->log, text_of(large, 40000)) == OK);
    free(large);
    uint64_t segments[8];
    EXPECT(log_segments(sealed->log, segments, 8) == 4);
    EXPECT(log_drop_segment(sealed->log, segments[1]) == OK);
    log_close(&sealed->log);
    EXPECT(log_open(&sealed->options, &sealed->log) == OK);
    EXPECT(log_replay(sealed->log, 1, look_for_failed, sealed) == OK);
    log_close(&sealed->log);
    task_group_finish(&sealed->group);
}

static void heal_and_close(void *argument)
{
    struct sealed *sealed = argument;
    task_group_init(&sealed->group);
    EXPECT(log_open(&sealed->options, &sealed->log) == OK);
    EXPECT(commit_text(sealed->log, TEXT("first")) == OK);
    settle(sealed->log);
    /* The sync, and whatever is tried behind it. */
    memory_disk_fail(sealed->disk, 2, EIO, true);
    EXPECT(commit_text(sealed->log, TEXT("failed")) == TRY_LATER);
    memory_disk_fail(sealed->disk, 0, 0, false);
    log_close(&sealed->log);
    EXPECT(log_open(&sealed->options, &sealed->log) == OK);
    EXPECT(log_replay(sealed->log, 1, look_for_failed, sealed) == OK);
    log_close(&sealed->log);
    task_group_finish(&sealed->group);
}

/* So many records are left, and never the failed one, whatever the disk kept of it. */
static void expect_left(void (*act)(void *sealed), unsigned count)
{
    for (unsigned seed = 0; seed < 8; seed++) {
        random_seed_for_test(seed);
        struct sealed sealed = {.disk = memory_disk_new()};
        sealed.options = (struct log_options){.directory = "d",
                                              .segment_bytes = SEGMENT,
                                              .group = &sealed.group,
                                              .files = memory_disk_files(sealed.disk)};
        task_loop_run(act, &sealed);
        EXPECT(sealed.count == count && !sealed.failed_one_seen);
        memory_disk_free(&sealed.disk);
    }
}

TEST("a record whose sync failed stays away when the disk has come back by an end in order")
{
    expect_left(heal_and_close, 1);
}

TEST("a record whose sync failed stays away even when the segment behind it was dropped")
{
    expect_left(seal_and_drop, 3);
}

static void fill_up(void *argument)
{
    struct sealed *sealed = argument;
    task_group_init(&sealed->group);
    EXPECT(log_open(&sealed->options, &sealed->log) == OK);
    settle(sealed->log);
    memory_disk_set_capacity(sealed->disk, 4 * SEGMENT);
    char *large = calloc(1, 40000);
    struct text text = text_of(large, 40000);
    unsigned committed = 0;
    for (; commit_text(sealed->log, text) == OK; committed++)
        settle(sealed->log);
    EXPECT(committed == 4);
    EXPECT(log_health_now(sealed->log).failing && log_health_now(sealed->log).spares == 0);
    EXPECT(log_health_now(sealed->log).space_low);
    EXPECT(strstr(log_health_now(sealed->log).reason, "No space left") != NULL);
    /* What fits the last segment can still be told: a delete, for instance. */
    EXPECT(commit_text(sealed->log, TEXT("small")) == OK);
    EXPECT(commit_text(sealed->log, text) == TRY_LATER);
    EXPECT(log_drop_segment(sealed->log, log_first_segment(sealed->log)) == OK);
    EXPECT(commit_text(sealed->log, text) == OK);
    EXPECT(!log_health_now(sealed->log).failing);
    EXPECT(log_replay(sealed->log, 1, look_for_failed, sealed) == OK);
    EXPECT(sealed->count == committed + 1);
    free(large);
    log_close(&sealed->log);
    task_group_finish(&sealed->group);
}

TEST("a full disk refuses large records, takes small ones, and works again when space returns")
{
    struct sealed sealed = {.disk = memory_disk_new()};
    sealed.options = (struct log_options){.directory = "d",
                                          .segment_bytes = SEGMENT,
                                          .group = &sealed.group,
                                          .files = memory_disk_files(sealed.disk)};
    task_loop_run(fill_up, &sealed);
    memory_disk_free(&sealed.disk);
}

/* A process that is killed before its syncs: what it wrote is read, and is not on the medium. */
struct killed {
    struct memory_disk *disk;
    struct log_files files;
    struct log_options options;
    struct task_group group;
    unsigned seen;
};

static bool count_seen(void *context, const struct log_record *record)
{
    unused(record);
    ((struct killed *)context)->seen++;
    return true;
}

static void write_and_die(void *argument)
{
    struct killed *killed = argument;
    struct log *log;
    char *bytes = calloc(1, PAYLOAD);
    killed->options.files = &killed->files;
    task_group_init(&killed->group);
    EXPECT(log_open(&killed->options, &log) == OK);
    for (unsigned i = 0; i < UNSYNCED; i++)
        EXPECT(commit_text(log, text_of(bytes, PAYLOAD)) == OK);
    free(bytes);
    log_close(&log);
    task_group_finish(&killed->group);
}

static void read_all(void *argument)
{
    struct killed *killed = argument;
    struct log *log;
    killed->seen = 0;
    killed->options.files = memory_disk_files(killed->disk);
    task_group_init(&killed->group);
    EXPECT(log_open(&killed->options, &log) == OK);
    EXPECT(log_replay(log, 1, count_seen, killed) == OK);
    log_close(&log);
    task_group_finish(&killed->group);
}

TEST("what is read behind a process that was killed before its syncs outlives a power cut")
{
    for (unsigned seed = 0; seed < 8; seed++) {
        random_seed_for_test(seed);
        struct killed killed = {.disk = memory_disk_new()};
        killed.options = (struct log_options){
            .directory = "d", .segment_bytes = SEGMENT, .group = &killed.group};
        killed.files = without_syncs(memory_disk_files(killed.disk));
        task_loop_run(write_and_die, &killed);
        task_loop_run(read_all, &killed);
        EXPECT(killed.seen == UNSYNCED);
        memory_disk_crash(killed.disk);
        task_loop_run(read_all, &killed);
        EXPECT(killed.seen == UNSYNCED);
        memory_disk_free(&killed.disk);
    }
}
