#include "task/pace.h"

#include "base/clock.h"
#include "task/offload.h"

void task_pace_begin(struct task_pace *pace)
{
    pace->began_us = clock_monotonic_us();
}

int64_t task_pace_worked_us(const struct task_pace *pace)
{
    return clock_monotonic_us() - pace->began_us;
}

enum status task_pace_rest(struct task_pace *pace, int64_t microseconds)
{
    enum status status = task_sleep((microseconds + 999) / 1000);
    task_pace_begin(pace);
    return status;
}

void task_pace_offload(struct task_pace *pace, task_function *function, void *argument)
{
    int64_t given_us = clock_monotonic_us();
    task_offload_spare(function, argument);
    pace->began_us += clock_monotonic_us() - given_us;
}
