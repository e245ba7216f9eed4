/* Raw segment bytes. The fuzzer's input is a segment as it is, or a recipe: a good segment is made
 * from it and then scrambled, because nobody finds a checksum by chance.
 *
 * Oracle: no offset past the input; every visited record lies inside, its checksum computes again,
 * numbers rise; a second scan sees the same; and of a recipe, only what was written is seen. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/wire.h"
#include "log/record.h"

enum { SEGMENT_BYTES = 64 << 10, WRITTEN_MAX = 64 };

struct judge {
    struct text bytes;
    uint64_t seed;
    uint64_t last;
    uint64_t sum;
    uint32_t end;
    struct log_place written[WRITTEN_MAX + 1]; /* by number; length of the payload */
    bool is_recipe;
};

static bool judge_record(void *context, const struct log_record *record)
{
    struct judge *judge = context;
    check(record->number > judge->last);
    judge->last = record->number;
    check(record->place.length == record->payload.length);
    check(record->place.offset >= SEGMENT_HEADER_BYTES + RECORD_HEAD_BYTES);
    check(record->place.offset <= judge->bytes.length &&
          record->place.length <= judge->bytes.length - record->place.offset);
    check(record->payload.data == judge->bytes.data + record->place.offset);
    check(record->place.offset > judge->end);
    judge->end = record->place.offset + record->place.length - 1;

    const char *head = record->payload.data - RECORD_HEAD_BYTES;
    uint64_t checksum;
    memcpy(&checksum, head, sizeof(checksum));
    check(checksum ==
          hash_checksum_more(judge->seed,
                             text_of(head + 8, RECORD_HEAD_BYTES - 8 + record->payload.length)));
    judge->sum += checksum;
    if (judge->is_recipe) {
        check(record->number <= WRITTEN_MAX);
        const struct log_place *written = &judge->written[record->number];
        check(written->offset == record->place.offset && written->length == record->place.length);
    }
    return true;
}

static void judge_bytes(struct judge *judge)
{
    struct segment_header header = {0};
    if (judge->bytes.length >= SEGMENT_HEADER_BYTES &&
        segment_header_read(&header, judge->bytes.data))
        judge->seed = header.seed;
    uint32_t end = log_scan_bytes(judge->bytes, judge_record, judge);
    check(end <= judge->bytes.length);
    uint64_t sum = judge->sum;
    judge->sum = judge->last = 0;
    judge->end = 0;
    check(log_scan_bytes(judge->bytes, judge_record, judge) == end && judge->sum == sum);
}

/* Records as the recipe says: payload length and whether a batch ends, until told to stop. */
static uint32_t write_records(struct judge *judge, struct wire_reader *recipe, char *out)
{
    struct record_head head = {.segment = 3, .number = 1, .type = 1};
    uint32_t at = SEGMENT_HEADER_BYTES;
    for (; head.number <= WRITTEN_MAX && !recipe->bad; head.number++) {
        uint8_t what = wire_get_u8(recipe);
        head.length = wire_get_u8(recipe) * (what & 7u);
        if ((what & 0x80) != 0 || at + RECORD_HEAD_BYTES + head.length > SEGMENT_BYTES)
            break;
        memset(out + at + RECORD_HEAD_BYTES, what, head.length);
        record_head_write(&head, out + at);
        record_finish(out + at, judge->seed);
        judge->written[head.number] =
            (struct log_place){.offset = at + RECORD_HEAD_BYTES, .length = head.length};
        head.ordinal++;
        at = record_align(at + RECORD_HEAD_BYTES + head.length);
        if ((what & 8) != 0) {
            at = block_align(at);
            head.ordinal = 0;
        }
    }
    return at;
}

static void scramble(struct wire_reader *recipe, char *out, uint32_t length)
{
    while (recipe->rest.length > 0 && !recipe->bad) {
        uint32_t at = wire_get_u16(recipe) % length;
        struct text bytes = text_head(recipe->rest, wire_get_u8(recipe) % 64);
        if (bytes.length > length - at)
            bytes.length = length - at;
        memcpy(out + at, bytes.data, bytes.length);
        recipe->rest = text_from_position(recipe->rest, bytes.length);
    }
}

static void judge_recipe(struct text input)
{
    struct wire_reader recipe = wire_reader_of(input);
    char *out = calloc(1, SEGMENT_BYTES);
    check(out != NULL);
    struct judge judge = {.seed = 0x123456789abcdef0, .is_recipe = true};
    struct segment_header header = {
        .segment = 3, .first = 1, .seed = judge.seed, .bytes = SEGMENT_BYTES};
    segment_header_write(&header, out);
    uint32_t length = write_records(&judge, &recipe, out);
    /* Of the header one copy stays, or the seed is the fuzzer's. */
    if (length > SEGMENT_BLOCK_BYTES)
        scramble(&recipe, out + SEGMENT_BLOCK_BYTES, length - SEGMENT_BLOCK_BYTES);
    judge.bytes = text_of(out, length);
    judge_bytes(&judge);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] % 2 == 1) {
        judge_recipe(text_of(data + 1, size - 1));
        return 0;
    }
    struct judge judge = {.bytes = text_of(data, size)};
    judge_bytes(&judge);
    return 0;
}
