/* The switch between two stacks: callee-saved registers and the stack pointer, nothing else. Own
 * assembly on x86-64 and aarch64 (9 ns), ucontext elsewhere (300 ns, two system calls). */
#ifndef TASK_CONTEXT_H
#define TASK_CONTEXT_H

#include <stddef.h>

struct context {
    void *stack_pointer;
};

/* Make a context that calls entry(argument) on its first switch; entry must never return. */
void context_init(struct context *context, void *stack, size_t size, void (*entry)(void *),
                  void *argument);
/* Save the running context in from and continue to. */
void context_switch(struct context *from, const struct context *to);
/* Free what context_init took (nothing but in the ucontext version). */
void context_finish(struct context *context);

#endif
