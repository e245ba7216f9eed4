/* Tasks, groups and events: everything but waiting for descriptors and threads. */
#include "task/task.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "task/loop.h"
#include "task/switch.h"

enum { ROUNDS_PER_POLL = 4 };
/* Of a stack, for its task; a multiple of what anything on it is aligned to. */
enum { TASK_BYTES = (sizeof(struct task) + 63) / 64 * 64 };

_Thread_local struct loop *task_loop;
_Thread_local struct task_simulation *task_simulation;

void task_simulate(struct task_simulation *simulation)
{
    task_simulation = simulation;
    clock_set_for_test(simulation == NULL ? NULL : &simulation->now_ms);
}

unsigned task_process(void)
{
    const struct loop *loop = task_loop;
    if (loop == NULL)
        return 0;
    return loop->running != NULL ? loop->running->process : loop->process;
}

static void task_main(void *argument)
{
    struct task *task = argument;
    switch_arrived(task->sanitizer_stack);
    task->function(task->argument);

    struct loop *loop = task_loop;
    task_leave(loop, task);
    loop->ended = task;
    switch_to_loop_for_good(loop, task);
}

void task_leave(struct loop *loop, struct task *task)
{
    struct task_group *group = task->group;
    if (group != NULL) {
        list_remove(&task->member);
        if (--group->count == 0)
            list_each(link, &group->waiters)
                task_wake(list_entry(link, struct task, waiting), WAKE_TOLD);
    }
    list_remove(&task->all);
    loop->task_count--;
}

void task_bury(struct loop *loop, struct task *task)
{
    timer_clear(&loop->timers, &task->timer);
    context_finish(&task->context);
    switch_task_ended(task);
    stack_give(&loop->stacks, task->stack);
}

/* A task stands at the top of its own stack, in a page that is there while it lives: sessions idle
 * by the thousand. */
static struct task *task_new(const char *name, task_function *function, void *argument)
{
    struct stack stack = stack_take(&task_loop->stacks);
    size_t room = stack.size - TASK_BYTES;
    struct task *task = (struct task *)((char *)stack.base + room);
    *task = (struct task){.name = name,
                          .function = function,
                          .argument = argument,
                          .stack = stack,
                          .process = task_process()};
    context_init(&task->context, stack.base, room, task_main, task);
    switch_task_begins(task);
    list_init(&task->waiting);
    list_init(&task->member);
    list_append(&task_loop->tasks, &task->all);
    list_append(&task_loop->ready, &task->ready);
    task_loop->task_count++;
    return task;
}

void task_group_init(struct task_group *group)
{
    *group = (struct task_group){0};
    list_init(&group->members);
    list_init(&group->waiters);
}

void task_spawn(struct task_group *group, const char *name, task_function *function, void *argument)
{
    struct task *task = task_new(name, function, argument);
    task->group = group;
    list_append(&group->members, &task->member);
    group->count++;
}

void task_group_cancel(struct task_group *group)
{
    group->cancelled = true;
    list_each(link, &group->members)
    {
        struct task *task = list_entry(link, struct task, member);
        if (task->parked && task->shields == 0)
            task_wake(task, WAKE_CANCELLED);
    }
}

enum status task_group_wait(struct task_group *group, int64_t deadline_ms)
{
    while (group->count > 0) {
        list_append(&group->waiters, &task_loop->running->waiting);
        if (task_park_uncancellable(deadline_ms) == WAKE_DEADLINE)
            return try_later("timed out waiting for %u tasks to end", group->count);
    }
    return OK;
}

void task_group_finish(struct task_group *group)
{
    task_group_cancel(group);
    task_group_wait(group, NO_DEADLINE);
}

/* Run every task that is ready now; those made ready meanwhile wait for the next round, so that
 * descriptors and timers get their turn. */
static void run_ready(struct loop *loop)
{
    struct list round;
    list_move_all(&round, &loop->ready);
    while (!list_is_empty(&round)) {
        if (task_simulation != NULL && task_simulation->at_switch != NULL) {
            task_simulation->at_switch(task_simulation->context,
                                       list_entry(round.next, struct task, ready)->process);
            if (list_is_empty(&round))
                break;
        }
        struct task *task = list_entry(round.next, struct task, ready);
        list_remove(&task->ready);
        loop->turns++;
        switch_to_task(loop, task);
        if (loop->ended != NULL) {
            task_bury(loop, loop->ended);
            loop->ended = NULL;
        }
    }
}

static void fire_timers(struct loop *loop)
{
    struct timer *timer = timer_first(&loop->timers);
    if (timer == NULL)
        return;
    int64_t now = clock_monotonic_ms();
    for (; timer != NULL && timer->deadline_ms <= now; timer = timer_first(&loop->timers)) {
        timer_clear(&loop->timers, timer);
        task_wake(list_entry(timer, struct task, timer), WAKE_DEADLINE);
    }
}

