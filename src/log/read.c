/* Reading back: replay, ranges of payloads, verification. A segment that is being read is pinned,
 * so that it is neither closed nor recycled under the reader. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/logline.h"
#include "log/log.h"
#include "log/state.h"

enum { WINDOW_BYTES = 1 << 20 };

struct fill_job {
    struct file_source *source;
    uint32_t offset, length;
};

static enum status fill_window(void *argument)
{
    struct fill_job *job = argument;
    struct file_source *source = job->source;
    source->error = 0;
    if (!log_file_read_all(source->files, source->fd, source->window, job->length, job->offset))
        source->error = errno;
    return OK;
}

static const char *file_view(struct scan_source *base, uint32_t offset, uint32_t length)
{
    struct file_source *source = (struct file_source *)base;
    uint32_t into = offset - source->window_offset;
    if (offset >= source->window_offset && into <= source->window_length &&
        length <= source->window_length - into)
        return source->window + into;
    uint32_t wanted = length < WINDOW_BYTES ? WINDOW_BYTES : length;
    if (wanted > base->length - offset)
        wanted = base->length - offset;
    if (wanted > source->window_capacity) {
        free(source->window);
        source->window = malloc(wanted);
        check(source->window != NULL);
        source->window_capacity = wanted;
    }
    struct fill_job job = {.source = source, .offset = offset, .length = wanted};
    if (source->offloaded)
        log_offload(fill_window, &job);
    else
        fill_window(&job);
    source->window_offset = offset;
    source->window_length = source->error == 0 ? wanted : 0;
    return source->error == 0 ? source->window : NULL;
}

void file_source_init(struct file_source *source, const struct log_files *files, int fd,
                      uint32_t length)
{
    *source = (struct file_source){
        .source = {.view = file_view, .length = length}, .files = files, .fd = fd};
}

void file_source_finish(struct file_source *source)
{
    free(source->window);
    source->window = NULL;
}

struct open_job {
    struct log *log;
    uint64_t number;
    int fd;
};

static enum status open_segment(void *argument)
{
    struct open_job *job = argument;
    job->fd = segment_open_file(&job->log->segments, job->number);
    return job->fd < 0 ? TRY_LATER : OK;
}

static void unpin(struct log *log, struct segment *segment)
{
    if (--segment->readers == 0) {
        segments_trim_open(&log->segments);
        task_event_tell_all(&log->changed);
    }
}

/* Keep the segment and have its file open. YIELDS. */
static enum status pin(struct log *log, struct segment *segment)
{
    segment->readers++;
    segment->used_at = ++log->segments.clock;
    if (segment->fd >= 0)
        return OK;
    struct open_job job = {.log = log, .number = segment->number};
    enum status status = log_offload(open_segment, &job);
    if (status != OK) {
        unpin(log, segment);
        return status;
    }
    if (segment->fd >= 0) { /* another reader was faster */
        log->files->close(log->files->context, job.fd);
        return OK;
    }
    segment->fd = job.fd;
    log->segments.open_count++;
    return OK;
}

struct walk {
    struct log *log;
    log_number from;
    log_visit *visit;
    void *context;
    void (*report)(void *context, const char *line);
    bool ended;
};

/* The next that has a header, and so says at which number it begins. NULL: there is none. */
static const struct segment *readable_behind(const struct log *log, const struct segment *segment)
{
    const struct list *link = segment->link.next;
    while (link != &log->segments.all && list_entry(link, struct segment, link)->end == 0)
        link = link->next;
    return link == &log->segments.all ? NULL : list_entry(link, struct segment, link);
}

static void report_line(struct walk *walk, const struct segment *segment, const char *what,
                        uint64_t from, uint64_t to)
{
    if (walk->report != NULL) {
        char line[160];
        snprintf(line, sizeof(line), "segment %" PRIu64 ": %s: records %" PRIu64 " to %" PRIu64,
                 segment->number, what, from, to);
        walk->report(walk->context, line);
        return;
    }
    log_error("log.damaged", "segment=%" PRIu64 " first=%" PRIu64 " last=%" PRIu64, segment->number,
              from, to);
}

/* Numbers that are missing between two good ones, or at the end, were lost to the medium. */
static void note_gap(struct walk *walk, const struct segment *segment, uint64_t from, uint64_t to)
{
    if (from <= to)
        report_line(walk, segment, "damaged", from, to);
}

