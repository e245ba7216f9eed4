/* IMAP and ManageSieve sessions of the store role: from the descriptor that auth sent to its end.
 * POP3 has more to it: store_pop3.h. */
#ifndef MAIN_STORE_SESSIONS_H
#define MAIN_STORE_SESSIONS_H

#include "proto/imap/imap.h"
#include "proto/managesieve/managesieve.h"
#include "task/task.h"

/* Serve a session as a task of the group, on this descriptor, which it closes. What options hold is
 * copied. */
void store_imap_begin(struct task_group *group, const struct imap_options *options, int fd);
void store_managesieve_begin(struct task_group *group, const struct managesieve_options *options,
                             int fd);

#endif
