/* Switching between the loop and a task, told to the sanitizers, and the loop's side of epoll.
 * Included only from task/. */
#ifndef TASK_SWITCH_H
#define TASK_SWITCH_H

#include "task/loop.h"

/* What the sanitizers want to hear before the first switch, and after a task's last. */
void switch_loop_begins(struct loop *loop);
void switch_task_begins(struct task *task);
void switch_task_ended(struct task *task);
/* Before that, of one that did not return: what its frames marked in the shadow of its stack. */
void switch_task_killed(const struct task *task);

/* From the loop's stack: run task until it parks or ends. */
void switch_to_task(struct loop *loop, struct task *task);
/* From a task: back to the loop. */
void switch_to_loop(struct loop *loop, struct task *task);
_Noreturn void switch_to_loop_for_good(struct loop *loop, struct task *task);
/* First thing on a new stack. */
void switch_arrived(void *sanitizer_stack);

int loop_epoll_open(void);
/* Wait for descriptors until the next timer; not at all when a task is ready. Wakes tasks. */
void loop_epoll_wait(struct loop *loop);
void loop_epoll_close(struct loop *loop);

#endif
