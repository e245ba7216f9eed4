/* Segment headers and record heads to bytes and back, and the scan that finds good records. */
#include "log/record.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum { RECORD_MAGIC = 0x6c726d72, RECORD_FORMAT = 1, HEADER_FORMAT = 1 };
static const char header_magic[8] = "mailrseg";

struct header_on_disk {
    uint64_t checksum; /* of the rest of the block */
    char magic[8];
    uint64_t segment;
    uint64_t first;
    uint64_t seed;
    uint32_t format;
    uint32_t bytes;
    uint32_t seal_count;
    uint32_t unused;
    struct {
        uint64_t segment;
        uint32_t end;
        uint32_t unused;
    } seals[SEALS_MAX];
};
_Static_assert(sizeof(struct header_on_disk) <= SEGMENT_BLOCK_BYTES, "a header fits its block");

struct head_on_disk {
    uint64_t checksum; /* of the rest of the head, and the payload */
    uint32_t magic;
    uint32_t length;
    uint16_t type;
    uint16_t format;
    uint32_t ordinal;
    uint64_t number;
    uint64_t segment;
};
_Static_assert(sizeof(struct head_on_disk) == RECORD_HEAD_BYTES, "no padding");

static uint64_t checksum_behind(const char *at, size_t length, uint64_t seed)
{
    return hash_checksum_more(seed, text_of(at + sizeof(uint64_t), length - sizeof(uint64_t)));
}

void segment_header_write(const struct segment_header *header, char *out)
{
    memset(out, 0, SEGMENT_HEADER_BYTES);
    struct header_on_disk *disk = (struct header_on_disk *)(void *)out;
    memcpy(disk->magic, header_magic, sizeof(disk->magic));
    disk->segment = htole64(header->segment);
    disk->first = htole64(header->first);
    disk->seed = htole64(header->seed);
    disk->format = htole32(HEADER_FORMAT);
    disk->bytes = htole32(header->bytes);
    disk->seal_count = htole32(header->seal_count);
    check(header->seal_count <= SEALS_MAX);
    for (uint32_t i = 0; i < header->seal_count; i++) {
        disk->seals[i].segment = htole64(header->seals[i].segment);
        disk->seals[i].end = htole32(header->seals[i].end);
    }
    disk->checksum = htole64(checksum_behind(out, SEGMENT_BLOCK_BYTES, 0));
    memcpy(out + SEGMENT_BLOCK_BYTES, out, SEGMENT_BLOCK_BYTES);
}

/* Whole, and a header; of whatever format. */
static const struct header_on_disk *header_copy(const char *block)
{
    uint64_t checksum;
    memcpy(&checksum, block, sizeof(checksum));
    const struct header_on_disk *disk = (const struct header_on_disk *)(const void *)block;
    bool is_whole = le64toh(checksum) == checksum_behind(block, SEGMENT_BLOCK_BYTES, 0);
    return is_whole && memcmp(disk->magic, header_magic, sizeof(header_magic)) == 0 ? disk : NULL;
}

static bool header_copy_read(struct segment_header *header, const char *block)
{
    const struct header_on_disk *disk = header_copy(block);
    if (disk == NULL || le32toh(disk->format) != HEADER_FORMAT ||
        le32toh(disk->seal_count) > SEALS_MAX || disk->first == 0)
        return false;
    header->segment = le64toh(disk->segment);
    header->first = le64toh(disk->first);
    header->seed = le64toh(disk->seed);
    header->bytes = le32toh(disk->bytes);
    header->seal_count = le32toh(disk->seal_count);
    for (uint32_t i = 0; i < header->seal_count; i++)
        header->seals[i] = (struct segment_seal){.segment = le64toh(disk->seals[i].segment),
                                                 .end = le32toh(disk->seals[i].end)};
    return true;
}

bool segment_header_read(struct segment_header *header, const char *bytes)
{
    return header_copy_read(header, bytes) || header_copy_read(header, bytes + SEGMENT_BLOCK_BYTES);
}

