/* Preparing a stack so that the first switch to it lands in the entry function. */
#include "task/context.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"

void context_start(void); /* in the .S files: calls the entry with its argument */

#if defined(__x86_64__) && !defined(MAILROOT_UCONTEXT)

void context_init(struct context *context, void *stack, size_t size, void (*entry)(void *),
                  void *argument)
{
    uint64_t *top = (uint64_t *)((uintptr_t)((char *)stack + size) & ~(uintptr_t)15);
    *--top = 0;
    *--top = 0; /* rsp is 16-byte aligned at the call in context_start */
    *--top = (uint64_t)(uintptr_t)context_start;
    *--top = 0;                             /* rbp: ends the chain of frames */
    *--top = 0;                             /* rbx */
    *--top = (uint64_t)(uintptr_t)entry;    /* r12 */
    *--top = (uint64_t)(uintptr_t)argument; /* r13 */
    *--top = 0;                             /* r14 */
    *--top = 0;                             /* r15 */
    *--top = 0x1f80u | (uint64_t)0x037f
                           << 32; /* mxcsr, x87 control word: the ABI's initial state */
    context->stack_pointer = top;
}

void context_finish(struct context *context)
{
    context->stack_pointer = NULL;
}

#elif defined(__aarch64__) && !defined(MAILROOT_UCONTEXT)

void context_init(struct context *context, void *stack, size_t size, void (*entry)(void *),
                  void *argument)
{
    uint64_t *top = (uint64_t *)((uintptr_t)((char *)stack + size) & ~(uintptr_t)15);
    top -= 20;
    memset(top, 0, 20 * sizeof(*top));
    top[0] = (uint64_t)(uintptr_t)entry;          /* x19 */
    top[1] = (uint64_t)(uintptr_t)argument;       /* x20 */
    top[11] = (uint64_t)(uintptr_t)context_start; /* x30 */
    context->stack_pointer = top;
}

void context_finish(struct context *context)
{
    context->stack_pointer = NULL;
}

#else

#include <stdlib.h>
#include <ucontext.h>

/* makecontext passes ints only, so pointers travel in halves. */
static void trampoline(unsigned entry_high, unsigned entry_low, unsigned argument_high,
                       unsigned argument_low)
{
    void (*entry)(void *) = (void (*)(void *))((uintptr_t)entry_high << 32 | entry_low);
    entry((void *)((uintptr_t)argument_high << 32 | argument_low));
}

void context_init(struct context *context, void *stack, size_t size, void (*entry)(void *),
                  void *argument)
{
    ucontext_t *saved = calloc(1, sizeof(*saved));
    check(saved != NULL && getcontext(saved) == 0);
    saved->uc_stack.ss_sp = stack;
    saved->uc_stack.ss_size = size;
    uint64_t entry_bits = (uintptr_t)entry, argument_bits = (uintptr_t)argument;
    makecontext(saved, (void (*)(void))trampoline, 4, (unsigned)(entry_bits >> 32),
                (unsigned)entry_bits, (unsigned)(argument_bits >> 32), (unsigned)argument_bits);
    context->stack_pointer = saved;
}

void context_switch(struct context *from, const struct context *to)
{
    if (from->stack_pointer == NULL) {
        from->stack_pointer = calloc(1, sizeof(ucontext_t));
        check(from->stack_pointer != NULL);
    }
    swapcontext(from->stack_pointer, to->stack_pointer);
}

void context_finish(struct context *context)
{
    free(context->stack_pointer);
    context->stack_pointer = NULL;
}

#endif
