/* Coroutines: a session, a delivery, an RPC each read as plain sequential code. One thread runs the
 * loop of a process; tasks switch only inside functions whose contract says YIELDS. Every blocking
 * call has a deadline and ends early, with failure, when its task is cancelled; a task is never
 * destroyed from outside. Children end before their parent: every task belongs to a group. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/status.h"

struct task;
typedef void task_function(void *argument);

/* Deadlines are clock_monotonic_ms() instants. */
#define NO_DEADLINE INT64_MAX

/* A group of tasks that end together. In caller's memory; must outlive its tasks, which
 * task_group_finish guarantees. */
struct task_group {
    struct list members;
    struct list waiters;
    bool cancelled;
    unsigned count;
};

/* Run function as the first task of this thread's loop; returns when every task has ended. */
void task_loop_run(task_function *function, void *argument);

void task_group_init(struct task_group *group);
/* Start a task. It runs when the caller next yields. name must outlive the task (a literal).
 * In a cancelled group the task still runs, cancelled from its start. */
void task_spawn(struct task_group *group, const char *name, task_function *function,
                void *argument);
/* Make every blocking call of the members, now and later, fail at once. */
void task_group_cancel(struct task_group *group);
/* Until the group is empty, or the deadline: TRY_LATER. Not ended by cancellation. YIELDS. */
enum status task_group_wait(struct task_group *group, int64_t deadline_ms);
/* Cancel and wait. The group may then be initialised again. YIELDS. */
void task_group_finish(struct task_group *group);

/* Let the other ready tasks run once. YIELDS. */
void task_yield(void);
/* TRY_LATER when cancelled before the time has passed. YIELDS. */
enum status task_sleep(int64_t milliseconds);
/* Sleep until a monotonic instant. YIELDS. */
enum status task_sleep_until(int64_t deadline_ms);
/* How often this loop has given a task its turn: who works in the background sees by it, over a
 * wait of its own, whether others are at work. */
uint64_t task_turns(void);
/* This task was cancelled (through its group). */
bool task_is_cancelled(void);
/* From here to task_shield_end this task's waits are not ended by cancellation: for a step that
 * must not stop half-way, such as waiting for a commit. Give its waits a deadline. Nests. */
void task_shield_begin(void);
void task_shield_end(void);

/* Give back the stack pages below the current depth: after a deep call (a TLS handshake) in a task
 * that will now idle. One system call. */
void task_trim_stack(void);

/* From here to task_no_yield_end a switch is a bug and aborts. */
void task_no_yield_begin(void);
void task_no_yield_end(void);

/* Something that happens: tasks wait for it, others tell. Waiters re-check their condition after
 * waking, as with a condition variable. In caller's memory. */
struct task_event {
    struct list waiters;
};
void task_event_init(struct task_event *event);
/* OK when told, TRY_LATER at the deadline or when cancelled. YIELDS. */
enum status task_event_wait(struct task_event *event, int64_t deadline_ms);
/* Wake one waiter (the first come, or the last), or all. Does not yield. */
void task_event_tell_one(struct task_event *event);
void task_event_tell_last(struct task_event *event);
void task_event_tell_all(struct task_event *event);

#endif
