#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

static const int64_t *test_now_ms, *test_wall_ahead_ms;

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return test_now_ms != NULL ? *test_now_ms * 1000 : read_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    if (test_now_ms == NULL)
        return read_us(CLOCK_REALTIME) / 1000;
    return *test_now_ms + (test_wall_ahead_ms == NULL ? 0 : *test_wall_ahead_ms);
}

void clock_set_for_test(const int64_t *now_ms)
{
    test_now_ms = now_ms;
    test_wall_ahead_ms = NULL;
}

void clock_set_wall_for_test(const int64_t *ahead_ms)
{
    test_wall_ahead_ms = ahead_ms;
}

const char *clock_rfc3339(int64_t wall_ms, char out[CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + length, CLOCK_TEXT_BYTES - length, ".%03dZ", (int)(wall_ms % 1000));
    return out;
}

int64_t clock_local_east_ms(int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm local;
    return localtime_r(&seconds, &local) == NULL ? 0 : local.tm_gmtoff * (int64_t)SECOND;
}
