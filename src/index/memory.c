/* The index in memory. For tests and the simulation, which need nothing to survive, and while the
 * disk is too full for RocksDB; a scan walks a copy of what it will show, so that the visitor may
 * change the index. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "index/engine.h"
#include "index/sorted.h"

struct memory {
    struct index index;
    struct sorted keys;
};

static void memory_close(struct index *index)
{
    struct memory *memory = (struct memory *)index;
    sorted_finish(&memory->keys);
    free(memory);
}

static bool memory_get(struct index *index, struct text key, struct buffer *out)
{
    const struct sorted_key *found = sorted_find(&((struct memory *)index)->keys, key);
    return found != NULL && buffer_append(out, found->value);
}

struct shown {
    struct shown *next;
    struct text key, value;
};

static void memory_scan(struct index *index, struct text prefix, struct text from,
                        index_visit *visit, void *context)
{
    struct arena arena;
    struct shown *first = NULL, **end = &first;
    arena_init(&arena);
    for (const struct sorted_key *key = sorted_seek(&((struct memory *)index)->keys,
                                                    text_compare(from, prefix) > 0 ? from : prefix);
         key != NULL && text_starts_with(key->key, prefix); key = key->next[0]) {
        struct shown *shown = *end = arena_alloc(&arena, sizeof(*shown));
        *shown = (struct shown){.key = arena_copy(&arena, key->key),
                                .value = arena_copy(&arena, key->value)};
        end = &shown->next;
    }
    while (first != NULL && visit(context, first->key, first->value))
        first = first->next;
    arena_finish(&arena);
}

static enum status memory_settle(struct index *index)
{
    unused(index);
    return OK;
}

static enum status memory_flush(struct index *index)
{
    unused(index);
    return OK;
}

static enum status memory_apply(struct index *index, struct text changes)
{
    struct sorted *keys = &((struct memory *)index)->keys;
    struct index_change change;
    while (index_change_next(&changes, &change))
        if (change.is_delete)
            sorted_remove(keys, change.key);
        else
            sorted_put(keys, change.key, change.value);
    return OK;
}

static const struct index_engine memory_engine = {
    .close = memory_close,
    .get = memory_get,
    .scan = memory_scan,
    .settle = memory_settle,
    .flush = memory_flush,
    .apply = memory_apply,
};

struct index *memory_open(void)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    check(memory != NULL);
    memory->index.engine = &memory_engine;
    sorted_init(&memory->keys);
    return &memory->index;
}
