/* How many durable commits a second the log makes, and how long each takes: 1, 20 and 100 tasks
 * that each append a record of 10 KB and wait for it, over and over; a sync is for as many.
 *
 *     log_bench DIRECTORY [MILLISECONDS]     DIRECTORY must be empty, on the disk to be measured
 *
 * bench/limits.py builds it and reads what it prints. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/log.h"

enum { RECORD_BYTES = 10 << 10 };

struct round {
    struct log *log;
    int64_t end_us;
    uint64_t commits;
    uint64_t waited_us;
    uint64_t longest_us;
};

struct run {
    const char *directory;
    int64_t round_us;
};

static void commit_over_and_over(void *argument)
{
    static char payload[RECORD_BYTES];
    struct round *round = argument;
    struct text piece = text_of(payload, sizeof(payload));
    for (int64_t start; (start = clock_monotonic_us()) < round->end_us; round->commits++) {
        if (log_commit(round->log, log_append(round->log, 1, &piece, 1, NULL)) != OK) {
            fprintf(stderr, "commit: %s\n", fail_reason());
            exit(1);
        }
        uint64_t took = (uint64_t)(clock_monotonic_us() - start);
        round->waited_us += took;
        if (took > round->longest_us)
            round->longest_us = took;
    }
}

static void measure(struct log *log, unsigned tasks, int64_t length_us, const char *what)
{
    struct round round = {.log = log, .end_us = clock_monotonic_us() + length_us};
    struct log_health before = log_health_now(log);
    struct task_group group;
    task_group_init(&group);
    for (unsigned i = 0; i < tasks; i++)
        task_spawn(&group, "committer", commit_over_and_over, &round);
    task_group_wait(&group, NO_DEADLINE);
    struct log_health after = log_health_now(log);
    printf("%-9s %3u tasks: %7.0f commits/s, %6.0f us each, longest %" PRIu64
           " us, %.1f records a sync, last sync %" PRIu32 " us\n",
           what, tasks, (double)round.commits * 1e6 / (double)length_us,
           (double)round.waited_us / (double)round.commits, round.longest_us,
           (double)(after.appended - before.appended) / (double)(after.syncs - before.syncs),
           after.sync_us);
}

static void drop_sealed(struct log *log)
{
    while (log_first_segment(log) < log_last_segment(log))
        check(log_drop_segment(log, log_first_segment(log)) == OK);
}

static void bench_main(void *argument)
{
    const struct run *run = argument;
    static const unsigned tasks[] = {1, 20, 100};
    struct task_group group;
    task_group_init(&group);
    struct log_options options = {.directory = run->directory, .group = &group};
    struct log *log;
    int64_t start = clock_monotonic_us();
    if (log_open(&options, &log) != OK) {
        fprintf(stderr, "%s\n", fail_reason());
        exit(1);
    }
    printf("open: %" PRId64 " us\n", clock_monotonic_us() - start);
    for (unsigned i = 0; i < 3; i++)
        measure(log, tasks[i], run->round_us, "fresh");
    /* From here on every segment is one that was written before. */
    drop_sealed(log);
    for (unsigned i = 0; i < 3; i++) {
        measure(log, tasks[i], run->round_us, "recycled");
        drop_sealed(log);
    }
    log_close(&log);
    start = clock_monotonic_us();
    check(log_open(&options, &log) == OK);
    printf("open again: %" PRId64 " us\n", clock_monotonic_us() - start);
    log_close(&log);
    task_group_finish(&group);
}

int main(int count, char **arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: log_bench DIRECTORY [MILLISECONDS]\n");
        return 2;
    }
    struct run run = {.directory = arguments[1], .round_us = 2000000};
    uint32_t milliseconds;
    if (count > 2 && text_to_u32(text_from(arguments[2]), &milliseconds) && milliseconds > 0)
        run.round_us = (int64_t)milliseconds * 1000;
    task_loop_run(bench_main, &run);
    return 0;
}
