/* The log on real files: what every caller relies on. Failing disks are in log_disk_test.c. */
#include "log/file.h"
#include "log/log.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/logline.h"
#include "base/status.h"
#include "no_syncs.h"
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
    log_setup("test", (enum log_level)(LOG_LEVEL_ERROR + 1)); /* damage is the point */
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

static void patience_ends(struct scene *scene)
{
    int64_t now_ms = clock_monotonic_ms();
    struct text payload = TEXT("outcome");
    clock_set_for_test(&now_ms);
    uint64_t syncs = log_health_now(scene->log).syncs;
    log_append_patient(scene->log, 7, &payload, 1, NULL);
    for (int i = 0; i < 100; i++)
        task_yield();
    EXPECT(log_durable(scene->log) == 0);
    EXPECT(log_commit(scene->log, append(scene, payload, NULL)) == OK);
    EXPECT(log_durable(scene->log) == 2);
    EXPECT(log_health_now(scene->log).syncs == syncs + 1);
    log_number last = log_append_patient(scene->log, 7, &payload, 1, NULL);
    now_ms += LOG_PATIENCE_MS;
    EXPECT(log_commit(scene->log, last) == OK);
    EXPECT(log_health_now(scene->log).syncs == syncs + 2);
    log_append_patient(scene->log, 7, &payload, 1, NULL);
    reopen(scene); /* closing does not wait for anything else to come */
    EXPECT(log_durable(scene->log) == 4);
    clock_set_for_test(NULL);
}

TEST("a record that is in no hurry shares the sync of the next one that is, or has one in its time")
{
    scene_run(patience_ends);
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

/* More than one batch holds, behind one that is being written. */
static void large_ones_at_once(struct scene *scene)
{
    enum { RECORDS = 24, LARGE = 300 << 10, ROUNDS = 3 };
    static char payload[LARGE], back[LARGE];
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct log_place places[RECORDS];
        log_number last = 0;
        for (unsigned i = 0; i < RECORDS; i++) {
            memset(payload, 'a' + (int)i, sizeof(payload));
            uint32_t length = LARGE - i * 1001;
            struct log_place expected = log_place_next(scene->log, length, 0, length);
            last = append(scene, text_of(payload, length), &places[i]);
            EXPECT(expected.segment == places[i].segment && expected.offset == places[i].offset);
            if (i % 5 == 4)
                task_yield();
        }
        EXPECT(log_commit(scene->log, last) == OK);
        for (unsigned i = 0; i < RECORDS; i++) {
            EXPECT(log_check(scene->log, places[i]) == OK);
            EXPECT(log_read(scene->log, places[i], back) == OK);
            EXPECT(back[0] == 'a' + (int)i && back[places[i].length - 1] == 'a' + (int)i);
        }
        reopen(scene);
    }
    struct seen seen = {0};
    EXPECT(log_replay(scene->log, 1, see, &seen) == OK && seen.count == RECORDS * ROUNDS);
}

static void large_ones_in_large_segments(struct scene *scene)
{
    log_close(&scene->log);
    remove_directory(scene->directory);
    EXPECT(mkdir(scene->directory, 0700) == 0);
    scene->options.segment_bytes = 8 << 20;
    EXPECT(log_open(&scene->options, &scene->log) == OK);
    large_ones_at_once(scene);
}

