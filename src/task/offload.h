/* Calls that block the thread (fdatasync, yescrypt, RocksDB opening) run on a small pool of
 * threads while the task is parked. */
#ifndef TASK_OFFLOAD_H
#define TASK_OFFLOAD_H

#include "task/task.h"

/* Run function(argument) on another thread and return when it has ended. It must not touch what the
 * loop's tasks touch meanwhile, nor call anything of task/. Not ended by cancellation. YIELDS. */
void task_offload(task_function *function, void *argument);
/* The same for work that can wait, but not long: it has a thread of its own, one at a time, that
 * gets less of a busy machine's time than the others. YIELDS. */
void task_offload_spare(task_function *function, void *argument);

#endif
