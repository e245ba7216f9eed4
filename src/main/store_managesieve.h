/* ManageSieve sessions of the store role: from the descriptor that auth sent to its end. */
#ifndef MAIN_STORE_MANAGESIEVE_H
#define MAIN_STORE_MANAGESIEVE_H

#include "proto/managesieve/managesieve.h"
#include "task/task.h"

/* Serve a session as a task of the group, on this descriptor, which it closes. What options hold is
 * copied. */
void store_managesieve_begin(struct task_group *group, const struct managesieve_options *options,
                             int fd);

#endif
