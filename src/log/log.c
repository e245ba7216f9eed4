/* Opening, closing, spares, dropping, health. */
#include "log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "log/state.h"

/* RECYCLED_MOST: files of dropped segments that are kept beyond the spares that are wanted. The
 * reclaimer drops several at once, and there were spares of new files already: where much comes and
 * goes all segments would be new ones. */
enum { DEFAULT_SPARES = 2, RECYCLED_MOST = 4, SPARE_RETRY_MS = SECOND };

static enum status lock_directory(struct log *log, const char *directory)
{
    char path[SEGMENT_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/log.lock", directory);
    log->lock_fd = log->files->lock(log->files->context, path);
    if (log->lock_fd >= 0)
        return OK;
    if (errno == EWOULDBLOCK)
        return try_later("%s is in use by another process", directory);
    return try_later("cannot lock %s: %m", path);
}

/* The good records of an unfinished batch would be taken for good once the batch that overwrites
 * its beginning ends before them. */
static enum status erase(struct log *log, int fd, uint32_t from, uint32_t to)
{
    enum { PIECE = 64 << 10 };
    char *zeros = calloc(1, PIECE);
    check(zeros != NULL);
    bool written = true;
    for (uint32_t at = from; written && at < to; at += PIECE)
        written = log_file_write_all(log->files, fd, zeros, to - at < PIECE ? to - at : PIECE, at);
    free(zeros);
    if (!written || log->files->sync(log->files->context, fd) != 0)
        return try_later("cannot erase an unfinished batch: %m");
    return OK;
}

/* Find the end of the newest segment, and cut what is unfinished behind it. */
static enum status find_end(struct log *log, struct segment *newest)
{
    struct file_source source;
    file_source_init(&source, log->files, newest->fd, newest->bytes);
    struct segment_header header = {
        .segment = newest->number, .first = newest->first, .seed = newest->seed};
    struct scan_end end = scan_find_end(&source.source, &header);
    file_source_finish(&source);
    if (end.unreadable) {
        errno = source.error;
        return try_later("cannot read segment %" PRIu64 ": %m", newest->number);
    }
    if (end.dirty > end.end && erase(log, newest->fd, end.end, end.dirty) != OK)
        return TRY_LATER;
    if (end.torn > 0)
        log_warning("log.torn", "segment=%" PRIu64 " offset=%" PRIu32 " bytes=%" PRIu32,
                    newest->number, end.end, end.torn);
    if (end.damaged > 0)
        log_error("log.damaged", "segment=%" PRIu64 " records=%" PRIu64, newest->number,
                  end.damaged);
    newest->end = end.end;
    newest->damaged = end.damaged;
    log->torn_bytes = end.torn;
    log->durable = end.last;
    return OK;
}

/* A process before this one may have been killed between a write, or a new name, and its sync. What
 * is read now counts as durable from now on, and others are told of it. */
static enum status make_durable(const struct log *log)
{
    const struct log_files *files = log->files;
    if (files->sync(files->context, log->segments.newest->fd) == 0 &&
        files->sync_directory(files->context, log->segments.directory) == 0)
        return OK;
    return try_later("cannot sync %s: %m", log->segments.directory);
}

static enum status open_newest(struct log *log)
{
    struct segments *segments = &log->segments;
    if (segments->newest == NULL) {
        struct segment_plan plan = {.number = segments->highest + 1, .first = 1};
        segment_plan(segments, &plan);
        if (segment_make(segments, &plan) != OK)
            return TRY_LATER;
        segment_adopt(segments, plan.made);
        return OK;
    }
    segments->newest->fd = segment_open_file(segments, segments->newest->number);
    if (segments->newest->fd < 0)
        return TRY_LATER;
    segments->open_count++;
    enum status status = find_end(log, segments->newest);
    return status == OK ? make_durable(log) : status;
}

static enum status open_blocking(void *argument)
{
    struct log *log = argument;
    enum status status = segments_load(&log->segments);
    return status == OK ? open_newest(log) : status;
}

static struct log *log_new(const struct log_options *options)
{
    struct log *log = calloc(1, sizeof(*log));
    check(log != NULL);
    log->files = options->files != NULL ? options->files : &log_files_of_kernel;
    log->spares_wanted = options->spare_segments != 0 ? options->spare_segments : DEFAULT_SPARES;
    if (log->spares_wanted > SPARES_MAX / 2)
        log->spares_wanted = SPARES_MAX / 2;
    struct segments *segments = &log->segments;
    segments->files = log->files;
    segments->segment_bytes =
        options->segment_bytes != 0 ? options->segment_bytes : LOG_SEGMENT_BYTES;
    check(segments->segment_bytes % SEGMENT_BLOCK_BYTES == 0 &&
          segments->segment_bytes > SEGMENT_HEADER_BYTES && segments->segment_bytes <= 1 << 30);
    list_init(&segments->all);
    snprintf(segments->directory, sizeof(segments->directory), "%s/segments", options->directory);
    list_init(&log->batches);
    task_event_init(&log->changed);
    task_group_init(&log->background);
    return log;
}

static void log_free(struct log *log)
{
    segments_finish(&log->segments);
    if (log->lock_fd >= 0)
        log->files->close(log->files->context, log->lock_fd);
    free(log);
}

enum status log_open(const struct log_options *options, struct log **out)
{
    if (strlen(options->directory) + 64 > SEGMENT_PATH_BYTES)
        return refused("the path of the log is too long");
    struct log *log = log_new(options);
    enum status status = lock_directory(log, options->directory);
    if (status == OK)
        status = log_offload(open_blocking, log);
    if (status != OK) {
        log_free(log);
        return fail_within(status, "cannot open the log in %s", options->directory);
    }
    log->next_number = log->durable + 1;
    log->next_segment = log->segments.newest->number;
    log->next_offset = block_align(log->segments.newest->end);
    log_spares_start(log);
    *out = log;
    return OK;
}

void log_close(struct log **log)
{
    if (*log == NULL)
        return;
    (*log)->closing = true;
    log_batches_finish(*log);
    task_group_finish(&(*log)->background);
    log_free(*log);
    *log = NULL;
}

struct spare_job {
    struct log *log;
    uint64_t number;
};

static enum status make_spare(void *argument)
{
    struct spare_job *job = argument;
    return segment_make_spare(&job->log->segments, job->number);
}

/* Spares are allocated and not filled with zeros: a lone commit into a filled file takes about
 * three quarters of the time, but every segment would be written twice. Recycled files are as fast
 * as filled ones for nothing. */
static void spares_task(void *argument)
{
    struct log *log = argument;
    struct segments *segments = &log->segments;
    while (!log->closing && segments->spare_count < log->spares_wanted) {
        struct spare_job job = {.log = log, .number = ++segments->highest_spare};
        if (log_offload(make_spare, &job) == OK) {
            check(segments->spare_count < SPARES_MAX);
            segments->spares[segments->spare_count++] = job.number;
            log->failing = false;
            continue;
        }
        if (!log->spares_short)
            log_warning("log.spares", "left=%u reason=%s", segments->spare_count,
                        log_text(text_from(fail_reason())));
        log->spares_short = true;
        if (task_sleep(SPARE_RETRY_MS) != OK)
            return;
    }
    log->spares_short = false;
}

void log_spares_start(struct log *log)
{
    if (log->background.count == 0 && !log->closing &&
        log->segments.spare_count < log->spares_wanted)
        task_spawn(&log->background, "log spares", spares_task, log);
}

struct drop_job {
    struct log *log;
    uint64_t number;
    uint64_t spare;
    bool gone;
};

static enum status retire(void *argument)
{
    struct drop_job *job = argument;
    return segment_retire(&job->log->segments, job->number, job->spare, &job->gone);
}

enum status log_drop_segment(struct log *log, uint64_t number)
{
    struct segments *segments = &log->segments;
    struct segment *segment = segments_find(segments, number);
    if (segment == NULL || segment->dropping)
        return refused("segment %" PRIu64 " was dropped", number);
    check(segment != segments->newest);
    segment->dropping = true;
    while (segment->readers > 0) {
        if (task_event_wait(&log->changed, NO_DEADLINE) != OK) {
            segment->dropping = false;
            return TRY_LATER;
        }
    }
    struct drop_job job = {.log = log, .number = number};
    if (segments->spare_count < log->spares_wanted + RECYCLED_MOST &&
        segment->bytes == segments->segment_bytes)
        job.spare = ++segments->highest_spare;
    segment_close(segments, segment);
    enum status status = log_offload(retire, &job);
    if (!job.gone) {
        segment->dropping = false;
        return status;
    }
    list_remove(&segment->link);
    free(segment);
    if (status == OK && job.spare != 0 && segments->spare_count < SPARES_MAX)
        segments->spares[segments->spare_count++] = job.spare;
    return status;
}

static enum status remove_spare(void *argument)
{
    struct spare_job *job = argument;
    return segment_remove_spare(&job->log->segments, job->number);
}

enum status log_trim_spares(struct log *log)
{
    struct segments *segments = &log->segments;
    enum status status = OK;
    while (status == OK && segments->spare_count > log->spares_wanted) {
        struct spare_job job = {.log = log, .number = segments->spares[--segments->spare_count]};
        status = log_offload(remove_spare, &job);
    }
    return status;
}

uint64_t log_first_segment(const struct log *log)
{
    return list_entry(log->segments.all.next, struct segment, link)->number;
}

log_number log_first_record(const struct log *log)
{
    return list_entry(log->segments.all.next, struct segment, link)->first;
}

uint64_t log_last_segment(const struct log *log)
{
    return log->segments.newest->number;
}

unsigned log_segments(const struct log *log, uint64_t *out, unsigned most)
{
    unsigned count = 0;
    list_each(link, &log->segments.all)
    {
        if (count == most)
            break;
        out[count++] = list_entry(link, struct segment, link)->number;
    }
    return count;
}

struct log_health log_health_now(const struct log *log)
{
    struct log_health health = {
        .records = log->durable,
        .torn_bytes = log->torn_bytes,
        .sync_us = log->sync_us,
        .syncs = log->syncs,
        .batches = log->batches_written,
        .appended = log->appended,
        .spares = log->segments.spare_count,
        .space_low = log->spares_short && log->segments.spare_count < log->spares_wanted,
        .failing = log->failing,
    };
    list_each(link, &log->segments.all)
    {
        const struct segment *segment = list_entry(link, struct segment, link);
        health.segments++;
        health.bytes += segment->end;
        health.damaged_records += segment->damaged;
    }
    memcpy(health.reason, log->reason, sizeof(health.reason));
    return health;
}
