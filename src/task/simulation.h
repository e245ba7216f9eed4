/* A loop whose time is not the clock's: it moves when nothing is left to do, to the next deadline,
 * so that days pass in seconds. Work for other threads is done in place. For the simulation alone
 * (tests/sim); a server never calls this. */
#ifndef TASK_SIMULATION_H
#define TASK_SIMULATION_H

#include <stdint.h>

struct task_simulation {
    int64_t now_ms; /* both clocks */
    /* Before a task of this simulated process goes on; may end the real one, or kill a simulated.
     * NULL: nothing. */
    void (*at_switch)(void *context, unsigned process);
    /* How long it takes until work for another thread is begun, and, asked once more, until it is
     * known to have ended. NULL: no time. */
    int64_t (*work_takes_ms)(void *context);
    void *context;
};

/* Simulated processes are numbered, from 1. A task is of the one that its maker is of, and what is
 * called when a descriptor is readable of the one that opened it. 0: of none. */
unsigned task_process(void);
/* The running task is of this one from now on. Returns the one before. */
unsigned task_set_process(unsigned process);
/* As SIGKILL does: its tasks do not go on, and nothing of them is done any more. From at_switch. */
void task_kill_process(unsigned process);

/* For the next task_loop_run of this thread, and the clocks from now on. Lent; NULL ends it. */
void task_simulate(struct task_simulation *simulation);

#endif
