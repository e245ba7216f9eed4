#include "task/pace.h"

#include "base/clock.h"

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