void task_loop_run(task_function *function, void *argument)
{
    check(task_loop == NULL);
    struct loop *loop = calloc(1, sizeof(*loop));
    check(loop != NULL);
    loop->epoll_fd = loop_epoll_open();
    list_init(&loop->ready);
    list_init(&loop->tasks);
    list_init(&loop->in_place);
    task_loop = loop;
    switch_loop_begins(loop);
    task_new("main", function, argument);
    log_gather(true);
    unsigned round = 0;
    while (loop->task_count > 0) {
        run_ready(loop);
        offload_run_in_place(loop);
        fire_timers(loop);
        /* While tasks hand work to each other, looking for descriptors each round is a wasted call.
         */
        if (loop->task_count > 0 && (list_is_empty(&loop->ready) || ++round % ROUNDS_PER_POLL == 0))
            loop_epoll_wait(loop);
    }
    log_gather(false);
    offload_pool_free(&loop->offload);
    stack_pool_finish(&loop->stacks);
    timer_heap_finish(&loop->timers);
    loop_epoll_close(loop);
    task_loop = NULL;
    free(loop);
}

static enum wake park(int64_t deadline_ms)
{
    struct loop *loop = task_loop;
    struct task *task = loop->running;
    check(task != NULL && loop->no_yield_depth == 0);
    if (deadline_ms != NO_DEADLINE)
        timer_set(&loop->timers, &task->timer, deadline_ms);
    task->parked = true;
    switch_to_loop(loop, task);
    return task->wake;
}

uint64_t task_turns(void)
{
    return task_loop->turns;
}

enum wake task_park(int64_t deadline_ms)
{
    if (task_is_cancelled())
        return list_remove(&task_loop->running->waiting), WAKE_CANCELLED;
    return park(deadline_ms);
}

enum wake task_park_uncancellable(int64_t deadline_ms)
{
    task_shield_begin();
    enum wake wake = park(deadline_ms);
    task_shield_end();
    return wake;
}

void task_wake(struct task *task, enum wake why)
{
    if (!task->parked)
        return;
    task->parked = false;
    task->wake = why;
    timer_clear(&task_loop->timers, &task->timer);
    list_remove(&task->waiting);
    list_append(&task_loop->ready, &task->ready);
}

enum status task_wake_status(enum wake wake)
{
    switch (wake) {
    case WAKE_TOLD:
        return OK;
    case WAKE_DEADLINE:
        return try_later("timed out");
    case WAKE_CANCELLED:
        return try_later("cancelled");
    }
    return OK;
}

void task_yield(void)
{
    struct loop *loop = task_loop;
    struct task *task = loop->running;
    check(task != NULL && loop->no_yield_depth == 0);
    list_append(&loop->ready, &task->ready);
    switch_to_loop(loop, task);
}

enum status task_sleep_until(int64_t deadline_ms)
{
    return task_park(deadline_ms) == WAKE_CANCELLED ? try_later("cancelled") : OK;
}

enum status task_sleep(int64_t milliseconds)
{
    return task_sleep_until(clock_monotonic_ms() + milliseconds);
}

bool task_is_cancelled(void)
{
    const struct task *task = task_loop->running;
    return task != NULL && task->group != NULL && task->group->cancelled && task->shields == 0;
}

void task_shield_begin(void)
{
    task_loop->running->shields++;
}

void task_shield_end(void)
{
    check(task_loop->running->shields > 0);
    task_loop->running->shields--;
}

void task_trim_stack(void)
{
    stack_trim(task_loop->running->stack);
}

void task_no_yield_begin(void)
{
    task_loop->no_yield_depth++;
}

void task_no_yield_end(void)
{
    check(task_loop->no_yield_depth > 0);
    task_loop->no_yield_depth--;
}

void task_event_init(struct task_event *event)
{
    list_init(&event->waiters);
}

enum status task_event_wait(struct task_event *event, int64_t deadline_ms)
{
    list_append(&event->waiters, &task_loop->running->waiting);
    return task_wake_status(task_park(deadline_ms));
}

void task_event_tell_one(struct task_event *event)
{
    if (!list_is_empty(&event->waiters))
        task_wake(list_entry(event->waiters.next, struct task, waiting), WAKE_TOLD);
}

void task_event_tell_last(struct task_event *event)
{
    if (!list_is_empty(&event->waiters))
        task_wake(list_entry(event->waiters.previous, struct task, waiting), WAKE_TOLD);
}

void task_event_tell_all(struct task_event *event)
{
    while (!list_is_empty(&event->waiters))
        task_wake(list_entry(event->waiters.next, struct task, waiting), WAKE_TOLD);
}
