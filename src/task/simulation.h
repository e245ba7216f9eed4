/* A loop whose time is not the clock's: it moves when nothing is left to do, to the next deadline,
 * so that days pass in seconds. Work for other threads is done in place. For the simulation alone
 * (tests/sim); a server never calls this. */
#ifndef TASK_SIMULATION_H
#define TASK_SIMULATION_H

#include <stdint.h>

struct task_simulation {
    int64_t now_ms; /* both clocks */
    void (*at_switch)(
        void *context); /* before a task goes on; may end the process. NULL: nothing */
    /* How long it takes until work for another thread is begun, and, asked once more, until it is
     * known to have ended. NULL: no time. */
    int64_t (*work_takes_ms)(void *context);
    void *context;
};

/* For the next task_loop_run of this thread, and the clocks from now on. Lent; NULL ends it. */
void task_simulate(struct task_simulation *simulation);

#endif