static enum status scan_segment(struct walk *walk, struct segment *segment)
{
    struct file_source source;
    file_source_init(&source, walk->log->files, segment->fd, segment->end);
    source.offloaded = true;
    struct segment_header header = {
        .segment = segment->number, .first = segment->first, .seed = segment->seed};
    struct scan scan = scan_of(&source.source, &header);
    struct log_record record;
    /* Records below its first are all that may stand here. */
    const struct segment *next = readable_behind(walk->log, segment);
    uint64_t damaged = 0, last = scan.last,
             end = next == NULL ? walk->log->durable + 1 : next->first;
    while (!walk->ended && scan_next(&scan, &record) && record.number < end) {
        note_gap(walk, segment, last + 1, record.number - 1);
        damaged += record.number - last - 1;
        last = record.number;
        if (walk->visit != NULL && record.number >= walk->from &&
            !walk->visit(walk->context, &record))
            walk->ended = true;
    }
    enum status status = OK;
    if (scan.unreadable) {
        errno = source.error;
        status = try_later("cannot read segment %" PRIu64 ": %m", segment->number);
    }
    /* One that was dropped, or has lost its header, may have stood between this and the next. */
    bool followed = next == NULL || next->number == segment->number + 1;
    if (!walk->ended && status == OK && followed) {
        note_gap(walk, segment, last + 1, end - 1);
        damaged += end - 1 - last;
    }
    if (!walk->ended && status == OK)
        segment->damaged = damaged;
    file_source_finish(&source);
    return status;
}

static enum status walk_segment(struct walk *walk, struct segment *segment)
{
    if (segment->end == 0) {
        report_line(walk, segment, "header damaged, all lost", 0, 0);
        return OK;
    }
    enum status status = scan_segment(walk, segment);
    if (status == OK || walk->report == NULL)
        return status;
    walk->report(walk->context, fail_reason()); /* go on: all findings are wanted */
    return OK;
}

/* The first behind `link` that is not being dropped. */
static struct segment *segment_behind(const struct log *log, const struct list *link)
{
    for (link = link->next; link != &log->segments.all; link = link->next) {
        struct segment *segment = list_entry(link, struct segment, link);
        if (!segment->dropping)
            return segment;
    }
    return NULL;
}

/* The segments from `segment` on, or it alone. */
static enum status walk_from(struct walk *walk, struct segment *segment, bool alone)
{
    enum status status = OK;
    while (segment != NULL && status == OK && !walk->ended) {
        status = pin(walk->log, segment);
        if (status != OK)
            break;
        status = walk_segment(walk, segment);
        struct segment *next = alone ? NULL : segment_behind(walk->log, &segment->link);
        unpin(walk->log, segment);
        segment = next;
    }
    return status;
}

enum status log_replay(struct log *log, log_number from, log_visit *visit, void *context)
{
    struct segment *start = segment_behind(log, &log->segments.all), *next = start;
    for (; next != NULL; next = segment_behind(log, &next->link))
        if (next->end != 0 && next->first <= from)
            start = next;
    struct walk walk = {.log = log, .from = from, .visit = visit, .context = context};
    return walk_from(&walk, start, false);
}

enum status log_replay_segment(struct log *log, uint64_t segment, log_visit *visit, void *context)
{
    struct segment *found = segments_find(&log->segments, segment);
    if (found == NULL || found->dropping)
        return refused("segment %" PRIu64 " was dropped", segment);
    struct walk walk = {.log = log, .visit = visit, .context = context};
    return walk_from(&walk, found, true);
}

enum status log_verify(struct log *log, void (*report)(void *context, const char *line),
                       void *context)
{
    struct walk walk = {.log = log, .report = report, .context = context};
    return walk_from(&walk, segment_behind(log, &log->segments.all), false);
}

struct read_job {
    const struct log_files *files;
    int fd;
    struct log_place place;
    char *out;
};

static enum status read_place(void *argument)
{
    struct read_job *job = argument;
    if (!log_file_read_all(job->files, job->fd, job->out, job->place.length, job->place.offset))
        return try_later("cannot read segment %" PRIu64 ": %m", job->place.segment);
    return OK;
}