TEST("large records gathered while others are written are read and replayed")
{
    scene_run(large_ones_in_large_segments);
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

struct committer {
    struct scene *scene;
    unsigned rounds;
};

static void commit_repeatedly(void *argument)
{
    struct committer *committer = argument;
    for (unsigned i = 0; i < committer->rounds; i++)
        EXPECT(log_commit(committer->scene->log, append(committer->scene, TEXT("payload"), NULL)) ==
               OK);
}

static void twenty_at_once(struct scene *scene)
{
    struct committer committer = {.scene = scene, .rounds = 20};
    struct task_group group;
    task_group_init(&group);
    for (unsigned i = 0; i < 20; i++)
        task_spawn(&group, "committer", commit_repeatedly, &committer);
    /* A commit is not ended by cancellation. */
    task_group_cancel(&group);
    task_group_wait(&group, NO_DEADLINE);
    struct log_health health = log_health_now(scene->log);
    EXPECT(health.records == 400 && health.appended == 400);
    EXPECT(health.syncs == health.batches && health.syncs <= 80);
    EXPECT(log_pending_bytes(scene->log) == 0);
}

TEST("twenty tasks that commit at once share their syncs")
{
    scene_run(twenty_at_once);
}

static void closing_commits(struct scene *scene)
{
    for (unsigned i = 0; i < 30; i++)
        append(scene, TEXT("nobody waits for this"), NULL);
    EXPECT(log_pending_bytes(scene->log) > 0 && log_durable(scene->log) == 0);
    reopen(scene);
    EXPECT(log_durable(scene->log) == 30);
}

TEST("closing commits what is pending")
{
    scene_run(closing_commits);
}

static void locked_out(struct scene *scene)
{
    struct log *second;
    EXPECT(log_open(&scene->options, &second) == TRY_LATER);
    EXPECT(strstr(fail_reason(), "in use") != NULL);
}

TEST("a second opener is told that the log is in use")
{
    scene_run(locked_out);
}

static void recycling(struct scene *scene)
{
    static char payload[20000];
    struct log_place oldest = {0};
    for (unsigned i = 0; i < 60; i++) {
        memset(payload, (int)i, sizeof(payload));
        struct log_place place;
        log_number number = append(scene, text_of(payload, sizeof(payload)), &place);
        EXPECT(log_commit(scene->log, number) == OK);
        if (i == 0)
            oldest = place;
        if (log_first_segment(scene->log) + 1 < log_last_segment(scene->log))
            EXPECT(log_drop_segment(scene->log, log_first_segment(scene->log)) == OK);
    }
    EXPECT(log_read(scene->log, oldest, payload) == REFUSED);
    uint64_t segments[8];
    EXPECT(log_segments(scene->log, segments, 8) == 2);
    /* The files hold stale records of many lives; only the last may be seen. */
    log_number durable = log_durable(scene->log);
    reopen(scene);
    EXPECT(log_durable(scene->log) == durable);
    struct seen seen = {0};
    EXPECT(log_replay(scene->log, 1, see, &seen) == OK);
    EXPECT(seen.rising && seen.last == 60 && seen.count <= 6);
    EXPECT(log_health_now(scene->log).damaged_records == 0);
}

TEST("recycled segments never show the records of their life before")
{
    scene_run(recycling);
}

static unsigned allocations;

static int counted_allocate(void *context, int fd, off_t length)
{
    allocations++;
    return log_files_of_kernel.allocate(context, fd, length);
}

static void roll(struct scene *scene, unsigned segments)
{
    static const char payload[SMALL_SEGMENT / 2];
    uint64_t last = log_last_segment(scene->log) + segments;
    while (log_last_segment(scene->log) < last)
        EXPECT(log_commit(scene->log, append(scene, text_of(payload, sizeof(payload)), NULL)) ==
               OK);
}

static void drop_all(struct scene *scene)
{
    while (log_first_segment(scene->log) < log_last_segment(scene->log))
        EXPECT(log_drop_segment(scene->log, log_first_segment(scene->log)) == OK);
}

static unsigned spare_files(const struct scene *scene)
{
    char pattern[128];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/segments/*.spare", scene->directory);
    unsigned count = glob(pattern, 0, NULL, &found) == 0 ? (unsigned)found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void coming_and_going(struct scene *scene)
{
    enum { WANTED = 2, AT_ONCE = 4 };
    struct log_files files = log_files_of_kernel;
    files.allocate = counted_allocate;
    scene->options.files = &files;
    reopen(scene);
    roll(scene, AT_ONCE);
    while (log_health_now(scene->log).spares < WANTED)
        task_sleep(1);
    drop_all(scene);
    allocations = 0;
    for (unsigned round = 0; round < 5; round++) {
        roll(scene, AT_ONCE);
        drop_all(scene);
    }
    EXPECT(allocations == 0);
    EXPECT(spare_files(scene) == WANTED + AT_ONCE);
    EXPECT(log_trim_spares(scene->log) == OK);
    EXPECT(log_health_now(scene->log).spares == WANTED && spare_files(scene) == WANTED);
    roll(scene, AT_ONCE);
    EXPECT(allocations > 0);
    scene->options.files = NULL;
    reopen(scene);
}

TEST("where segments come and go the files of dropped ones are written again, until room is short")
{
    scene_run(coming_and_going);
}

/* The bytes of the first segment's file. */
static char *load_segment(struct scene *scene, size_t *length)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/segments/%016x.seg", scene->directory, 1);
    FILE *file = fopen(path, "rb");
    EXPECT(file != NULL);
    char *bytes = malloc(SMALL_SEGMENT);
    *length = fread(bytes, 1, SMALL_SEGMENT, file);
    fclose(file);
    return bytes;
}

static void store_segment(struct scene *scene, const char *bytes, size_t length)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/segments/%016x.seg", scene->directory, 1);
    FILE *file = fopen(path, "wb");
    EXPECT(file != NULL && fwrite(bytes, 1, length, file) == length);
    fclose(file);
}

