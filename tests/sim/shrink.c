/* One number of the plan after another is made as small as it can be. What is less of something is
 * the same run up to the point where more would have happened, so that a search by halves mostly
 * finds the least. */
#include "shrink.h"

#include <stdio.h>
#include <time.h>

#include "run.h"

enum { SECONDS_MOST = 240, ROUNDS_MOST = 3 };

struct shrinking {
    struct ledger *ledger;
    struct plan plan; /* the smallest that is known to fail */
    uint32_t wrong;
    unsigned tries;
    time_t end;
};

/* Whether it fails with this number in its place; else it has the old one again. */
static bool fails_with(struct shrinking *shrinking, uint32_t *place, uint32_t value)
{
    uint32_t old = *place;
    if (time(NULL) >= shrinking->end)
        return false;
    *place = value;
    shrinking->tries++;
    run(shrinking->ledger, &shrinking->plan, false, false);
    bool is_same = (shrinking->ledger->wrong & shrinking->wrong) != 0;
    if (!is_same)
        *place = old;
    return is_same;
}

/* True: it has become less. */
static bool lessen(struct shrinking *shrinking, uint32_t *place)
{
    uint32_t before = *place, least = 0;
    if (before == 0 || fails_with(shrinking, place, 0))
        return before != 0;
    while (*place - least > 1) {
        uint32_t middle = least + (*place - least) / 2;
        if (!fails_with(shrinking, place, middle))
            least = middle;
    }
    return *place < before;
}

/* No more than what there was. */
static void bound(struct plan *plan, const struct ledger *ledger)
{
    /* The last one, without faults, is none of them. */
    plan->epochs = ledger->epoch < ledger->faulty_epochs ? ledger->epoch : ledger->faulty_epochs;
    plan->messages = ledger->count;
    for (unsigned i = 0; i < WEATHER_KINDS; i++)
        plan->most[i] = ledger->happened[i];
}

void shrink(struct ledger *ledger)
{
    struct shrinking shrinking = {.ledger = ledger,
                                  .plan = ledger->plan,
                                  .wrong = ledger->wrong,
                                  .end = time(NULL) + SECONDS_MOST};
    bound(&shrinking.plan, ledger);
    ledger->is_quiet = true;
    bool is_less = true;
    for (unsigned round = 0; is_less && round < ROUNDS_MOST; round++) {
        is_less = lessen(&shrinking, &shrinking.plan.epochs);
        for (unsigned i = 0; i < WEATHER_KINDS; i++)
            is_less = lessen(&shrinking, &shrinking.plan.most[i]) || is_less;
        is_less = lessen(&shrinking, &shrinking.plan.messages) || is_less;
        is_less =
            (shrinking.plan.fronts != 1 && fails_with(&shrinking, &shrinking.plan.fronts, 1)) ||
            is_less;
    }
    ledger->is_quiet = false;
    printf("  smallest of %u more runs: ", shrinking.tries);
    plan_print(&shrinking.plan);
}