bool segment_header_is_newer(const char *bytes)
{
    for (int copy = 0; copy < 2; copy++) {
        const struct header_on_disk *disk = header_copy(bytes + copy * SEGMENT_BLOCK_BYTES);
        if (disk != NULL && le32toh(disk->format) > HEADER_FORMAT)
            return true;
    }
    return false;
}

/* Derived from the seed: nobody can fill a message with heads that are worth a checksum, to make
 * the scan of a torn tail slow. */
static uint32_t record_magic(uint64_t seed)
{
    return htole32(RECORD_MAGIC ^ (uint32_t)(seed >> 32));
}

void record_head_write(const struct record_head *head, char *at)
{
    struct head_on_disk disk = {
        .length = htole32(head->length),
        .type = htole16(head->type),
        .format = htole16(RECORD_FORMAT),
        .ordinal = htole32(head->ordinal),
        .number = htole64(head->number),
        .segment = htole64(head->segment),
    };
    memcpy(at, &disk, sizeof(disk));
}

uint32_t record_finish(char *at, uint64_t seed)
{
    struct head_on_disk disk;
    memcpy(&disk, at, sizeof(disk));
    disk.magic = record_magic(seed);
    memcpy(at, &disk, sizeof(disk));
    uint32_t length = RECORD_HEAD_BYTES + le32toh(disk.length);
    disk.checksum = htole64(checksum_behind(at, length, seed));
    memcpy(at, &disk.checksum, sizeof(disk.checksum));
    return length;
}

bool record_is_good(const char *at, struct log_place payload, uint64_t seed)
{
    struct head_on_disk disk;
    memcpy(&disk, at, sizeof(disk));
    return disk.magic == record_magic(seed) && le64toh(disk.segment) == payload.segment &&
           le32toh(disk.length) == payload.length &&
           le64toh(disk.checksum) == checksum_behind(at, RECORD_HEAD_BYTES + payload.length, seed);
}

struct scan scan_of(struct scan_source *source, const struct segment_header *header)
{
    return (struct scan){.source = source,
                         .segment = header->segment,
                         .seed = header->seed,
                         .last = header->first - 1,
                         .durable = header->first - 1,
                         .end = SEGMENT_HEADER_BYTES};
}

/* What a head must say before it is worth computing a checksum. */
static bool head_is_plausible(const struct scan *scan, const struct head_on_disk *disk,
                              uint32_t room)
{
    return disk->magic == record_magic(scan->seed) && disk->segment == htole64(scan->segment) &&
           disk->format == htole16(RECORD_FORMAT) && le32toh(disk->length) <= LOG_PAYLOAD_MAX &&
           le32toh(disk->length) <= room - RECORD_HEAD_BYTES &&
           le64toh(disk->number) > scan->last && le32toh(disk->ordinal) < le64toh(disk->number);
}

/* First place from offset on where a plausible head stands; source->length when there is none. */
static uint32_t find_head(struct scan *scan, uint32_t offset, struct head_on_disk *disk)
{
    enum { STRIDE = 16 * SEGMENT_BLOCK_BYTES };
    uint32_t length = scan->source->length;
    while (offset < length && length - offset >= RECORD_HEAD_BYTES) {
        uint32_t span = length - offset < STRIDE ? length - offset : STRIDE;
        const char *bytes = scan->source->view(scan->source, offset, span);
        if (bytes == NULL) {
            scan->unreadable = true;
            return length;
        }
        uint32_t at = 0;
        for (; at + RECORD_HEAD_BYTES <= span; at += RECORD_ALIGNMENT) {
            memcpy(disk, bytes + at, sizeof(*disk));
            if (head_is_plausible(scan, disk, length - offset - at))
                return offset + at;
        }
        offset += at;
    }
    return length;
}