static unsigned count_records(struct scene *scene)
{
    struct seen seen = {0};
    EXPECT(log_replay(scene->log, 1, see, &seen) == OK);
    EXPECT(seen.rising);
    return seen.count;
}

/* Three batches of one record, then one batch of three. Returns the last one's place. */
static struct log_place two_kinds_of_batches(struct scene *scene)
{
    struct log_place place;
    for (unsigned i = 0; i < 3; i++)
        EXPECT(log_commit(scene->log, append(scene, TEXT("alone"), NULL)) == OK);
    append(scene, TEXT("first of the last"), &place);
    append(scene, TEXT("second of the last"), NULL);
    EXPECT(log_commit(scene->log, append(scene, TEXT("third"), NULL)) == OK);
    return place;
}

/* Here nobody's power fails, and the log is opened hundreds of times. */
static void open_without_syncs(struct scene *scene, struct log_files *files)
{
    *files = without_syncs(&log_files_of_kernel);
    scene->options.files = files;
}

static void cut_everywhere(struct scene *scene)
{
    struct log_files files;
    open_without_syncs(scene, &files);
    struct log_place place = two_kinds_of_batches(scene);
    size_t length;
    log_close(&scene->log);
    char *bytes = load_segment(scene, &length);
    uint32_t start = place.offset - 40, second = start + 64, third = second + 64;
    for (uint32_t cut = start; cut <= start + 200; cut++) {
        store_segment(scene, bytes, cut);
        EXPECT(log_open(&scene->options, &scene->log) == OK);
        unsigned expected = 3 + (cut >= start + 57) + (cut >= second + 58) + (cut >= third + 45);
        EXPECT(count_records(scene) == expected && log_durable(scene->log) == expected);
        EXPECT(log_health_now(scene->log).damaged_records == 0);
        /* The number is used again, and what was cut does not come back behind it. */
        EXPECT(append(scene, TEXT("x"), NULL) == expected + 1);
        reopen(scene);
        EXPECT(count_records(scene) == expected + 1);
        log_close(&scene->log);
    }
    free(bytes);
    scene->options.files = NULL;
    EXPECT(log_open(&scene->options, &scene->log) == OK);
}

TEST("a tail torn at any byte is cut behind its last whole record")
{
    scene_run(cut_everywhere);
}

static void scramble_everywhere(struct scene *scene)
{
    struct log_files files;
    open_without_syncs(scene, &files);
    struct log_place place = two_kinds_of_batches(scene);
    size_t length;
    log_close(&scene->log);
    char *bytes = load_segment(scene, &length);
    uint32_t last_batch = place.offset - 40;
    for (uint32_t at = 8192; at < last_batch + 200; at++) {
        bytes[at] ^= 0x40;
        store_segment(scene, bytes, length);
        bytes[at] ^= 0x40;
        EXPECT(log_open(&scene->options, &scene->log) == OK);
        struct log_health health = log_health_now(scene->log);
        unsigned count = count_records(scene);
        if (at < last_batch) {
            /* Followed by a later batch: damage, nothing is cut. */
            EXPECT(count >= 5 && health.damaged_records == 6 - count);
            EXPECT(log_durable(scene->log) == 6);
        } else {
            EXPECT(count >= 3 && health.damaged_records == 0);
            EXPECT(log_durable(scene->log) == count);
        }
        log_close(&scene->log);
    }
    free(bytes);
    scene->options.files = NULL;
    EXPECT(log_open(&scene->options, &scene->log) == OK);
}

