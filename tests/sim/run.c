#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "world.h"

enum { EPOCHS_MOST = 6, EPOCH_SECONDS_MOST = 300 };
#define BEGIN_MS INT64_C(1767225600000) /* 2026-01-01 */

static void fork_epoch(struct ledger *ledger, const char *directory, bool is_last, bool is_loud)
{
    int how;
    fflush(stdout);
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        alarm(EPOCH_SECONDS_MOST);
        int status = world_epoch(ledger, directory, is_last, is_loud);
        fflush(stdout);
        exit(status);
    }
    check(waitpid(child, &how, 0) == child);
    bool is_well = WIFEXITED(how) && (WEXITSTATUS(how) == 0 || WEXITSTATUS(how) == EXIT_CUT);
    if (!is_well && ledger->wrong == 0)
        ledger_wrong(ledger, WRONG_END, "epoch %u ended by %s %d", ledger->epoch,
                     WIFEXITED(how) ? "exit" : "signal",
                     WIFEXITED(how) ? WEXITSTATUS(how) : WTERMSIG(how));
    ledger->epoch++;
}

static void print_line(const struct ledger *ledger)
{
    printf("seed %llu: %s: %u epochs; %u messages, %u acknowledged: %u delivered, %u relayed, %u "
           "more than once, %u returned;",
           (unsigned long long)ledger->plan.seed, ledger->wrong == 0 ? "ok" : "FAILED",
           ledger->epoch, ledger->count, ledger->acknowledged, ledger->delivered, ledger->relayed,
           ledger->twice, ledger->returned);
    printf(" %u visits, %u answers, %u resumed, %u appended, %u removed;", ledger->visits,
           ledger->answers, ledger->resumed, ledger->appended, ledger->removed);
    printf(" %u enrolled, %u lists;", ledger->rolls[0].changed + ledger->rolls[1].changed,
           ledger->rolls[0].looked + ledger->rolls[1].looked);
    for (unsigned i = 0; i < WEATHER_KINDS; i++)
        if (ledger->happened[i] > 0)
            printf(" %u %s,", ledger->happened[i], weather_name(i));
    printf(" %.1f days\n", (double)(ledger->now_ms - BEGIN_MS) / DAY);
}

bool run(struct ledger *ledger, const struct plan *plan, bool is_loud, bool keeps_disks)
{
    char directory[] = "/tmp/sim-XXXXXX", command[64];
    bool is_quiet = ledger->is_quiet;
    check(mkdtemp(directory) != NULL);
    memset(ledger, 0, sizeof(*ledger));
    ledger->plan = *plan;
    for (unsigned i = 0; i < SITES; i++)
        roll_begin(&ledger->rolls[i]);
    ledger->is_quiet = is_quiet;
    ledger->now_ms = BEGIN_MS;
    random_seed_for_test(plan->seed);
    uint32_t epochs = 1 + random_below(EPOCHS_MOST);
    if (epochs > plan->epochs)
        epochs = plan->epochs;
    if (plan->is_short)
        epochs = 0;
    ledger->faulty_epochs = epochs;
    for (uint32_t i = 0; i <= epochs && ledger->wrong == 0; i++)
        fork_epoch(ledger, directory, i == epochs, is_loud);
    if (!is_quiet)
        print_line(ledger);
    if (ledger->wrong != 0 && keeps_disks) {
        printf("  its disks: %s\n", directory);
    } else {
        snprintf(command, sizeof(command), "rm -rf %s", directory);
        check(system(command) == 0);
    }
    return ledger->wrong == 0;
}
