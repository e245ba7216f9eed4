/* The signals a server obeys, as calls on a task: SIGHUP, SIGTERM, SIGINT, SIGCHLD. */
#ifndef MAIN_SIGNALS_H
#define MAIN_SIGNALS_H

#include "task/task.h"

struct signals;

/* First thing in a process, before any thread: a thread that does not block them would be ended by
 * them. */
void signals_block(void);
/* Deliver each to on_signal(context, number) on a task of group, in
 * which on_signal may YIELD. */
struct signals *signals_open(struct task_group *group, void (*on_signal)(void *, int),
                             void *context);
/* After the group has ended. */
void signals_close(struct signals **signals);

#endif
