/* What the programs that load a server measure with. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <time.h>

/* Seconds, of a clock that nobody sets. */
static inline double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* For qsort, of doubles: the least first. */
static inline int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

#endif
