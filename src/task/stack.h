/* Stacks of tasks: reserved address space, a guard page below, reused after their task has ended.
 */
#ifndef TASK_STACK_H
#define TASK_STACK_H

#include <stddef.h>

struct stack {
    void *base; /* lowest usable byte */
    size_t size;
    unsigned valgrind_id;
};

/* Stacks kept for reuse, so that starting a task costs no system call. */
enum { STACKS_KEPT = 256 };
struct stack_pool {
    struct stack kept[STACKS_KEPT];
    unsigned count;
};

/* Ends the process when the kernel has no more address space or mappings: the number of tasks is
 * limited by settings far below. */
struct stack stack_take(struct stack_pool *pool);
void stack_give(struct stack_pool *pool, struct stack stack);
void stack_pool_finish(struct stack_pool *pool);
/* The stack that the caller runs on: give back the pages that nothing alive is in. */
void stack_trim(struct stack stack);

#endif
