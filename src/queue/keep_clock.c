#include "queue/keep_clock.h"

#include "base/clock.h"

enum {
    START_PATIENCE_MS = HOUR,
    SET_PATIENCE_MS = DAY,
    SLACK_MS = MINUTE, /* by which clocks differ between two looks and nobody set one */
};

static bool stands(const struct keep_clock *clock, int64_t ahead_ms)
{
    return clock->is_doubted && ahead_ms < clock->doubted_ms + SLACK_MS &&
           ahead_ms > clock->doubted_ms - SLACK_MS;
}

static void follow(struct keep_clock *clock, int64_t ahead_ms)
{
    *clock = (struct keep_clock){.ahead_ms = ahead_ms, .is_followed = true};
}

static void doubt(struct keep_clock *clock, int64_t ahead_ms, int64_t monotonic_ms)
{
    if (!stands(clock, ahead_ms))
        clock->since_ms = monotonic_ms;
    clock->doubted_ms = ahead_ms;
    clock->is_doubted = true;
}

int64_t keep_clock_now(struct keep_clock *clock, int64_t wall_ms, int64_t monotonic_ms)
{
    int64_t ahead_ms = wall_ms - monotonic_ms;
    int64_t patience_ms = clock->is_followed ? SET_PATIENCE_MS : START_PATIENCE_MS;
    if (clock->is_followed && ahead_ms < clock->ahead_ms + SLACK_MS)
        follow(clock, ahead_ms);
    else
        doubt(clock, ahead_ms, monotonic_ms);
    if (clock->is_doubted && monotonic_ms - clock->since_ms >= patience_ms)
        follow(clock, ahead_ms);
    return clock->is_followed ? monotonic_ms + clock->ahead_ms : 0;
}
