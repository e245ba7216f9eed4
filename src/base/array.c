#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST = 4 };

static bool is_full(size_t count)
{
    return count == 0 || (count >= FIRST && (count & (count - 1)) == 0);
}

static size_t next_capacity(size_t count)
{
    return count == 0 ? FIRST : 2 * count;
}

void *array_grow(void *items, size_t count, size_t size)
{
    if (!is_full(count))
        return items;
    void *grown = reallocarray(items, next_capacity(count), size);
    check(grown != NULL);
    return grown;
}

void *arena_grow(struct arena *arena, void *items, size_t count, size_t size)
{
    if (!is_full(count))
        return items;
    void *grown = arena_array(arena, next_capacity(count), size);
    if (count > 0)
        memcpy(grown, items, count * size);
    return grown;
}
