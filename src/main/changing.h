/* The running configuration changes by a verb, by a signal, and by files that changed: one after
 * the other. */
#ifndef MAIN_CHANGING_H
#define MAIN_CHANGING_H

#include "task/task.h"

struct changing {
    bool is_under_way; /* for who looks and does not wait */
    struct task_event ended;
};

void changing_init(struct changing *changing);
/* Wait until all others have ended. TRY_LATER: this task is cancelled. YIELDS. */
enum status changing_begin(struct changing *changing);
/* After a beginning that was OK. Does not yield. */
void changing_end(struct changing *changing);

#endif
