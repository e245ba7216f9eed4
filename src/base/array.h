/* Arrays that grow by one element at a time. How many an array has room for follows from how many
 * it holds, so nobody keeps that number: it moves to twice the room when it holds 4, 8, 16, ... So
 * an array that was once grown by one of these may only be grown by the same one. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include "base/arena.h"

/* Room for one more than the count elements of size bytes: items as they are, or moved. NULL holds
 * none. On the heap, for the caller to free. */
void *array_grow(void *items, size_t count, size_t size);
/* The same in an arena, where the old place stays as it is; new room is zeroed. */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t size);

#endif
