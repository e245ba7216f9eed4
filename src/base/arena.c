#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { BLOCK_BYTES = 4096 };

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;
        memory_give_back(sizeof(*block) + block->capacity);
        free(block);
        block = next;
    }
}

void arena_finish(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena_init(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->blocks;
    arena->used_bytes = 0;
    if (keep == NULL)
        return;
    free_blocks(keep->next);
    keep->next = NULL;
    keep->used = 0;
    if (keep->capacity > BLOCK_BYTES)
        arena_finish(arena);
}

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t capacity = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    struct arena_block *block = malloc(sizeof(*block) + capacity);
    check(block != NULL);
    memory_draw(sizeof(*block) + capacity);
    block->capacity = capacity;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    check(rounded >= size);
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->capacity - block->used < rounded)
        block = block_new(arena, rounded);
    void *out = block->data + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    return memset(out, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    check(!__builtin_mul_overflow(count, size, &bytes));
    return arena_alloc(arena, bytes);
}

struct text arena_copy(struct arena *arena, struct text text)
{
    char *copy = arena_alloc(arena, text.length + 1);
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    return text_of(copy, text.length);
}

struct text arena_printf(struct arena *arena, const char *format, ...)
{
    char small[256]; /* most fit, and are formatted once */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    check(length >= 0);
    if ((size_t)length < sizeof(small))
        return arena_copy(arena, text_of(small, (size_t)length));
    char *out = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(out, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text_of(out, (size_t)length);
}
