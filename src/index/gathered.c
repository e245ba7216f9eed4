#include "index/gathered.h"

#include "base/memory.h"
#include "index/engine.h"

/* Marks of keys here. */
enum {
    IS_GONE = 1,      /* to be deleted from the engine */
    IS_ONLY_HERE = 2, /* the engine has no such key */
};

void gathered_init(struct gathered *gathered)
{
    *gathered = (struct gathered){0};
    sorted_init(&gathered->keys);
    list_init(&gathered->walks);
}

static void draw(struct gathered *gathered)
{
    size_t bytes = gathered->keys.bytes;
    if (bytes > gathered->drawn)
        memory_draw(bytes - gathered->drawn);
    else
        memory_give_back(gathered->drawn - bytes);
    gathered->drawn = bytes;
}

void gathered_finish(struct gathered *gathered)
{
    sorted_clear(&gathered->keys);
    draw(gathered);
    sorted_finish(&gathered->keys);
}

static uint64_t *last_of(struct gathered *gathered, struct text key)
{
    return &gathered->last[(unsigned char)key.data[0]];
}

void gathered_note_written(struct gathered *gathered, struct text key)
{
    uint64_t beginning = sorted_beginning(key), *last = last_of(gathered, key);
    if (*last < beginning)
        *last = beginning;
}

/* The engine surely has no such key. */
static bool is_behind_all(const struct gathered *gathered, struct text key)
{
    return sorted_beginning(key) > gathered->last[(unsigned char)key.data[0]];
}

static void put(struct gathered *gathered, struct text key, struct text value)
{
    size_t before = gathered->keys.count;
    struct sorted_key *here = sorted_put(&gathered->keys, key, value);
    here->marks &= ~(unsigned)IS_GONE;
    if (gathered->keys.count > before && is_behind_all(gathered, key))
        here->marks |= IS_ONLY_HERE;
}

static void take_out(struct gathered *gathered, struct text key)
{
    const struct sorted_key *here = sorted_find(&gathered->keys, key);
    bool is_nowhere_else =
        here == NULL ? is_behind_all(gathered, key) : (here->marks & IS_ONLY_HERE) != 0;
    if (!is_nowhere_else)
        sorted_put(&gathered->keys, key, TEXT(""))->marks |= IS_GONE;
    else if (here != NULL)
        sorted_remove(&gathered->keys, key);
}

size_t gathered_bytes(const struct gathered *gathered)
{
    return gathered->keys.bytes;
}

enum gathered_answer gathered_get(const struct gathered *gathered, struct text key,
                                  struct buffer *out)
{
    const struct sorted_key *here = sorted_find(&gathered->keys, key);
    if (here == NULL)
        return is_behind_all(gathered, key) ? GATHERED_NOWHERE : GATHERED_UNKNOWN;
    if (here->marks & IS_GONE)
        return GATHERED_NOWHERE;
    buffer_append(out, here->value);
    return GATHERED_HERE;
}

static struct gathered_key *copy_next(struct gathered_walk *walk)
{
    const struct sorted_key *here = walk->at;
    if (here == NULL || !text_starts_with(here->key, walk->prefix))
        return NULL;
    walk->at = here->next[0];
    struct gathered_key *copy = arena_alloc(&walk->arena, sizeof(*copy));
    *copy = (struct gathered_key){.key = arena_copy(&walk->arena, here->key),
                                  .value = arena_copy(&walk->arena, here->value),
                                  .is_gone = (here->marks & IS_GONE) != 0};
    return copy;
}

/* Before anything changes. */
static void copy_walks(struct gathered *gathered)
{
    list_each(link, &gathered->walks)
    {
        struct gathered_walk *walk = list_entry(link, struct gathered_walk, link);
        struct gathered_key **end = &walk->copied;
        while (*end != NULL)
            end = &(*end)->next;
        while ((*end = copy_next(walk)) != NULL)
            end = &(*end)->next;
        walk->at = NULL;
    }
}

void gathered_apply(struct gathered *gathered, struct text changes)
{
    struct index_change change;
    copy_walks(gathered);
    while (index_change_next(&changes, &change))
        if (change.is_delete)
            take_out(gathered, change.key);
        else
            put(gathered, change.key, change.value);
    draw(gathered);
}

void gathered_walk_step(struct gathered_walk *walk)
{
    if (walk->copied == NULL) {
        walk->current = copy_next(walk);
        return;
    }
    walk->current = walk->copied;
    walk->copied = walk->copied->next;
}

void gathered_walk_begin(struct gathered *gathered, struct text prefix, struct text from,
                         struct gathered_walk *walk)
{
    *walk = (struct gathered_walk){.prefix = prefix, .at = sorted_seek(&gathered->keys, from)};
    arena_init(&walk->arena);
    list_append(&gathered->walks, &walk->link);
    gathered_walk_step(walk);
}

void gathered_walk_end(struct gathered_walk *walk)
{
    list_remove(&walk->link);
    arena_finish(&walk->arena);
}

void gathered_write(struct gathered *gathered, gathered_write_one *write, void *context)
{
    copy_walks(gathered);
    for (const struct sorted_key *here = gathered->keys.head->next[0]; here != NULL;
         here = here->next[0]) {
        bool is_gone = (here->marks & IS_GONE) != 0;
        write(context, here->key, here->value, is_gone);
        if (!is_gone)
            gathered_note_written(gathered, here->key);
    }
    sorted_clear(&gathered->keys);
    draw(gathered);
}
