#include "queue/filter/memory.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/value.h"

#define PREFIX "memory/"

enum { SWEEP_ONE_IN = 64, SWEPT_MOST = 200 };

static struct text value_name(const struct memory *memory, struct arena *arena)
{
    return arena_printf(arena, PREFIX "%c/%016llx", memory->kind,
                        (unsigned long long)hash_checksum(memory->key));
}

static struct text pending_name(struct text owner, struct text name, struct arena *arena)
{
    return arena_printf(arena, "%.*s\n%.*s", TEXT_ARG(owner), TEXT_ARG(name));
}

static int64_t until_of(struct text value)
{
    struct wire_reader in = wire_reader_of(value);
    int64_t until_ms = (int64_t)wire_get_u64(&in);
    return wire_end(&in) ? until_ms : 0;
}

bool memory_has(struct queue *queue, const struct memory *memory, int64_t now_ms)
{
    struct arena arena;
    struct buffer value;
    arena_init(&arena);
    buffer_init(&value, 256);
    struct text name = value_name(memory, &arena);
    bool has = map_get(queue->remembering, pending_name(memory->owner, name, &arena)) != NULL ||
               (value_get(queue->store, memory->owner, name, &value) &&
                until_of(buffer_text(&value)) > now_ms);
    buffer_finish(&value);
    arena_finish(&arena);
    return has;
}

/* Forgetting: now and then an owner's memories are looked through. */

struct sweep {
    struct queue *queue;
    struct change *change;
    struct arena *arena;
    struct text owner;
    int64_t now_ms;
    unsigned swept;
    bool any; /* there are too many: whichever comes first goes, and names are in no order */
};

static bool count_one(void *context, struct text name, struct text value)
{
    unused(name);
    unused(value);
    return ++*(unsigned *)context < MEMORIES_MOST;
}

static bool sweep_one(void *context, struct text name, struct text value)
{
    struct sweep *sweep = context;
    struct text pending = pending_name(sweep->owner, name, sweep->arena);
    bool is_over = sweep->any || until_of(value) <= sweep->now_ms;
    if (is_over && map_get(sweep->queue->remembering, pending) == NULL) {
        value_compose(sweep->change, sweep->owner, name, TEXT(""));
        sweep->swept++;
    }
    return sweep->swept < SWEPT_MOST;
}

static void look_through(struct queue *queue, struct change *change, struct text owner)
{
    struct arena arena;
    unsigned count = 0;
    arena_init(&arena);
    value_each(queue->store, owner, TEXT(PREFIX), count_one, &count);
    struct sweep sweep = {.queue = queue,
                          .change = change,
                          .arena = &arena,
                          .owner = owner,
                          .now_ms = clock_wall_ms(),
                          .any = count >= MEMORIES_MOST};
    value_each(queue->store, owner, TEXT(PREFIX), sweep_one, &sweep);
    arena_finish(&arena);
}

struct text memory_compose(struct queue *queue, struct change *change, struct arena *arena,
                           const struct memory *memory, int64_t until_ms)
{
    struct buffer value;
    struct text name = value_name(memory, arena);
    struct text pending = pending_name(memory->owner, name, arena);
    buffer_init(&value, 16);
    wire_put_u64(&value, (uint64_t)until_ms);
    value_compose(change, memory->owner, name, buffer_text(&value));
    buffer_finish(&value);
    map_put(queue->remembering, pending, queue);
    if (random_below(SWEEP_ONE_IN) == 0)
        look_through(queue, change, memory->owner);
    return pending;
}

void memory_settled(struct queue *queue, struct text name)
{
    map_remove(queue->remembering, name);
}
