#include "calendar.h"

#include "base/clock.h"

static void mark(struct calendar *calendar, int64_t ahead_ms, bool is_start)
{
    if (calendar->count == CALENDAR_MARKS)
        return;
    calendar->ahead_ms = ahead_ms;
    calendar->marks[calendar->count++] =
        (struct calendar_mark){clock_monotonic_ms(), ahead_ms, is_start};
}

void calendar_set(struct calendar *calendar, int64_t ahead_ms)
{
    mark(calendar, ahead_ms, false);
}

void calendar_start(struct calendar *calendar)
{
    mark(calendar, calendar->ahead_ms, true);
}

int64_t calendar_age_ms(const struct calendar *calendar, int64_t since_ms, int64_t until_ms)
{
    int64_t lowest_ms = 0, overstated_ms = 0;
    for (unsigned i = 0; i < calendar->count; i++) {
        const struct calendar_mark *mark = &calendar->marks[i];
        bool is_before = mark->now_ms <= since_ms;
        if (is_before || mark->ahead_ms < lowest_ms)
            lowest_ms = mark->ahead_ms;
        if (!is_before && mark->is_start && mark->ahead_ms - lowest_ms > overstated_ms)
            overstated_ms = mark->ahead_ms - lowest_ms;
    }
    return until_ms - since_ms + overstated_ms;
}
