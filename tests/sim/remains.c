#include "remains.h"

#include <dirent.h>

#include "base/check.h"
#include "base/memory.h"
#include "holdings.h"
#include "task/loop.h"

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    check(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

struct remains remains_before(void)
{
    stack_pool_finish(&task_loop->stacks); /* kept for the next tasks */
    return (struct remains){.tasks = task_loop->task_count,
                            .descriptors = count_descriptors(),
                            .drawn = memory_now().drawn};
}

/* Nothing of a role that has stopped is in the heap, though it is no more in the account. */
static void check_processes(struct ledger *ledger)
{
    for (unsigned process = 1; process < PROCESSES_MOST; process++) {
        struct holdings left = holdings_of(process);
        if (left.blocks + left.descriptors > 0)
            ledger_wrong(ledger, WRONG_REMAINS,
                         "process %u: %zu blocks of %zu bytes, descriptors: %zu", process,
                         left.blocks, left.bytes, left.descriptors);
    }
}

void remains_check(const struct remains *before, struct ledger *ledger)
{
    struct remains after = remains_before();
    if (after.tasks != before->tasks)
        ledger_wrong(ledger, WRONG_REMAINS, "tasks: %u before, %u after", before->tasks,
                     after.tasks);
    if (after.descriptors != before->descriptors)
        ledger_wrong(ledger, WRONG_REMAINS, "descriptors: %u before, %u after", before->descriptors,
                     after.descriptors);
    if (after.drawn != before->drawn)
        ledger_wrong(ledger, WRONG_REMAINS, "memory in the account: %zu before, %zu after",
                     before->drawn, after.drawn);
    check_processes(ledger);
}
