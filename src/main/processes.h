/* The processes of a server as `mailroot status` shows them: a line each, with its memory. */
#ifndef MAIN_PROCESSES_H
#define MAIN_PROCESSES_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/memory.h"

struct process_shown {
    const char *role;
    unsigned number;
    pid_t pid;
    const char *state;
    struct memory_now memory; /* all 0: it is not known */
};
void processes_head(bool json, struct buffer *out);
void processes_line(const struct process_shown *process, bool json, struct buffer *out);

#endif
