/* Appending and group commit.
 *
 * When a write or sync fails, nobody knows which bytes reached the medium, and a second sync would
 * lie. So the segment is sealed: a new one is opened whose durable header says where the sealed one
 * ends, and only then do the waiters hear of the failure. From then on the failed batch cannot come
 * back, whatever the medium kept of it. Batches gathered meanwhile carry numbers and places that
 * follow the failed ones and fail with it; numbers go on behind the last durable record.
 *
 * When the new segment cannot be opened either, the waiters hear of the failure all the same (a
 * client must not hang on a dead disk), and every later append tries anew, and so does an end in
 * order. If the machine crashes in that state, or the disk has not come back by that end, a record
 * whose commit failed may be found: a message its sender sends again. That is the one exception,
 * and it takes two failures and a crash. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/memory.h"
#include "log/log.h"
#include "log/state.h"
#include "task/offload.h"

static void job_run(void *argument)
{
    struct log_job *job = argument;
    job->status = job->call(job->argument);
    if (job->status != OK)
        snprintf(job->reason, sizeof(job->reason), "%s", fail_reason());
}

enum status log_offload(enum status (*call)(void *argument), void *argument)
{
    struct log_job job = {.call = call, .argument = argument};
    task_offload(job_run, &job);
    if (job.status == REFUSED)
        return refused("%s", job.reason);
    return job.status == OK ? OK : try_later("%s", job.reason);
}

static void bytes_give(struct log *log, struct batch_bytes *bytes)
{
    if (log->kept_count < BUFFERS_KEPT && bytes->capacity <= BATCH_BYTES && bytes->data != NULL)
        log->kept[log->kept_count++] = *bytes;
    else {
        memory_give_back(bytes->capacity);
        free(bytes->data);
    }
    *bytes = (struct batch_bytes){0};
}

static void bytes_reserve(struct batch *batch, size_t wanted)
{
    struct batch_bytes *bytes = &batch->bytes;
    if (bytes->data == NULL && batch->log->kept_count > 0)
        *bytes = batch->log->kept[--batch->log->kept_count];
    if (bytes->capacity >= wanted)
        return;
    size_t capacity = bytes->capacity < 32768 ? 32768 : bytes->capacity;
    while (capacity < wanted)
        capacity *= 2;
    bytes->data = realloc(bytes->data, capacity);
    check(bytes->data != NULL);
    memory_draw(capacity - bytes->capacity);
    bytes->capacity = capacity;
}

static void batch_release(struct batch **batch)
{
    if (--(*batch)->holders == 0) {
        check((*batch)->task.count == 0);
        free(*batch);
    }
    *batch = NULL;
}

/* Until the batch has ended. The caller is a holder, and no more afterwards. */
static enum status batch_await(struct batch *batch)
{
    task_group_wait(&batch->task, NO_DEADLINE);
    enum status status = batch->status == OK ? OK : try_later("%s", batch->reason);
    batch_release(&batch);
    return status;
}

struct write_job {
    struct log *log;
    struct batch *batch;
    int fd;
    uint64_t seed;
    int64_t sync_us;
};

static enum status write_and_sync(void *argument)
{
    struct write_job *job = argument;
    const struct batch *batch = job->batch;
    const struct log_files *files = job->log->files;
    uint32_t at = 0;
    for (uint32_t i = 0; i < batch->count; i++)
        at = record_align(at + record_finish(batch->bytes.data + at, job->seed));
    if (!log_file_write_all(files, job->fd, batch->bytes.data, batch->length, batch->offset))
        return try_later("cannot write to the log: %m");
    int64_t start = clock_monotonic_us();
    if (files->sync(files->context, job->fd) != 0)
        return try_later("cannot sync the log: %m");
    job->sync_us = clock_monotonic_us() - start;
    return OK;
}

struct roll_job {
    struct log *log;
    struct segment_plan plan;
};

static enum status make_segment(void *argument)
{
    struct roll_job *job = argument;
    return segment_make(&job->log->segments, &job->plan);
}

/* Open segment `number` for records from `first` on. *named: a file of that number may exist. */
static enum status roll(struct log *log, uint64_t number, log_number first, bool *named)
{
    struct roll_job job = {.log = log, .plan = {.number = number, .first = first}};
    segment_plan(&log->segments, &job.plan);
    enum status status = log_offload(make_segment, &job);
    *named = job.plan.named;
    if (status == OK) {
        segment_adopt(&log->segments, job.plan.made);
        segments_trim_open(&log->segments);
    }
    log_spares_start(log);
    return status;
}

static void hurry(struct batch *batch)
{
    batch->is_urgent = true;
    task_event_tell_all(&batch->hurried);
}

static void await_company(struct batch *batch)
{
    while (!batch->is_urgent && task_event_wait(&batch->hurried, batch->until_ms) == OK)
        ;
}