enum status log_read(struct log *log, struct log_place place, char *out)
{
    struct segment *segment = segments_find(&log->segments, place.segment);
    if (segment == NULL && place.segment > log->segments.newest->number)
        return try_later("segment %" PRIu64 " is not durable yet", place.segment);
    if (segment == NULL || segment->dropping)
        return refused("segment %" PRIu64 " was dropped", place.segment);
    if (place.offset > segment->end || place.length > segment->end - place.offset)
        return try_later("bytes %" PRIu32 "+%" PRIu32 " of segment %" PRIu64 " are not durable",
                         place.offset, place.length, place.segment);
    enum status status = pin(log, segment);
    if (status != OK)
        return status;
    const struct log_files *files = log->files;
    ssize_t got = files->read_cached(files->context, segment->fd, out, place.length, place.offset);
    if (got != (ssize_t)place.length) {
        struct read_job job = {.files = files, .fd = segment->fd, .place = place, .out = out};
        status = log_offload(read_place, &job);
    }
    unpin(log, segment);
    return status;
}

static struct log_place *place_checked(struct log *log, struct log_place payload)
{
    uint64_t key[2] = {payload.segment, payload.offset};
    return &log->checked[hash_checksum(text_of((char *)key, sizeof(key))) % CHECKED_MOST];
}

static enum status note_damaged(struct log_place payload)
{
    log_error("log.damaged", "segment=%" PRIu64 " offset=%" PRIu32 " length=%" PRIu32,
              payload.segment, payload.offset, payload.length);
    return try_later("bytes %" PRIu32 "+%" PRIu32 " of segment %" PRIu64 " are damaged",
                     payload.offset, payload.length, payload.segment);
}

static bool is_checked(struct log *log, struct log_place payload)
{
    const struct log_place *checked = place_checked(log, payload);
    return checked->segment == payload.segment && checked->offset == payload.offset &&
           checked->length == payload.length;
}

/* Head and payload, into so much room, and hold them against their checksum. */
static enum status read_record(struct log *log, struct log_place payload, char *out)
{
    struct log_place whole = {.segment = payload.segment,
                              .offset = payload.offset - RECORD_HEAD_BYTES,
                              .length = payload.length + RECORD_HEAD_BYTES};
    enum status status = log_read(log, whole, out);
    /* Nothing has yielded since it was read: the segment is still there. */
    if (status == OK &&
        !record_is_good(out, payload, segments_find(&log->segments, payload.segment)->seed))
        status = note_damaged(payload);
    if (status == OK)
        *place_checked(log, payload) = payload;
    return status;
}

static bool may_be_record(struct log_place payload)
{
    return payload.offset >= RECORD_HEAD_BYTES && payload.length <= LOG_PAYLOAD_MAX;
}

enum status log_check(struct log *log, struct log_place payload)
{
    if (is_checked(log, payload))
        return OK;
    if (!may_be_record(payload))
        return note_damaged(payload);
    char *bytes = malloc(RECORD_HEAD_BYTES + payload.length);
    check(bytes != NULL);
    enum status status = read_record(log, payload, bytes);
    free(bytes);
    return status;
}

_Static_assert((int)RECORD_HEAD_BYTES <= (int)LOG_READ_SLACK, "a head has no room in the slack");

/* A small part of a record does not make `out` grow by all of it. */
static bool is_read_whole(struct log *log, struct log_place payload, struct log_place part,
                          const struct buffer *out)
{
    return part.length >= payload.length / 2 && may_be_record(payload) &&
           out->limit - out->length >= RECORD_HEAD_BYTES + payload.length &&
           !is_checked(log, payload);
}

enum status log_read_checked(struct log *log, struct log_place payload, struct log_place part,
                             struct buffer *out)
{
    uint32_t skipped = part.offset - payload.offset;
    if (part.offset < payload.offset || skipped > payload.length ||
        part.length > payload.length - skipped)
        return note_damaged(payload);
    bool is_whole = is_read_whole(log, payload, part, out);
    char *room = buffer_reserve(out, is_whole ? RECORD_HEAD_BYTES + payload.length : part.length);
    if (room == NULL)
        return refused("the part asked for is too large");
    enum status status = is_whole ? read_record(log, payload, room) : log_check(log, payload);
    if (status == OK && !is_whole)
        status = log_read(log, part, room);
    if (status != OK)
        return status;
    if (is_whole)
        memmove(room, room + RECORD_HEAD_BYTES + skipped, part.length);
    buffer_grew(out, part.length);
    return OK;
}
