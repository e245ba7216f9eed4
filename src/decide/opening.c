#include "decide/opening.h"

#include "base/clock.h"

/* 1970-01-01 was a Thursday; 0 is Monday. */
static unsigned weekday_of(int64_t day)
{
    return (unsigned)(((day + 3) % 7 + 7) % 7);
}

static int64_t day_of(int64_t local_ms)
{
    int64_t day = local_ms / DAY;
    return local_ms % DAY < 0 ? day - 1 : day;
}

/* The first instant from `least` on in the window that begins on this day; INT64_MAX: none. All
 * local. */
static int64_t opening_of_day(const struct setting_window *window, int64_t day, int64_t least)
{
    if ((window->days >> weekday_of(day) & 1) == 0)
        return INT64_MAX;
    int64_t from = day * DAY + window->from * (int64_t)MINUTE;
    int64_t to = day * DAY + window->to * (int64_t)MINUTE;
    if (window->to <= window->from)
        to += DAY;
    if (least < from)
        return from;
    if (window->every == 0)
        return least < to ? least : INT64_MAX;
    int64_t every = window->every * (int64_t)MINUTE;
    int64_t point = from + (least - from + every - 1) / every * every;
    return point < to ? point : INT64_MAX;
}

/* A window over midnight began the day before; a week later it is the same day again. */
static int64_t opening_of_window(const struct setting_window *window, int64_t least)
{
    int64_t first = day_of(least) - 1, best = INT64_MAX;
    for (int64_t day = first; day <= first + 8 && best == INT64_MAX; day++)
        best = opening_of_day(window, day, least);
    return best;
}

int64_t decide_opening(const struct setting_schedule *schedule, int64_t since_ms, int64_t now_ms,
                       int64_t east_ms)
{
    int64_t best = schedule->is_set ? INT64_MAX : now_ms;
    for (unsigned i = 0; i < schedule->window_count; i++) {
        const struct setting_window *window = &schedule->windows[i];
        int64_t least = window->every > 0 && since_ms < now_ms ? since_ms : now_ms;
        int64_t opening = opening_of_window(window, least + east_ms);
        if (opening == INT64_MAX)
            continue;
        opening -= east_ms;
        opening = opening > now_ms ? opening : now_ms;
        best = opening < best ? opening : best;
    }
    return best;
}

const struct setting_schedule *decide_schedule(const struct setting_connector *connector,
                                               uint64_t size)
{
    bool is_oversize = connector->oversize_bytes > 0 && size > connector->oversize_bytes;
    return is_oversize ? &connector->oversize : &connector->schedule;
}
