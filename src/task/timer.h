/* Deadlines in order: a binary heap of timers, each of which knows its place. */
#ifndef TASK_TIMER_H
#define TASK_TIMER_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t deadline_ms;
    size_t position; /* 1-based place in the heap; 0: not set */
};

struct timer_heap {
    struct timer **places; /* places[1] is the earliest */
    size_t count;
    size_t capacity;
};

void timer_set(struct timer_heap *heap, struct timer *timer, int64_t deadline_ms);
/* Harmless when not set. */
void timer_clear(struct timer_heap *heap, struct timer *timer);
/* The earliest, or NULL. */
struct timer *timer_first(const struct timer_heap *heap);
void timer_heap_finish(struct timer_heap *heap);

#endif
