#include "task/simulation.h"

#include "task/loop.h"
#include "task/switch.h"

unsigned task_set_process(unsigned process)
{
    unsigned before = task_loop->running->process;
    task_loop->running->process = process;
    return before;
}

/* Nobody has it in a list any more. */
static void unlink_task(struct loop *loop, struct task *task)
{
    list_remove(&task->ready);
    list_remove(&task->waiting);
    offload_forget(loop, task);
    task_leave(loop, task);
}

/* All are unlinked first: they wait for each other, and by what is on their stacks. */
void task_kill_process(unsigned process)
{
    struct loop *loop = task_loop;
    struct list killed;
    list_init(&killed);
    for (struct list *link = loop->tasks.next, *next; link != &loop->tasks; link = next) {
        struct task *task = list_entry(link, struct task, all);
        next = link->next;
        if (task->process == process) {
            unlink_task(loop, task);
            list_append(&killed, &task->all);
        }
    }
    while (!list_is_empty(&killed)) {
        struct task *task = list_entry(killed.next, struct task, all);
        list_remove(&task->all);
        switch_task_killed(task);
        task_bury(loop, task);
    }
}
