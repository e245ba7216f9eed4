/* Two mail servers and the world around them, in one process, on simulated time, disks and network,
 * all from one seed:
 *
 *     sim [--seed N] [--runs N] [--seconds N] [--no-shrink] [-v]
 *         [--epochs N] [--messages N] [--fronts N] [--calm] [--without-KIND] [--most-KIND N]
 * [--lying-disk]
 *         [--short] [--kill-at ROLE:N] [--kill-each ROLE|all [--first N] [--stride N]]
 *
 * A run is some epochs: each begins with starting both servers on what their disks have, and ends
 * in order, by a power cut, or by kill -9, at a task switch or a disk call that chance chooses. The
 * last epoch has no faults and all the time that the queues need; then the verdict. A failing run
 * prints its command line, leaves its disks, and is made smaller while it still fails: fewer
 * epochs, messages, and kinds of weather (weather.h), and less of each. --seconds: runs from --seed
 * on until then. --calm: no weather but what is said behind it. --lying-disk: its syncs do nothing,
 * so that there must be runs that fail.
 *
 * --kill-each: that role of one site is killed at the first task switch or disk call of a short
 * run, in the next run at the second, and so on until it ends before; --first: from the N-th on;
 * --stride: at each N-th. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base/check.h"
#include "proc/role.h"
#include "run.h"
#include "shrink.h"

static bool one(struct ledger *ledger, const struct plan *plan, const struct manner *manner)
{
    if (run(ledger, plan, manner->is_loud, !plan->disk_lies))
        return true;
    printf("  again: ");
    plan_print(plan);
    if (manner->shrinks)
        shrink(ledger);
    return false;
}

/* This role, at each point of the run until it ends without. */
static bool kill_each(struct ledger *ledger, struct plan plan, const struct manner *manner)
{
    unsigned kills = 0, failed = 0;
    uint64_t points = 0;
    ledger->is_quiet = true;
    for (plan.kill_at = manner->first; points == 0; plan.kill_at += manner->stride) {
        bool is_well = run(ledger, &plan, manner->is_loud, false);
        bool is_killed = ledger->happened[WEATHER_KILL_FRONT + plan.kill_role] > 0;
        kills += is_killed;
        failed += !is_well;
        if (!is_killed)
            points = ledger->kill_points;
        if (is_well)
            continue;
        printf("  again: ");
        plan_print(&plan);
        fflush(stdout);
    }
    printf("seed %llu: %s: %s killed at %u of %llu points from %u on, of which %u "
           "went wrong\n",
           (unsigned long long)plan.seed, failed == 0 ? "ok" : "FAILED",
           role_find(plan.kill_role)->name, kills, (unsigned long long)points, manner->first,
           failed);
    return failed == 0;
}

static bool kill_each_of(struct ledger *ledger, const struct plan *plan,
                         const struct manner *manner)
{
    bool is_well = true;
    for (enum role_kind kind = 0; kind < ROLE_PARENT; kind++) {
        struct plan one = *plan;
        one.is_short = true;
        one.kill_role = kind;
        if ((manner->each_roles & 1u << kind) != 0)
            is_well = kill_each(ledger, one, manner) && is_well;
    }
    return is_well;
}

int main(int count, char **arguments)
{
    struct plan plan;
    struct manner manner;
    if (!plan_read(count, arguments, &plan, &manner))
        return 2;
    struct ledger *ledger =
        mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(ledger != MAP_FAILED);
    time_t end = time(NULL) + manner.seconds;
    unsigned failed = 0;
    for (uint32_t done = 0; manner.seconds != 0 ? time(NULL) < end : done < manner.runs; done++) {
        bool is_well = manner.each_roles != 0 ? kill_each_of(ledger, &plan, &manner)
                                              : one(ledger, &plan, &manner);
        failed += !is_well;
        plan.seed++;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
