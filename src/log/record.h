/* What stands in a segment file, byte by byte. Included only from log/.
 *
 *   block 0   segment header          all integers little-endian
 *   block 1   the same, a copy        (one bad block must not cost a segment)
 *   then      batches, each starting on a block, padded with zeros to a block
 *   batch     records, each on a multiple of 8
 *   record    checksum 8, magic 4, length 4, type 2, format 2, ordinal 4, number 8, segment 8,
 *             payload
 *
 * The checksum is seeded with the segment's random seed. So a record left over from the file's
 * life before is not taken for one of this life, and no sender of mail can write a message that
 * looks like a record. `ordinal` is the record's place in its batch: a batch is begun only when
 * the one before is durable, so every number below a good record's `number - ordinal` was durable
 * once. That tells damage (such a number is missing) from a torn tail (only numbers of the last
 * batch are). */
#ifndef LOG_RECORD_H
#define LOG_RECORD_H

#include "log/log.h"

enum {
    SEGMENT_BLOCK_BYTES = 4096,
    SEGMENT_HEADER_BYTES = 2 * SEGMENT_BLOCK_BYTES,
    RECORD_HEAD_BYTES = 40,
    RECORD_ALIGNMENT = 8,
    SEALS_MAX = 200,
};

/* A segment whose bytes from `end` on are void: a batch failed there. */
struct segment_seal {
    uint64_t segment;
    uint32_t end;
};

struct segment_header {
    uint64_t segment;
    uint64_t first; /* number of its first record */
    uint64_t seed;
    uint32_t bytes; /* size of the file */
    uint32_t seal_count;
    struct segment_seal seals[SEALS_MAX]; /* of older segments; the newest segment's list counts */
};

/* out has SEGMENT_HEADER_BYTES. */
void segment_header_write(const struct segment_header *header, char *out);
/* False when both copies are bad. */
bool segment_header_read(struct segment_header *header, const char *bytes);
/* A later version wrote it, in a form that this one does not know. */
bool segment_header_is_newer(const char *bytes);

struct record_head {
    uint64_t number;
    uint64_t segment;
    uint32_t length; /* of the payload */
    uint32_t ordinal;
    uint16_t type;
};

/* Write the head in front of its payload. */
void record_head_write(const struct record_head *head, char *at);
/* Add what depends on the segment's seed: magic and checksum, over the payload too. Returns the
 * bytes of head and payload. */
uint32_t record_finish(char *at, uint64_t seed);

/* The bytes at `at`, head and payload, are those of a good record whose payload stands here. */
bool record_is_good(const char *at, struct log_place payload, uint64_t seed);

static inline uint32_t record_align(uint32_t offset)
{
    return (offset + RECORD_ALIGNMENT - 1) & ~(uint32_t)(RECORD_ALIGNMENT - 1);
}

static inline uint32_t block_align(uint32_t offset)
{
    return (offset + SEGMENT_BLOCK_BYTES - 1) & ~(uint32_t)(SEGMENT_BLOCK_BYTES - 1);
}

/* Bytes to scan, in memory or in a file. view returns `length` bytes at `offset`, valid until the
 * next call, or NULL when they cannot be read (the scan then ends, with `unreadable` set). */
struct scan_source {
    const char *(*view)(struct scan_source *source, uint32_t offset, uint32_t length);
    uint32_t length;
};

/* A walk over the good records of one segment. */
struct scan {
    struct scan_source *source;
    uint64_t segment;
    uint64_t seed;
    uint64_t last;    /* number of the last good record; below the first at the start */
    uint64_t durable; /* numbers up to here were durable once, good or not */
    uint32_t end;     /* behind the last good record */
    bool unreadable;
};

struct scan scan_of(struct scan_source *source, const struct segment_header *header);
/* The next good record, wherever it stands. False at the end. record->payload is borrowed from the
 * source. May YIELD when the source does. */
bool scan_next(struct scan *scan, struct log_record *record);

/* Where the good part of the newest segment ends. */
struct scan_end {
    uint32_t end;     /* behind the last record that counts */
    uint64_t last;    /* its number */
    uint64_t damaged; /* records lost before it */
    uint32_t torn;    /* bytes of an unfinished batch behind `end` */
    uint32_t dirty;   /* good records of that batch reach up to here: erase from end to dirty */
    bool unreadable;
};
struct scan_end scan_find_end(struct scan_source *source, const struct segment_header *header);

#endif
