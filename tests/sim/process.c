/* Linked with --wrap of the calls that begin tasks and jobs, or end the process: what the loop
 * itself needs for a task is not its process's, and a job is known by whose it is, and can be left
 * in the middle. */
#include "process.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "holdings.h"
#include "task/loop.h"
#include "task/offload.h"

struct work {
    task_function *function;
    void *argument;
    unsigned process;
};

static struct {
    uint32_t doomed; /* bits */
    unsigned deaths[PROCESSES_MOST];
    unsigned job;  /* whose is done at the moment */
    jmp_buf leave; /* that job */
} now;

void __real_task_spawn(struct task_group *group, const char *name, task_function *function,
                       void *argument);
void __real_task_offload(task_function *function, void *argument);
void __real_task_offload_spare(task_function *function, void *argument);
void __wrap_task_spawn(struct task_group *group, const char *name, task_function *function,
                       void *argument);
void __wrap_task_offload(task_function *function, void *argument);
void __wrap_task_offload_spare(task_function *function, void *argument);
_Noreturn void __real__Exit(int status);
_Noreturn void __wrap__Exit(int status);

void __wrap_task_spawn(struct task_group *group, const char *name, task_function *function,
                       void *argument)
{
    holdings_kernel_begin();
    __real_task_spawn(group, name, function, argument);
    holdings_kernel_end();
}

static bool is_doomed(unsigned process)
{
    return (now.doomed & 1u << process) != 0;
}

/* On the loop's stack. */
static void do_work(void *argument)
{
    const struct work *work = argument;
    if (is_doomed(work->process))
        return;
    now.job = work->process;
    holdings_job_of(work->process);
    if (setjmp(now.leave) == 0)
        work->function(work->argument);
    now.job = 0;
    holdings_job_of(0);
}

void __wrap_task_offload(task_function *function, void *argument)
{
    struct work work = {function, argument, task_process()};
    __real_task_offload(do_work, &work);
}

void __wrap_task_offload_spare(task_function *function, void *argument)
{
    struct work work = {function, argument, task_process()};
    __real_task_offload_spare(do_work, &work);
}

void process_doom(unsigned process)
{
    check(process > 0 && process < PROCESSES_MOST);
    now.doomed |= 1u << process;
    if (now.job == process)
        longjmp(now.leave, 1);
    while (task_process() == process) /* for ever */
        task_park_uncancellable(NO_DEADLINE);
}

unsigned process_deaths(unsigned process)
{
    return now.deaths[process];
}

/* A process that ends itself. */
void __wrap__Exit(int status)
{
    unsigned process = holdings_taker();
    if (process == 0)
        __real__Exit(status);
    task_loop->no_yield_depth = 0; /* it was its own promise */
    process_doom(process);
    abort();
}

void process_kill_doomed(void (*gone)(void *context, unsigned process), void *context)
{
    for (unsigned process = 1; now.doomed != 0; process++) {
        if (!is_doomed(process))
            continue;
        task_kill_process(process);
        holdings_give_up(process);
        now.doomed &= ~(1u << process);
        now.deaths[process]++;
        gone(context, process);
    }
}

unsigned process_begin(unsigned process)
{
    return task_set_process(process);
}

void process_end(unsigned before)
{
    task_set_process(before);
}
