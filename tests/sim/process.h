/* A simulated process is what some tasks do, and what they hold (holdings.h). It can be killed
 * wherever a real one can that calls the kernel: it goes no further than where it is, and is gone
 * before anybody else runs. */
#ifndef TESTS_SIM_PROCESS_H
#define TESTS_SIM_PROCESS_H

#include "task/task.h"

/* It is to be killed: at the next switch. Of that process, also of work that is done for it by
 * another thread, the caller does not go on. */
void process_doom(unsigned process);
/* How often such a one was killed. */
unsigned process_deaths(unsigned process);
/* At a switch: those that are to be killed are, and `gone` is told which. */
void process_kill_doomed(void (*gone)(void *context, unsigned process), void *context);

/* What the caller does from here to the end is done by this process; from its parent, which must
 * not YIELD meanwhile. */
unsigned process_begin(unsigned process);
void process_end(unsigned before);

#endif
