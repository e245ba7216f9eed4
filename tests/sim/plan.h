/* What a run is asked to be: its seed, and how much of what at most. The command line says it, and
 * a failing run says it again, as small as it could be made. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "weather.h"

struct plan {
    uint64_t seed;
    uint32_t epochs;   /* with faults, at most */
    uint32_t messages; /* at most */
    uint32_t fronts;   /* of each site, at most; 1 and more */
    uint32_t most[WEATHER_KINDS];
    bool disk_lies; /* its syncs do nothing */
    bool is_short;  /* few clients, and minutes */
    /* This role of the first site is killed at this point of its own (killer.h), and no other; 0:
     * nothing of that. */
    uint64_t kill_at;
    unsigned kill_role; /* enum role_kind */
};

/* How the runs are made. */
struct manner {
    uint32_t runs;
    int64_t seconds; /* 0: as many as runs says */
    bool is_loud, shrinks;
    unsigned each_roles; /* bits, enum role_kind: killed at one point after the other; 0: none */
    uint32_t first;      /* of those points, 1 and on */
    uint32_t stride;     /* from one of them to the next */
};

/* From the command line; false when it says something else. */
bool plan_read(int count, char **arguments, struct plan *plan, struct manner *manner);
/* The command line that says it, on standard output. */
void plan_print(const struct plan *plan);

#endif