bool scan_next(struct scan *scan, struct log_record *record)
{
    struct head_on_disk disk;
    uint32_t length = scan->source->length;
    uint32_t offset = find_head(scan, record_align(scan->end), &disk);
    for (; offset < length; offset = find_head(scan, offset + RECORD_ALIGNMENT, &disk)) {
        uint32_t payload_length = le32toh(disk.length);
        const char *bytes =
            scan->source->view(scan->source, offset, RECORD_HEAD_BYTES + payload_length);
        if (bytes == NULL) {
            scan->unreadable = true;
            return false;
        }
        if (le64toh(disk.checksum) !=
            checksum_behind(bytes, RECORD_HEAD_BYTES + payload_length, scan->seed))
            continue;
        uint64_t number = le64toh(disk.number);
        *record = (struct log_record){
            .number = number,
            .type = le16toh(disk.type),
            .payload = text_of(bytes + RECORD_HEAD_BYTES, payload_length),
            .place = {.segment = scan->segment,
                      .offset = offset + RECORD_HEAD_BYTES,
                      .length = payload_length},
        };
        if (number - le32toh(disk.ordinal) - 1 > scan->durable)
            scan->durable = number - le32toh(disk.ordinal) - 1;
        scan->last = number;
        scan->end = offset + RECORD_HEAD_BYTES + payload_length;
        return true;
    }
    return false;
}

/* Bytes of a record that was begun at or behind `end` and has a bad checksum, to be reported. */
static uint32_t unfinished_bytes(struct scan *scan)
{
    uint32_t places[] = {record_align(scan->end), block_align(scan->end)};
    for (unsigned i = 0; i < 2; i++) {
        uint32_t room = scan->source->length - places[i];
        if (places[i] >= scan->source->length || room < RECORD_HEAD_BYTES)
            continue;
        struct head_on_disk disk;
        const char *bytes = scan->source->view(scan->source, places[i], RECORD_HEAD_BYTES);
        if (bytes == NULL)
            continue;
        memcpy(&disk, bytes, sizeof(disk));
        if (head_is_plausible(scan, &disk, room))
            return places[i] - scan->end + RECORD_HEAD_BYTES + le32toh(disk.length);
    }
    return 0;
}

struct scan_end scan_find_end(struct scan_source *source, const struct segment_header *header)
{
    struct scan scan = scan_of(source, header), before = scan, cut = scan;
    struct log_record record;
    uint64_t good = 0, good_at_cut = 0;
    bool torn = false;
    for (; scan_next(&scan, &record); before = scan, good++) {
        /* A later batch was begun, so what is missing had been durable: damage. */
        if (torn && scan.durable > cut.last)
            torn = false;
        if (!torn && record.number != before.last + 1 && scan.durable <= before.last) {
            torn = true;
            cut = before;
            good_at_cut = good;
        }
    }
    if (!torn) {
        cut = scan;
        good_at_cut = good;
    }
    uint32_t unfinished = scan.unreadable ? 0 : unfinished_bytes(&scan);
    return (struct scan_end){
        .end = cut.end,
        .last = cut.last,
        .damaged = cut.last - (header->first - 1) - good_at_cut,
        .torn = scan.end - cut.end + unfinished,
        .dirty = scan.end,
        .unreadable = scan.unreadable,
    };
}

struct memory_source {
    struct scan_source source;
    struct text bytes;
};

static const char *memory_view(struct scan_source *source, uint32_t offset, uint32_t length)
{
    const struct memory_source *memory = (const struct memory_source *)source;
    check(offset <= memory->bytes.length && length <= memory->bytes.length - offset);
    return memory->bytes.data + offset;
}

uint32_t log_scan_bytes(struct text segment_bytes, log_visit *visit, void *context)
{
    struct segment_header header;
    check(segment_bytes.length <= UINT32_MAX / 2);
    if (segment_bytes.length < SEGMENT_HEADER_BYTES ||
        !segment_header_read(&header, segment_bytes.data))
        return 0;
    struct memory_source memory = {.source.view = memory_view, .bytes = segment_bytes};
    memory.source.length = (uint32_t)segment_bytes.length;
    memory.source.length = scan_find_end(&memory.source, &header).end;
    struct scan scan = scan_of(&memory.source, &header);
    struct log_record record;
    while (scan_next(&scan, &record))
        if (!visit(context, &record))
            break;
    return scan.end;
}
