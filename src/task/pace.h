/* For a task that works in the background: how long it had the loop, and the rest it takes from it.
 */
#ifndef TASK_PACE_H
#define TASK_PACE_H

#include "task/task.h"

struct task_pace {
    int64_t began_us; /* to work, after it last rested; later by what went on elsewhere */
};

void task_pace_begin(struct task_pace *pace);
/* Since it began, or last rested. */
int64_t task_pace_worked_us(const struct task_pace *pace);
/* Leave the loop to others for so long, and begin anew. TRY_LATER: cancelled. YIELDS. */
enum status task_pace_rest(struct task_pace *pace, int64_t microseconds);
/* task_offload_spare, whose time does not count as work, for others have the loop meanwhile.
 * YIELDS. */
void task_pace_offload(struct task_pace *pace, task_function *function, void *argument);

#endif
