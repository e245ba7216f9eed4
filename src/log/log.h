/* The truth: an append-only, checksummed log in segments of fixed size, with group commit. Records
 * are appended to the pending batch in memory; one task writes and syncs a batch at a time while
 * the next one gathers. Everything else (index, mailboxes, queue, traces) is derived from it.
 *
 * Nothing here knows what a record means: `type` and `payload` belong to the layer above. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"
#include "task/task.h"

struct log;
struct log_files;

/* Records are numbered 1, 2, 3 ... without gaps, in the order of the log, for ever. */
typedef uint64_t log_number;

/* Where bytes of a payload stand. Segment numbers rise for ever; recycling a file gives it a new
 * one. */
struct log_place {
    uint64_t segment;
    uint32_t offset; /* of the first byte, within the segment */
    uint32_t length;
};

enum { LOG_SEGMENT_BYTES = 64 << 20, LOG_PAYLOAD_MAX = 4 << 20 };

struct log_options {
    const char *directory;    /* must exist */
    uint32_t segment_bytes;   /* 0: LOG_SEGMENT_BYTES; tests use small ones */
    unsigned spare_segments;  /* kept preallocated ahead of need; 0: 2 */
    struct task_group *group; /* must outlive the log; its tasks are in groups of the log's own,
                                 which log_close ends, so cancelling this one does no harm */
    const struct log_files *files; /* NULL: the kernel's; see log/file.h */
};

/* What open found out; shown to the administrator. */
struct log_health {
    uint64_t records; /* last number */
    uint64_t segments;
    uint64_t bytes;           /* used in all segments */
    uint64_t torn_bytes;      /* an unfinished tail that was cut off: normal after a crash */
    uint64_t damaged_records; /* bad checksum followed by good records: lost to the medium */
    uint32_t sync_us;         /* how long the last sync took */
    uint64_t syncs, batches, appended; /* since open */
    unsigned spares;                   /* preallocated segments at hand */
    bool space_low; /* a spare could not be made: stop taking mail, so that deletes can be logged */
    bool failing;   /* commits fail at present */
    char reason[256]; /* why, as failing records it */
};

/* Open, take the directory's lock, find the end, cut a torn tail. TRY_LATER when another process
 * holds the lock or the medium fails; REFUSED when the directory holds something else. YIELDS. */
enum status log_open(const struct log_options *options, struct log **out);
/* Commits what is pending, then closes. Accepts NULL. YIELDS. */
void log_close(struct log **log);

/* Where the bytes would stand, were they the payload's bytes from payload_offset on in a record of
 * payload_length appended now. Valid until the next append or yield. Does not yield. */
struct log_place log_place_next(struct log *log, uint32_t payload_length, uint32_t payload_offset,
                                uint32_t length);
/* Add a record, made of `count` pieces joined, to the pending batch. Does not yield and does not
 * fail for lack of space: that shows in log_commit. Returns its number. Total at most
 * LOG_PAYLOAD_MAX. place, when not NULL, receives where the payload stands. */
log_number log_append(struct log *log, uint16_t type, const struct text *pieces, unsigned count,
                      struct log_place *place);
/* The same for a record that nobody is kept waiting by: that it is written may wait this long for
 * one that somebody is, so that one sync does for both. */
enum { LOG_PATIENCE_MS = 5 };
log_number log_append_patient(struct log *log, uint16_t type, const struct text *pieces,
                              unsigned count, struct log_place *place);
/* Until record `number` is on stable storage. OK: it is, and will be found after any crash.
 * TRY_LATER: it is not and never will be (its number is used by a later record); the layer above
 * must forget it. Ask before the task that appended yields: later, the number may already be that
 * of another record. Not ended by cancellation. YIELDS. */
enum status log_commit(struct log *log, log_number number);
/* Bytes appended and not yet durable: for back-pressure. */
size_t log_pending_bytes(const struct log *log);
/* Last number that is durable. */
log_number log_durable(const struct log *log);
/* The number the next record gets. One that has it or a higher one already has failed. */
log_number log_next(const struct log *log);

/* A record as read back. payload is borrowed from the reader until its next step. */
struct log_record {
    log_number number;
    uint16_t type;
    struct text payload;
    struct log_place place; /* of the payload */
};

/* Read every durable record with number >= from, in order. visit returning false ends it (still
 * OK). A damaged record is skipped, logged and counted. Records appended meanwhile may be seen.
 * YIELDS. */
typedef bool log_visit(void *context, const struct log_record *record);
enum status log_replay(struct log *log, log_number from, log_visit *visit, void *context);
/* As log_replay, one segment only (for rewriting live records out of it). YIELDS. */
enum status log_replay_segment(struct log *log, uint64_t segment, log_visit *visit, void *context);

/* Read payload bytes. `out` has room for place.length. TRY_LATER on an I/O error; REFUSED when the
 * segment was dropped. Not held against a checksum: see log_check. YIELDS. */
enum status log_read(struct log *log, struct log_place place, char *out);
/* The record with this whole payload is as it was written: it is read and held against its
 * checksum, unless that was done lately. What has no checksum of its own, as a part of a message,
 * is checked by this before it is read. TRY_LATER: damaged (logged), or as log_read. REFUSED: as
 * log_read. YIELDS. */
enum status log_check(struct log *log, struct log_place payload);
/* Append this part of the record with that whole payload, as log_check and log_read do, but in one
 * go where out has room for LOG_READ_SLACK bytes more than the payload has. REFUSED: also when it
 * has none for the part. YIELDS; out is not to be changed meanwhile. */
enum { LOG_READ_SLACK = 64 };
enum status log_read_checked(struct log *log, struct log_place payload, struct log_place part,
                             struct buffer *out);

/* Oldest and newest segment; the newest is being written and can't be dropped. */
uint64_t log_first_segment(const struct log *log);
uint64_t log_last_segment(const struct log *log);
/* Number of the oldest record still there; 0 when its segment's header is damaged. */
log_number log_first_record(const struct log *log);
/* The segments that exist, ascending, at most `most`; returns how many. */
unsigned log_segments(const struct log *log, uint64_t *out, unsigned most);
/* The layer above needs nothing of this sealed segment any more: its file is recycled. Readers
 * inside finish first. YIELDS. */
enum status log_drop_segment(struct log *log, uint64_t segment);
/* The medium is short of room: remove the files that are kept only because to write over one costs
 * less than to write to a new one. YIELDS. */
enum status log_trim_spares(struct log *log);

/* Check every record of every segment against its checksum. `report` gets one line per finding.
 * YIELDS. */
enum status log_verify(struct log *log, void (*report)(void *context, const char *line),
                       void *context);
struct log_health log_health_now(const struct log *log);

/* Read the records in raw segment bytes, less than 2 GiB; for tests and the fuzz target. Returns
 * the offset behind the last good record. */
uint32_t log_scan_bytes(struct text segment_bytes, log_visit *visit, void *context);

#endif
