/* The segment files of one log: which exist, opening, rolling, recycling. Included only from log/.
 * Functions marked BLOCKS make file calls and are run by task_offload or before any task waits. */
#ifndef LOG_SEGMENT_H
#define LOG_SEGMENT_H

#include "base/list.h"
#include "log/file.h"
#include "log/record.h"
#include "task/task.h"

enum { SEGMENT_PATH_BYTES = 1024, SPARES_MAX = 16, OPEN_SEGMENTS_MAX = 32 };

struct segment {
    struct list link; /* in segments.all, ascending */
    uint64_t number;
    uint64_t first; /* number of its first record */
    uint64_t seed;
    uint32_t bytes;
    uint32_t end;     /* what counts ends here; the newest: what is durable; 0: nothing readable */
    bool sealed;      /* bytes behind `end` may hold a failed batch */
    bool dropping;    /* no new readers */
    int fd;           /* -1: not open */
    unsigned readers; /* pins: neither closed nor dropped */
    uint64_t damaged; /* records found lost, by the last scan of it */
    uint64_t used_at; /* for closing the one unused longest */
};

struct segments {
    const struct log_files *files;
    char directory[SEGMENT_PATH_BYTES - 64];
    uint32_t segment_bytes;
    struct list all;
    struct segment *newest;
    uint64_t highest;            /* segment number ever tried, in this run or on disk */
    uint64_t spares[SPARES_MAX]; /* names of preallocated files */
    unsigned spare_count;
    uint64_t highest_spare;
    unsigned open_count;
    uint64_t clock; /* counts uses */
    struct segment_header header;
    char header_bytes[SEGMENT_HEADER_BYTES];
};

/* Read the directory and every header. Creates the directory, not a segment. BLOCKS. */
enum status segments_load(struct segments *segments);
void segments_finish(struct segments *segments);
struct segment *segments_find(const struct segments *segments, uint64_t number);

/* Recycle a spare or make a file, and give it a durable header that says where older segments
 * end. On OK *out is open and not yet in the list. *named tells whether a file of that number may
 * exist afterwards, whatever the status. BLOCKS. */
struct segment_plan {
    uint64_t number;
    uint64_t first;
    uint64_t spare; /* name until it has its header */
    bool is_new;    /* to be allocated: there was no spare */
    bool named;
    struct segment *made;
};
/* On the loop: choose the spare and collect the seals. */
void segment_plan(struct segments *segments, struct segment_plan *plan);
enum status segment_make(struct segments *segments, struct segment_plan *plan);
/* On the loop: it is now the newest. */
void segment_adopt(struct segments *segments, struct segment *segment);

/* Allocate one more spare file; its name is *number. BLOCKS. */
enum status segment_make_spare(struct segments *segments, uint64_t number);
/* Give its room back. BLOCKS. */
enum status segment_remove_spare(const struct segments *segments, uint64_t number);
/* The file of a dropped segment becomes the spare (0: is removed), durably. *gone: it no longer has
 * its name, whatever the status. BLOCKS. */
enum status segment_retire(struct segments *segments, uint64_t number, uint64_t spare, bool *gone);
/* Open for reading; -1 and a reason. BLOCKS. */
int segment_open_file(const struct segments *segments, uint64_t number);

/* Harmless when it is not open. */
void segment_close(struct segments *segments, struct segment *segment);
/* Close files nobody reads until few are open. */
void segments_trim_open(struct segments *segments);

#endif
