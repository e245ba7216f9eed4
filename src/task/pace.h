/* For a task that works in the background: how long it has worked, and the rest it takes. Time on
 * the spare thread is work as well: on few cores others lack it. */
#ifndef TASK_PACE_H
#define TASK_PACE_H

#include "task/task.h"

struct task_pace {
    int64_t began_us; /* to work, after it last rested */
};

void task_pace_begin(struct task_pace *pace);
/* Since it began, or last rested. */
int64_t task_pace_worked_us(const struct task_pace *pace);
/* Leave the time to others for so long, and begin anew. TRY_LATER: cancelled. YIELDS. */
enum status task_pace_rest(struct task_pace *pace, int64_t microseconds);

#endif
