/* The signals a server obeys, as calls on a task: SIGHUP, SIGTERM, SIGINT, SIGCHLD. */
#ifndef MAIN_SIGNALS_H
#define MAIN_SIGNALS_H

#include "task/task.h"

struct signals;

/* Keep them waiting until signals_open. Before the first thread: one that were left to take a
 * signal would end the process by it. */
void signals_hold(void);
/* Deliver each to on_signal(context, number) on a task of group, in
 * which on_signal may YIELD. */
struct signals *signals_open(struct task_group *group, void (*on_signal)(void *, int),
                             void *context);
/* After the group has ended. */
void signals_close(struct signals **signals);

#endif
