/* AddressSanitizer keeps a shadow of the stack it believes is running; it must be told of every
 * switch, or it reports false use-after-return. */
#include "task/switch.h"

#include <stdlib.h>

#include "base/check.h"

#ifdef MAILROOT_ASAN
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, base, size) ((void)(save), (void)(base), (void)(size))
#define __sanitizer_finish_switch_fiber(fake, base, size) ((void)(fake), (void)(base), (void)(size))
#endif

void switch_to_task(struct loop *loop, struct task *task)
{
    loop->running = task;
    struct reason *reason = reason_switch(&task->reason);
    __sanitizer_start_switch_fiber(&loop->sanitizer_stack, task->stack.base, task->stack.size);
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
    context_switch(&task->context, &loop->context);
    switch_arrived(task->sanitizer_stack);
}

void switch_to_loop_for_good(struct loop *loop, struct task *task)
{
    /* NULL tells the sanitizer that this stack is done with. */
    __sanitizer_start_switch_fiber(NULL, loop->thread_stack_base, loop->thread_stack_size);
    context_switch(&task->context, &loop->context);
    abort(); /* an ended task was resumed */
}
