/* Values of one kind, and what the store knows of messages, lie in the order of the messages' ids.
 * Mail that came to one mailbox one after the other lies together there; where others' mail lies in
 * between, reading on would only cost. Which it is shows by how many of the values read ahead are
 * then asked for. */
#include <stdlib.h>

#include "base/check.h"
#include "store/derived.h"
#include "store/internal.h"

enum { AHEAD_FIRST = 8, AHEAD_LEAST = 4, AHEAD_MOST = 256, AHEAD_BYTES = 64 << 10 };
/* In place of a kind: the messages themselves. */
enum { MESSAGES = 0 };

struct value {
    uint64_t message;
    size_t start, length; /* in the bytes */
};

/* What was read ahead of one kind: all there was from the first message's to the last's. */
struct ahead {
    uint8_t kind;
    struct buffer bytes;
    struct value values[AHEAD_MOST];
    unsigned count, used;
    unsigned room; /* for so many; 0: reading ahead is no use */
    uint64_t first, last;
    uint64_t changes; /* the store's when it was read */
};

struct derived_run {
    struct store *store;
    bool was_asked[DERIVED_KINDS]; /* for one: it may stay the only one */
    struct ahead *kinds[DERIVED_KINDS];
};

struct derived_run *derived_run_new(struct store *store)
{
    struct derived_run *run = calloc(1, sizeof(*run));
    check(run != NULL);
    run->store = store;
    return run;
}

void derived_run_free(struct derived_run **freed)
{
    struct derived_run *run = *freed;
    *freed = NULL;
    for (unsigned kind = 0; kind < DERIVED_KINDS; kind++)
        if (run->kinds[kind] != NULL)
            buffer_finish(&run->kinds[kind]->bytes);
    for (unsigned kind = 0; kind < DERIVED_KINDS; kind++)
        free(run->kinds[kind]);
    free(run);
}

static struct ahead *ahead_new(uint8_t kind)
{
    struct ahead *ahead = calloc(1, sizeof(*ahead));
    check(ahead != NULL);
    ahead->kind = kind;
    buffer_init(&ahead->bytes, AHEAD_BYTES + DERIVED_BYTES_MAX);
    ahead->room = AHEAD_FIRST;
    return ahead;
}

static bool read_one(void *context, struct text key, struct text value)
{
    struct ahead *ahead = context;
    uint64_t message = key_get_u64(key, ahead->kind == MESSAGES ? 0 : 1);
    size_t start = ahead->bytes.length;
    bool is_full = ahead->count == ahead->room || start >= AHEAD_BYTES;
    if (is_full || !buffer_append(&ahead->bytes, value)) {
        ahead->last = ahead->count > 0 ? ahead->values[ahead->count - 1].message : ahead->first - 1;
        return false;
    }
    ahead->values[ahead->count++] = (struct value){message, start, value.length};
    return true;
}

/* Was it worth it the last time? */
static void adapt(struct ahead *ahead)
{
    bool was_used = 2 * ahead->used >= ahead->count;
    if (was_used && ahead->count == ahead->room && ahead->room < AHEAD_MOST)
        ahead->room *= 2;
    else if (!was_used)
        ahead->room = ahead->room > AHEAD_LEAST ? ahead->room / 2 : 0;
}

static void read_ahead(struct derived_run *run, uint64_t message, uint8_t kind)
{
    struct ahead *ahead = run->kinds[kind];
    bool is_derived = kind != MESSAGES;
    struct key from, all;
    adapt(ahead);
    buffer_reset(&ahead->bytes, AHEAD_BYTES);
    ahead->count = ahead->used = 0;
    ahead->first = message;
    ahead->changes = run->store->derived_changes;
    ahead->last = UINT64_MAX; /* unless there turn out to be more */
    if (ahead->room > 0)
        index_scan(run->store->index, is_derived ? key_derived_all(&all, kind) : key_messages(&all),
                   is_derived ? key_derived(&from, message, kind) : key_message(&from, message),
                   read_one, ahead);
}

static const struct value *find(const struct ahead *ahead, uint64_t message)
{
    unsigned low = 0, high = ahead->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (ahead->values[middle].message < message)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ahead->count && ahead->values[low].message == message ? &ahead->values[low] : NULL;
}

static struct text bytes_of(const struct ahead *ahead, const struct value *value)
{
    return text_head(text_from_position(buffer_text(&ahead->bytes), value->start), value->length);
}

/* Is it known from reading ahead whether there is one? NULL: there is none; with every value that
 * is kept since, one may have come. */
static bool look_ahead(struct derived_run *run, uint64_t message, uint8_t kind,
                       const struct value **value)
{
    struct ahead *ahead = run->kinds[kind];
    if (ahead == NULL && !run->was_asked[kind]) {
        run->was_asked[kind] = true;
        return false;
    }
    if (ahead == NULL)
        ahead = run->kinds[kind] = ahead_new(kind);
    if (message < ahead->first || message > ahead->last)
        read_ahead(run, message, kind);
    *value = find(ahead, message);
    ahead->used += *value != NULL;
    bool is_absent =
        ahead->room > 0 && message <= ahead->last && ahead->changes == run->store->derived_changes;
    return *value != NULL || is_absent;
}

bool derived_run_get(struct derived_run *run, uint64_t message, enum derived_kind kind,
                     struct buffer *out)
{
    const struct value *value;
    if (!look_ahead(run, message, (uint8_t)kind, &value))
        return derived_get(run->store, message, kind, out);
    buffer_reset(out, out->capacity);
    return value != NULL && buffer_append(out, bytes_of(run->kinds[kind], value));
}

bool derived_run_message(struct derived_run *run, uint64_t id, struct arena *arena,
                         struct message *out)
{
    const struct value *value = NULL;
    if (!look_ahead(run, id, MESSAGES, &value) || value == NULL)
        return store_message(run->store, id, arena, out);
    return message_decode(arena_copy(arena, bytes_of(run->kinds[MESSAGES], value)), arena, out);
}
