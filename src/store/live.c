/* How many bytes of each log segment are still needed: a sorted array in memory and a key each. */
#include <string.h>

#include "base/array.h"
#include "store/internal.h"

/* Place of a segment, or where it belongs. */
static unsigned find(const struct store *store, uint64_t segment)
{
    unsigned low = 0, high = store->live_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (store->live[middle].segment < segment)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct live_segment *find_or_make(struct store *store, uint64_t segment)
{
    unsigned at = find(store, segment);
    if (at < store->live_count && store->live[at].segment == segment)
        return &store->live[at];
    store->live = array_grow(store->live, store->live_count, sizeof(*store->live));
    memmove(&store->live[at + 1], &store->live[at],
            (store->live_count - at) * sizeof(*store->live));
    store->live_count++;
    store->live[at] = (struct live_segment){.segment = segment};
    return &store->live[at];
}

void live_add(struct store *store, uint64_t segment, int64_t bytes)
{
    struct live_segment *live = find_or_make(store, segment);
    /* Never below nothing: what a forged record says must not turn into a huge count. */
    if (bytes < 0 && (uint64_t)-bytes > live->bytes)
        bytes = -(int64_t)live->bytes;
    live->bytes += (uint64_t)bytes;
    live->changed = true;
    store->live_bytes += (uint64_t)bytes;
}

uint64_t live_of(struct store *store, uint64_t segment)
{
    unsigned at = find(store, segment);
    bool known = at < store->live_count && store->live[at].segment == segment;
    return known ? store->live[at].bytes : 0;
}

void live_put(struct store *store)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < store->live_count; i++) {
        struct live_segment *live = &store->live[i];
        if (live->changed) {
            struct key key;
            char value[8];
            for (unsigned byte = 0; byte < 8; byte++)
                value[byte] = (char)(live->bytes >> (56 - 8 * byte));
            if (live->bytes > 0)
                index_batch_put(store->batch, key_segment(&key, live->segment), text_of(value, 8));
            else
                index_batch_delete(store->batch, key_segment(&key, live->segment));
            live->changed = false;
        }
        if (live->bytes > 0)
            store->live[kept++] = *live;
    }
    store->live_count = kept;
}

static bool load_one(void *context, struct text key, struct text value)
{
    struct store *store = context;
    struct wire_reader in = wire_reader_of(value);
    live_add(store, key_get_u64(key, 0), (int64_t)wire_get_u64(&in));
    return true;
}

void live_load(struct store *store)
{
    index_scan(store->index, TEXT("s"), TEXT(""), load_one, store);
    for (unsigned i = 0; i < store->live_count; i++)
        store->live[i].changed = false;
}
