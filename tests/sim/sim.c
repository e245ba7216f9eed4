/* Two mail servers and the world around them, in one process, on simulated time, disks and network,
 * all from one seed:
 *
 *     sim [--seed N] [--runs N] [--seconds N] [--no-shrink] [-v]
 *         [--epochs N] [--messages N] [--calm] [--without-KIND] [--most-KIND N] [--lying-disk]
 *
 * A run is some epochs: each begins with starting both servers on what their disks have, and ends
 * in order, by a power cut, or by kill -9, at a task switch or a disk call that chance chooses. The
 * last epoch has no faults and all the time that the queues need; then the verdict. A failing run
 * prints its command line, leaves its disks, and is made smaller while it still fails: fewer
 * epochs, messages, and kinds of weather (weather.h), and less of each. --seconds: runs from --seed
 * on until then. --calm: no weather but what is said behind it. --lying-disk: its syncs do nothing,
 * so that there must be runs that fail. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base/check.h"
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
        failed += !one(ledger, &plan, &manner);
        plan.seed++;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
