/* Segment files: names, headers, spares. A new segment is a spare (or new) file that gets its
 * header and only then its name, so a file named *.seg always has a header. */
#include "log/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/random.h"

static void segment_path(const struct segments *segments, uint64_t number, const char *suffix,
                         char out[SEGMENT_PATH_BYTES])
{
    snprintf(out, SEGMENT_PATH_BYTES, "%s/%016" PRIx64 ".%s", segments->directory, number, suffix);
}

/* "<16 hex>.seg" or "<16 hex>.spare". */
static bool parse_name(const char *name, uint64_t *number, bool *is_spare)
{
    if (strlen(name) < 16 || strspn(name, "0123456789abcdef") != 16)
        return false;
    *number = strtoull(name, NULL, 16);
    *is_spare = strcmp(name + 16, ".spare") == 0;
    return *number > 0 && *number < INT64_MAX && (*is_spare || strcmp(name + 16, ".seg") == 0);
}

static struct segment *segment_new(const struct segment_header *header)
{
    struct segment *segment = calloc(1, sizeof(*segment));
    check(segment != NULL);
    list_init(&segment->link);
    segment->number = header->segment;
    segment->first = header->first;
    segment->seed = header->seed;
    segment->bytes = header->bytes;
    segment->fd = -1;
    return segment;
}

static void insert_sorted(struct segments *segments, struct segment *segment)
{
    struct list *place = &segments->all;
    while (place->previous != &segments->all &&
           list_entry(place->previous, struct segment, link)->number > segment->number)
        place = place->previous;
    list_insert_before(place, &segment->link);
}

struct listing {
    struct segments *segments;
    char foreign[64];
};

static void visit_name(void *context, const char *name)
{
    struct listing *listing = context;
    struct segments *segments = listing->segments;
    uint64_t number;
    bool is_spare;
    if (!parse_name(name, &number, &is_spare)) {
        snprintf(listing->foreign, sizeof(listing->foreign), "%s", name);
        return;
    }
    if (is_spare) {
        if (number > segments->highest_spare)
            segments->highest_spare = number;
        if (segments->spare_count < SPARES_MAX)
            segments->spares[segments->spare_count++] = number;
        return;
    }
    if (number > segments->highest)
        segments->highest = number;
    insert_sorted(segments, segment_new(&(struct segment_header){.segment = number}));
}

static enum status read_header(struct segments *segments, struct segment *segment)
{
    const struct log_files *files = segments->files;
    int fd = segment_open_file(segments, segment->number);
    if (fd < 0)
        return TRY_LATER;
    bool read = log_file_read_all(files, fd, segments->header_bytes, SEGMENT_HEADER_BYTES, 0);
    if (!read)
        try_later("cannot read the header of segment %" PRIu64 ": %m", segment->number);
    files->close(files->context, fd);
    if (!read)
        return TRY_LATER;
    struct segment_header *header = &segments->header;
    if (segment_header_is_newer(segments->header_bytes))
        return refused("segment %" PRIu64 " in %s was written by a later version of mailroot, in a "
                       "form that this one does not know: start that version again",
                       segment->number, segments->directory);
    if (!segment_header_read(header, segments->header_bytes) ||
        header->segment != segment->number || header->bytes < SEGMENT_HEADER_BYTES) {
        /* Both copies are gone. Nothing in it can be told from stale bytes. */
        log_error("log.damaged", "segment=%" PRIu64 " what=header", segment->number);
        segment->damaged = 1;
        header->seal_count = 0;
        return OK;
    }
    segment->first = header->first;
    segment->seed = header->seed;
    segment->bytes = segment->end = header->bytes;
    return OK;
}

/* The newest segment's header knows where every older one ends. */
static void apply_seals(struct segments *segments)
{
    for (uint32_t i = 0; i < segments->header.seal_count; i++) {
        const struct segment_seal *seal = &segments->header.seals[i];
        struct segment *segment = segments_find(segments, seal->segment);
        if (segment == NULL || seal->end > segment->bytes)
            continue;
        segment->sealed = true;
        segment->end = seal->end;
    }
}

enum status segments_load(struct segments *segments)
{
    const struct log_files *files = segments->files;
    list_init(&segments->all);
    if (files->make_directory(files->context, segments->directory) != 0 && errno != EEXIST)
        return try_later("cannot create %s: %m", segments->directory);
    struct listing listing = {.segments = segments};
    if (files->list(files->context, segments->directory, visit_name, &listing) != 0)
        return try_later("cannot list %s: %m", segments->directory);
    if (listing.foreign[0] != '\0')
        return refused("%s holds %s, which is not a segment", segments->directory,
                       log_text(text_from(listing.foreign)));
    list_each(link, &segments->all)
    {
        segments->newest = list_entry(link, struct segment, link);
        enum status status = read_header(segments, segments->newest);
        if (status != OK)
            return status;
    }
    if (segments->newest != NULL && segments->newest->end == 0)
        return try_later("the header of the newest segment %" PRIu64
                         " is damaged; restore it from a backup, or move it away to go on without "
                         "its records",
                         segments->newest->number);
    apply_seals(segments);
    return OK;
}

void segment_close(struct segments *segments, struct segment *segment)
{
    if (segment->fd < 0)
        return;
    segments->files->close(segments->files->context, segment->fd);
    segment->fd = -1;
    segments->open_count--;
}

void segments_finish(struct segments *segments)
{
    list_each(link, &segments->all)
    {
        struct segment *segment = list_entry(link, struct segment, link);
        segment_close(segments, segment);
        free(segment);
    }
    list_init(&segments->all);
}

struct segment *segments_find(const struct segments *segments, uint64_t number)
{
    list_each(link, &segments->all)
    {
        struct segment *segment = list_entry(link, struct segment, link);
        if (segment->number == number)
            return segment;
    }
    return NULL;
}