TEST("a scrambled byte before the last batch is damage, and cuts nothing")
{
    scene_run(scramble_everywhere);
}

static void count_lines(void *context, const char *line)
{
    EXPECT(strstr(line, "records 2 to 2") != NULL);
    ++*(unsigned *)context;
}

static void damaged_headers(struct scene *scene)
{
    two_kinds_of_batches(scene);
    size_t length;
    log_close(&scene->log);
    char *bytes = load_segment(scene, &length);
    memset(bytes, 0, 4096);
    bytes[8192 + 4096 + 41] ^= 1; /* in the second record */
    store_segment(scene, bytes, length);
    EXPECT(log_open(&scene->options, &scene->log) == OK);
    unsigned lines = 0;
    EXPECT(log_verify(scene->log, count_lines, &lines) == OK);
    EXPECT(lines == 1 && count_records(scene) == 5);
    log_close(&scene->log);
    memset(bytes + 4096, 0, 4096);
    store_segment(scene, bytes, length);
    EXPECT(log_open(&scene->options, &scene->log) == TRY_LATER);
    free(bytes);
}

/* As a later version would write it: another format, and a checksum that is right. */
static void raise_format(char *bytes)
{
    enum { BLOCK = 4096, FORMAT_AT = 40 };
    bytes[FORMAT_AT]++;
    uint64_t checksum = hash_checksum_more(0, text_of(bytes + 8, BLOCK - 8));
    memcpy(bytes, &checksum, sizeof(checksum));
    memcpy(bytes + BLOCK, bytes, BLOCK);
}

static void later_format(struct scene *scene)
{
    two_kinds_of_batches(scene);
    size_t length;
    log_close(&scene->log);
    char *bytes = load_segment(scene, &length);
    raise_format(bytes);
    store_segment(scene, bytes, length);
    EXPECT(log_open(&scene->options, &scene->log) == REFUSED);
    EXPECT(strstr(fail_reason(), "a later version") != NULL);
    free(bytes);
}

TEST("a log that a later version wrote is left alone, and the reason says what to do")
{
    scene_run(later_format);
}

TEST("one bad copy of a header costs nothing; two are said, not guessed at; verify names the loss")
{
    scene_run(damaged_headers);
}

static void child_main(void *argument)
{
    struct scene *scene = argument;
    task_group_init(&scene->group);
    scene->options.group = &scene->group;
    check(log_open(&scene->options, &scene->log) == OK);
    for (;;) {
        log_number number = append(scene, TEXT("from the child"), NULL);
        check(log_commit(scene->log, number) == OK);
        check(write(STDOUT_FILENO, &number, sizeof(number)) == sizeof(number));
    }
}

/* A child commits and tells each number through a pipe until it is killed. Returns the last told.
 */
static log_number commit_and_be_killed(struct scene *scene)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        task_loop_run(child_main, scene);
        _exit(0);
    }
    close(ends[1]);
    log_number told = 0, number;
    for (unsigned i = 0; i < 50 && read(ends[0], &number, sizeof(number)) == sizeof(number); i++)
        told = number;
    kill(child, SIGKILL);
    while (read(ends[0], &number, sizeof(number)) == sizeof(number))
        told = number;
    EXPECT(waitpid(child, NULL, 0) == child);
    close(ends[0]);
    return told;
}

static log_number told_by_child;

static void all_told_is_there(struct scene *scene)
{
    EXPECT(told_by_child >= 50);
    EXPECT(log_durable(scene->log) >= told_by_child);
    EXPECT(count_records(scene) == log_durable(scene->log));
}

TEST("what a killed process had committed is there")
{
    struct scene scene = {.directory = "/tmp/log-test-XXXXXX", .play = all_told_is_there};
    EXPECT(mkdtemp(scene.directory) != NULL);
    scene.options =
        (struct log_options){.directory = scene.directory, .segment_bytes = SMALL_SEGMENT};
    for (unsigned i = 0; i < 3; i++) {
        told_by_child = commit_and_be_killed(&scene);
        task_loop_run(scene_main, &scene);
    }
    remove_directory(scene.directory);
}
