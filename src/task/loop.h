/* The loop behind task.h: what the files of this folder share. Included only from task/. */
#ifndef TASK_LOOP_H
#define TASK_LOOP_H

#include "task/context.h"
#include "task/simulation.h"
#include "task/stack.h"
#include "task/task.h"
#include "task/timer.h"

enum wake { WAKE_TOLD, WAKE_DEADLINE, WAKE_CANCELLED };

struct task {
    struct context context;
    struct list ready;   /* in loop.ready while runnable */
    struct list waiting; /* in an event's waiters while waiting for it */
    struct list member;  /* in group->members */
    struct list all;     /* in loop.tasks: what the gdb helper walks */
    struct timer timer;
    struct stack stack;
    struct task_group *group;
    const char *name;
    task_function *function;
    void *argument;
    void *sanitizer_stack;
    void *sanitizer_fiber;
    struct reason reason;
    enum wake wake;
    bool parked;
    unsigned shields; /* while not 0, cancellation is not seen */
    unsigned process; /* of a simulation: see simulation.h */
};

struct offload_pool;

struct loop {
    struct context context; /* the thread's own stack */
    struct list ready;
    struct list tasks;
    struct timer_heap timers;
    struct stack_pool stacks;
    struct task *running;
    struct task *ended; /* to free once we are off its stack */
    struct offload_pool *offload;
    struct list in_place; /* jobs for other threads, while time is simulated */
    void *sanitizer_stack;
    void *sanitizer_fiber;
    const void *thread_stack_base;
    size_t thread_stack_size;
    int epoll_fd;
    unsigned task_count;
    unsigned process; /* whose io->on_readable it calls; see simulation.h */
    uint64_t turns;
    unsigned no_yield_depth;
};

/* NULL: the clock's own time. */
extern _Thread_local struct task_simulation *task_simulation;
/* The loop of this thread; NULL outside task_loop_run. */
extern _Thread_local struct loop *task_loop;

/* An ended task, for its group and the loop; then, once we are off its stack, what it was made of.
 */
void task_leave(struct loop *loop, struct task *task);
void task_bury(struct loop *loop, struct task *task);

/* Park the running task until task_wake, its deadline, or cancellation. YIELDS. */
enum wake task_park(int64_t deadline_ms);
/* As task_park, but cancellation does not end it. YIELDS. */
enum wake task_park_uncancellable(int64_t deadline_ms);
/* Make a parked task runnable. Harmless when it is already. */
void task_wake(struct task *task, enum wake why);
/* The status of a wait that ended thus. */
enum status task_wake_status(enum wake wake);

/* On the loop's stack, for tasks have little. */
void offload_run_in_place(struct loop *loop);
/* The job that this task waits for is not begun. */
void offload_forget(struct loop *loop, const struct task *task);
void offload_pool_free(struct offload_pool **pool);

#endif