static void note_failure(struct log *log)
{
    if (!log->failing || strcmp(log->reason, fail_reason()) != 0)
        log_error("log.failing", "reason=%s", log_text(text_from(fail_reason())));
    log->failing = true;
    snprintf(log->reason, sizeof(log->reason), "%s", fail_reason());
}

static void note_success(struct log *log)
{
    if (log->failing)
        log_info("log.recovered", "was=%s", log_text(text_from(log->reason)));
    log->failing = false;
}

/* The batch being written fails, and what was appended behind it; go on behind the last durable
 * record. */
static void restart_at(struct log *log, uint64_t segment, uint32_t offset)
{
    list_each(link, &log->batches)
    {
        struct batch *batch = list_entry(link, struct batch, link);
        if (batch->status != OK)
            continue;
        batch->status = TRY_LATER;
        batch->closed = true;
        hurry(batch);
        memcpy(batch->reason, log->reason, sizeof(batch->reason));
    }
    log->next_number = log->durable + 1;
    log->next_segment = segment;
    log->next_offset = offset;
}

/* A write or sync failed: seal the segment, and open another. */
static void seal_after_failure(struct log *log)
{
    note_failure(log);
    log->segments.newest->sealed = true;
    uint64_t number = log->segments.highest + 1;
    bool named;
    if (roll(log, number, log->durable + 1, &named) != OK) {
        note_failure(log);
        number++;
    } else {
        log->failing = false; /* this segment can be written */
    }
    restart_at(log, number, SEGMENT_HEADER_BYTES);
}

/* The segment this batch begins cannot be made: none of its records was written. */
static void give_up_roll(struct log *log, struct batch *batch, bool named)
{
    note_failure(log);
    struct segment *newest = log->segments.newest;
    /* Small records may still fit the old segment, unless a newer one may exist on disk. */
    if (!named && !newest->sealed && batch->segment == log->segments.highest &&
        newest->number + 1 == batch->segment) {
        log->segments.highest--;
        restart_at(log, newest->number, block_align(newest->end));
        return;
    }
    restart_at(log, log->segments.highest + 1, SEGMENT_HEADER_BYTES);
}

static void batch_write(struct log *log, struct batch *batch)
{
    uint32_t records_end = batch->offset + batch->length;
    if (log->segments.newest->number != batch->segment) {
        bool named;
        if (roll(log, batch->segment, batch->first, &named) != OK) {
            give_up_roll(log, batch, named);
            return;
        }
    }
    uint32_t padded = block_align(batch->length);
    bytes_reserve(batch, padded);
    memset(batch->bytes.data + batch->length, 0, padded - batch->length);
    batch->length = padded;
    struct segment *segment = log->segments.newest;
    struct write_job job = {.log = log, .batch = batch, .fd = segment->fd, .seed = segment->seed};
    if (log_offload(write_and_sync, &job) != OK) {
        seal_after_failure(log);
        return;
    }
    note_success(log);
    segment->end = records_end;
    log->durable = batch->first + batch->count - 1;
    log->sync_us = (uint32_t)job.sync_us;
    log->syncs++;
    log->batches_written++;
}

static void batch_task(void *argument)
{
    struct batch *batch = argument;
    struct log *log = batch->log;
    if (batch->before != NULL)
        batch_await(batch->before);
    await_company(batch);
    if (batch->status == OK) {
        uint32_t unpadded = batch->length;
        /* Behind one that was closed for being full another has begun, at a block of its own. */
        if (!batch->closed)
            log->next_offset = block_align(log->next_offset);
        batch->closed = true;
        batch_write(log, batch);
        batch->length = unpadded;
    }
    list_remove(&batch->link);
    log->pending_bytes -= batch->length;
    bytes_give(log, &batch->bytes);
}

/* The newest batch takes no more records, unless they are small. */
static bool is_full(const struct log *log, uint32_t payload_length)
{
    const struct batch *latest = log->latest;
    return latest != NULL && !latest->closed &&
           latest->length + RECORD_HEAD_BYTES + payload_length > BATCH_BYTES - SEGMENT_BLOCK_BYTES;
}

/* Where the head of a record with this much payload would go. */
static struct log_place next_head(const struct log *log, uint32_t payload_length)
{
    struct log_place head = {.segment = log->next_segment, .offset = log->next_offset};
    if (is_full(log, payload_length))
        head.offset = block_align(head.offset);
    uint32_t room = log->segments.segment_bytes;
    if (log->segments.newest->number == head.segment)
        room = log->segments.newest->bytes;
    if (head.offset > room || room - head.offset < RECORD_HEAD_BYTES + payload_length) {
        head.segment++;
        head.offset = SEGMENT_HEADER_BYTES;
    }
    return head;
}

