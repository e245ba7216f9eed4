/* AddressSanitizer keeps a shadow of the stack it believes is running; it must be told of every
 * switch, or it reports false use-after-return. To ThreadSanitizer each task is a fiber: told of
 * every switch, it knows who called whom, and that what runs by turns on one thread is no race. */
#include "task/switch.h"

#include <stdlib.h>

#include "base/check.h"

#ifdef MAILROOT_TSAN
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_get_current_fiber() NULL
#define __tsan_create_fiber(flags) NULL
#define __tsan_destroy_fiber(fiber) ((void)(fiber))
#define __tsan_switch_to_fiber(fiber, flags) ((void)(fiber))
#endif

#ifdef MAILROOT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define __asan_unpoison_memory_region(base, size) ((void)(base), (void)(size))
#define __sanitizer_start_switch_fiber(save, base, size) ((void)(save), (void)(base), (void)(size))
#define __sanitizer_finish_switch_fiber(fake, base, size) ((void)(fake), (void)(base), (void)(size))
#endif

void switch_loop_begins(struct loop *loop)
{
    loop->sanitizer_fiber = __tsan_get_current_fiber();
}

void switch_task_begins(struct task *task)
{
    task->sanitizer_fiber = __tsan_create_fiber(0);
}

void switch_task_ended(struct task *task)
{
    __tsan_destroy_fiber(task->sanitizer_fiber);
}

void switch_task_killed(const struct task *task)
{
    __asan_unpoison_memory_region(task->stack.base, task->stack.size);
}

void switch_to_task(struct loop *loop, struct task *task)
{
    loop->running = task;
    struct reason *reason = reason_switch(&task->reason);
    __sanitizer_start_switch_fiber(&loop->sanitizer_stack, task->stack.base, task->stack.size);
    __tsan_switch_to_fiber(task->sanitizer_fiber, 0);
    context_switch(&loop->context, &task->context);
    __sanitizer_finish_switch_fiber(loop->sanitizer_stack, NULL, NULL);
    reason_switch(reason);
    loop->running = NULL;
}

void switch_arrived(void *sanitizer_stack)
{
    __sanitizer_finish_switch_fiber(sanitizer_stack, &task_loop->thread_stack_base,
                                    &task_loop->thread_stack_size);
}

void switch_to_loop(struct loop *loop, struct task *task)
{
    __sanitizer_start_switch_fiber(&task->sanitizer_stack, loop->thread_stack_base,
                                   loop->thread_stack_size);
    __tsan_switch_to_fiber(loop->sanitizer_fiber, 0);
    context_switch(&task->context, &loop->context);
    switch_arrived(task->sanitizer_stack);
}

void switch_to_loop_for_good(struct loop *loop, struct task *task)
{
    /* NULL tells the sanitizer that this stack is done with. */
    __sanitizer_start_switch_fiber(NULL, loop->thread_stack_base, loop->thread_stack_size);
    __tsan_switch_to_fiber(loop->sanitizer_fiber, 0);
    context_switch(&task->context, &loop->context);
    abort(); /* an ended task was resumed */
}