void segment_plan(struct segments *segments, struct segment_plan *plan)
{
    struct segment_header *header = &segments->header;
    *header = (struct segment_header){
        .segment = plan->number, .first = plan->first, .bytes = segments->segment_bytes};
    random_bytes(&header->seed, sizeof(header->seed));
    list_each(link, &segments->all)
    {
        const struct segment *segment = list_entry(link, struct segment, link);
        if (!segment->sealed)
            continue;
        if (header->seal_count < SEALS_MAX)
            header->seals[header->seal_count] =
                (struct segment_seal){.segment = segment->number, .end = segment->end};
        header->seal_count++;
    }
    plan->is_new = segments->spare_count == 0;
    plan->spare =
        plan->is_new ? ++segments->highest_spare : segments->spares[--segments->spare_count];
    if (plan->number > segments->highest)
        segments->highest = plan->number;
}

/* The file under its spare name, with room. -1 and errno. */
static int open_unnamed(struct segments *segments, struct segment_plan *plan, const char *path)
{
    const struct log_files *files = segments->files;
    if (!plan->is_new)
        return files->open(files->context, path, O_RDWR);
    int fd = files->open(files->context, path, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0 || files->allocate(files->context, fd, segments->segment_bytes) == 0)
        return fd;
    int error = errno;
    files->close(files->context, fd);
    files->unlink(files->context, path);
    errno = error;
    return -1;
}

enum status segment_make(struct segments *segments, struct segment_plan *plan)
{
    const struct log_files *files = segments->files;
    char path[SEGMENT_PATH_BYTES], name[SEGMENT_PATH_BYTES];
    segment_path(segments, plan->spare, "spare", path);
    segment_path(segments, plan->number, "seg", name);
    if (segments->header.seal_count > SEALS_MAX)
        return try_later("more than %d segments ended in a failed write; replace the disk",
                         SEALS_MAX);
    int fd = open_unnamed(segments, plan, path);
    if (fd < 0)
        return try_later("cannot make segment %" PRIu64 ": %m", plan->number);
    segment_header_write(&segments->header, segments->header_bytes);
    if (!log_file_write_all(files, fd, segments->header_bytes, SEGMENT_HEADER_BYTES, 0) ||
        files->sync(files->context, fd) != 0)
        try_later("cannot write the header of segment %" PRIu64 ": %m", plan->number);
    else {
        plan->named = true;
        if (files->rename(files->context, path, name) == 0 &&
            files->sync_directory(files->context, segments->directory) == 0) {
            plan->made = segment_new(&segments->header);
            plan->made->fd = fd;
            plan->made->end = SEGMENT_HEADER_BYTES;
            return OK;
        }
        try_later("cannot name segment %" PRIu64 ": %m", plan->number);
    }
    files->close(files->context, fd);
    files->unlink(files->context, plan->named ? name : path);
    return TRY_LATER;
}

void segment_adopt(struct segments *segments, struct segment *segment)
{
    list_append(&segments->all, &segment->link);
    segments->newest = segment;
    segments->open_count++;
}

enum status segment_make_spare(struct segments *segments, uint64_t number)
{
    const struct log_files *files = segments->files;
    char path[SEGMENT_PATH_BYTES];
    segment_path(segments, number, "spare", path);
    int fd = files->open(files->context, path, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0)
        return try_later("cannot make a spare segment: %m");
    bool allocated = files->allocate(files->context, fd, segments->segment_bytes) == 0;
    if (!allocated) {
        try_later("cannot allocate a spare segment: %m");
        files->unlink(files->context, path);
    }
    files->close(files->context, fd);
    return allocated ? OK : TRY_LATER;
}

enum status segment_remove_spare(const struct segments *segments, uint64_t number)
{
    const struct log_files *files = segments->files;
    char path[SEGMENT_PATH_BYTES];
    segment_path(segments, number, "spare", path);
    if (files->unlink(files->context, path) != 0)
        return try_later("cannot remove a spare segment: %m");
    return OK;
}

enum status segment_retire(struct segments *segments, uint64_t number, uint64_t spare, bool *gone)
{
    const struct log_files *files = segments->files;
    char name[SEGMENT_PATH_BYTES], path[SEGMENT_PATH_BYTES];
    segment_path(segments, number, "seg", name);
    segment_path(segments, spare, "spare", path);
    int result = spare != 0 ? files->rename(files->context, name, path)
                            : files->unlink(files->context, name);
    *gone = result == 0;
    if (!*gone)
        return try_later("cannot retire segment %" PRIu64 ": %m", number);
    /* Before its new life begins, its old name must be gone for good. */
    if (files->sync_directory(files->context, segments->directory) != 0)
        return try_later("cannot sync %s: %m", segments->directory);
    return OK;
}

int segment_open_file(const struct segments *segments, uint64_t number)
{
    char name[SEGMENT_PATH_BYTES];
    segment_path(segments, number, "seg", name);
    int fd = segments->files->open(segments->files->context, name, O_RDWR);
    if (fd < 0)
        try_later("cannot open segment %" PRIu64 ": %m", number);
    return fd;
}

void segments_trim_open(struct segments *segments)
{
    while (segments->open_count > OPEN_SEGMENTS_MAX) {
        struct segment *oldest = NULL;
        list_each(link, &segments->all)
        {
            struct segment *segment = list_entry(link, struct segment, link);
            if (segment->fd >= 0 && segment->readers == 0 && segment != segments->newest &&
                (oldest == NULL || segment->used_at < oldest->used_at))
                oldest = segment;
        }
        if (oldest == NULL)
            return;
        segment_close(segments, oldest);
    }
}