struct log_place log_place_next(struct log *log, uint32_t payload_length, uint32_t payload_offset,
                                uint32_t length)
{
    check(payload_offset <= payload_length && length <= payload_length - payload_offset);
    struct log_place place = next_head(log, payload_length);
    place.offset += RECORD_HEAD_BYTES + payload_offset;
    place.length = length;
    return place;
}

/* The batch a record at this place joins. */
static struct batch *batch_at(struct log *log, struct log_place head, uint32_t payload_length)
{
    struct batch *latest = log->latest;
    bool full = is_full(log, payload_length);
    if (latest != NULL && !latest->closed && latest->segment == head.segment && !full)
        return latest;
    if (latest != NULL) {
        latest->closed = true; /* it, or the segment, is full */
        hurry(latest);
    }
    struct batch *batch = calloc(1, sizeof(*batch));
    check(batch != NULL);
    batch->log = log;
    batch->before = latest; /* the hold of log->latest passes over */
    batch->segment = head.segment;
    batch->offset = head.offset;
    batch->first = log->next_number;
    batch->holders = 1;
    batch->until_ms = clock_monotonic_ms() + LOG_PATIENCE_MS;
    task_event_init(&batch->hurried);
    task_group_init(&batch->task);
    list_append(&log->batches, &batch->link);
    log->latest = batch;
    task_spawn(&batch->task, "log commit", batch_task, batch);
    return batch;
}

log_number log_append_patient(struct log *log, uint16_t type, const struct text *pieces,
                              unsigned count, struct log_place *place)
{
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += pieces[i].length;
    check(total <= LOG_PAYLOAD_MAX &&
          total <= log->segments.segment_bytes - SEGMENT_HEADER_BYTES - RECORD_HEAD_BYTES);
    check(!log->closing);
    struct log_place head = next_head(log, (uint32_t)total);
    struct batch *batch = batch_at(log, head, (uint32_t)total);
    uint32_t start = head.offset - batch->offset;
    uint32_t end = start + RECORD_HEAD_BYTES + (uint32_t)total;
    bytes_reserve(batch, end);
    memset(batch->bytes.data + batch->length, 0, start - batch->length);
    char *out = batch->bytes.data + start + RECORD_HEAD_BYTES;
    for (unsigned i = 0; i < count; i++) {
        if (pieces[i].length > 0)
            memcpy(out, pieces[i].data, pieces[i].length);
        out += pieces[i].length;
    }
    struct record_head record = {.number = log->next_number++,
                                 .segment = head.segment,
                                 .length = (uint32_t)total,
                                 .ordinal = batch->count++,
                                 .type = type};
    record_head_write(&record, batch->bytes.data + start);
    log->pending_bytes += end - batch->length;
    batch->length = end;
    log->next_segment = head.segment;
    log->next_offset = record_align(head.offset + RECORD_HEAD_BYTES + (uint32_t)total);
    log->appended++;
    if (place != NULL)
        *place = (struct log_place){.segment = head.segment,
                                    .offset = head.offset + RECORD_HEAD_BYTES,
                                    .length = (uint32_t)total};
    return record.number;
}

log_number log_append(struct log *log, uint16_t type, const struct text *pieces, unsigned count,
                      struct log_place *place)
{
    log_number number = log_append_patient(log, type, pieces, count, place);
    hurry(log->latest);
    return number;
}

enum status log_commit(struct log *log, log_number number)
{
    if (number <= log->durable)
        return OK;
    list_each(link, &log->batches)
    {
        struct batch *batch = list_entry(link, struct batch, link);
        if (batch->status != OK || number < batch->first || number - batch->first >= batch->count)
            continue;
        batch->holders++;
        return batch_await(batch);
    }
    return try_later("%s", log->reason);
}

/* A batch failed, and no segment behind it says so yet. */
static void seal_at_last(struct log *log)
{
    bool named;
    if (log->segments.newest == NULL || !log->segments.newest->sealed)
        return;
    if (roll(log, log->segments.highest + 1, log->durable + 1, &named) != OK)
        log_warning("log.unsealed", "segment=%" PRIu64 " reason=%s", log->segments.newest->number,
                    log_text(text_from(fail_reason())));
}

void log_batches_finish(struct log *log)
{
    while (log->latest != NULL) {
        struct batch *latest = log->latest;
        log->latest = NULL;
        hurry(latest);
        batch_await(latest);
    }
    seal_at_last(log);
    for (unsigned i = 0; i < log->kept_count; i++) {
        memory_give_back(log->kept[i].capacity);
        free(log->kept[i].data);
    }
    log->kept_count = 0;
}

size_t log_pending_bytes(const struct log *log)
{
    return log->pending_bytes;
}

log_number log_durable(const struct log *log)
{
    return log->durable;
}

log_number log_next(const struct log *log)
{
    return log->next_number;
}
