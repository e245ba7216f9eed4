/* Memory by lifetime: command, session or message. What is parsed lives in the arena that was
 * given; nothing is freed one by one. Limit the size of the input before parsing it. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/text.h"

struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* handed out since the last reset */
};

void arena_init(struct arena *arena);
void arena_finish(struct arena *arena);
/* Forget everything; keeps one small block for the next use. */
void arena_reset(struct arena *arena);

/* Zeroed and aligned for any type; never NULL (running out of memory ends the process). */
void *arena_alloc(struct arena *arena, size_t size);
/* count * size, checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy with a NUL behind it (not counted in length). */
struct text arena_copy(struct arena *arena, struct text text);
struct text arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
