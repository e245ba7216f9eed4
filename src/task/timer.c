#include "task/timer.h"

#include <stdlib.h>

#include "base/check.h"

static void place(struct timer_heap *heap, size_t position, struct timer *timer)
{
    heap->places[position] = timer;
    timer->position = position;
}

static void move_up(struct timer_heap *heap, size_t position, struct timer *timer)
{
    for (; position > 1; position /= 2) {
        struct timer *parent = heap->places[position / 2];
        if (parent->deadline_ms <= timer->deadline_ms)
            break;
        place(heap, position, parent);
    }
    place(heap, position, timer);
}

static void move_down(struct timer_heap *heap, size_t position, struct timer *timer)
{
    for (;;) {
        size_t child = position * 2;
        if (child > heap->count)
            break;
        if (child < heap->count &&
            heap->places[child + 1]->deadline_ms < heap->places[child]->deadline_ms)
            child++;
        if (heap->places[child]->deadline_ms >= timer->deadline_ms)
            break;
        place(heap, position, heap->places[child]);
        position = child;
    }
    place(heap, position, timer);
}

void timer_set(struct timer_heap *heap, struct timer *timer, int64_t deadline_ms)
{
    timer_clear(heap, timer);
    if (heap->count + 1 >= heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        heap->places = reallocarray(heap->places, heap->capacity, sizeof(*heap->places));
        check(heap->places != NULL);
    }
    timer->deadline_ms = deadline_ms;
    move_up(heap, ++heap->count, timer);
}

void timer_clear(struct timer_heap *heap, struct timer *timer)
{
    size_t hole = timer->position;
    if (hole == 0)
        return;
    timer->position = 0;
    struct timer *last = heap->places[heap->count--];
    if (last == timer)
        return;
    if (hole > 1 && heap->places[hole / 2]->deadline_ms > last->deadline_ms)
        move_up(heap, hole, last);
    else
        move_down(heap, hole, last);
}

struct timer *timer_first(const struct timer_heap *heap)
{
    return heap->count == 0 ? NULL : heap->places[1];
}

void timer_heap_finish(struct timer_heap *heap)
{
    free(heap->places);
    *heap = (struct timer_heap){0};
}
