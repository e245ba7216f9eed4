/* Records of the log, as a damaged or forged medium has them: decoded, encoded again, and applied
 * twice to an empty store. Both must end with the same index, and verify's promise is that nothing
 * but the records matters. */
#include "base/check.h"
#include "base/logline.h"
#include "store/internal.h"

static void check_round_trip(struct text operations)
{
    struct arena arena;
    struct operation operation;
    struct change change;
    bool bad;
    arena_init(&arena);
    change_init(&change);
    while (change_next(&operations, &arena, &operation, &bad))
        change_add(&change, &operation);
    struct text again = buffer_text(&change.operations);
    struct change second;
    change_init(&second);
    while (change_next(&again, &arena, &operation, &bad))
        change_add(&second, &operation);
    check(!bad);
    check(text_equals(buffer_text(&change.operations), buffer_text(&second.operations)));
    change_finish(&change);
    change_finish(&second);
    arena_finish(&arena);
}

/* The bytes are a run of records, each behind a u16 length. */
static void apply_all(struct store *store, struct text rest)
{
    log_number number = 0;
    while (rest.length >= 2) {
        size_t length = (size_t)((unsigned char)rest.data[0] << 8 | (unsigned char)rest.data[1]);
        struct text payload = text_head(text_from_position(rest, 2), length);
        rest = text_from_position(rest, 2 + length);
        struct change_reading reading;
        if (!change_read(payload, &reading))
            continue;
        check_round_trip(reading.operations);
        struct log_place place = {
            .segment = 1 + number / 3, .offset = 64, .length = (uint32_t)payload.length};
        store_apply(store, ++number, place, &reading, reading.operations);
    }
}

struct sum {
    uint64_t keys, live, bytes;
};

static bool add_up(void *context, struct text key, struct text value)
{
    struct sum *sum = context;
    struct wire_reader in = wire_reader_of(value);
    sum->keys++;
    sum->bytes += key.length * 31 + value.length;
    if (key.data[0] == 's')
        sum->live += wire_get_u64(&in);
    return true;
}

static struct sum apply_to_new(struct text bytes)
{
    struct sum sum = {0};
    struct store *store = store_new();
    check(index_open(NULL, &store->index) == OK);
    store->batch = index_batch_new(store->index);
    apply_all(store, bytes);
    index_scan(store->index, TEXT(""), TEXT(""), add_up, &sum);
    check(sum.live == store->live_bytes);
    index_batch_free(&store->batch);
    index_close(&store->index);
    store_free(&store);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_setup("fuzz", LOG_LEVEL_ERROR + 1);
    struct sum first = apply_to_new(text_of(data, size));
    struct sum second = apply_to_new(text_of(data, size));
    check(first.keys == second.keys && first.bytes == second.bytes && first.live == second.live);
    return 0;
}
