/* Routes where other servers of the organisation have connectors too: the closest address space of
 * all, then what is up, then the cheapest together with the way to it. Mail goes one step: by a
 * connector of ours to another group, or to the member of our group that has it. */
#include "decide/route_parts.h"

/* The better one comes first; 0: they are alike. A connector without a way to it counts like one
 * that is down: there is no fall-back to a less close one. */
static int compare(const struct route_candidate *a, const struct route_candidate *b)
{
    bool a_goes = a->is_up && a->hop != NULL, b_goes = b->is_up && b->hop != NULL;
    if (a->match != b->match)
        return a->match > b->match ? -1 : 1;
    if (a_goes != b_goes)
        return a_goes ? -1 : 1;
    if (a->cost != b->cost)
        return a->cost < b->cost ? -1 : 1;
    if ((a->group == NULL) != (b->group == NULL))
        return a->group == NULL ? -1 : 1;
    return 0;
}

/* The best; of those that are alike the one numbered `pick`. */
static const struct route_candidate *best_of(const struct route_choosing *choosing, unsigned pick,
                                             unsigned *alike)
{
    const struct route_candidate *best = NULL;
    *alike = 0;
    for (unsigned i = 0; i < choosing->count; i++) {
        const struct route_candidate *candidate = &choosing->list[i];
        int order = !route_is_eligible(candidate) ? 1
                    : best == NULL                ? -1
                                                  : compare(candidate, best);
        if (order > 0)
            continue;
        *alike = order < 0 ? 1 : *alike + 1;
        if (order < 0 || *alike == pick + 1)
            best = candidate;
    }
    return best;
}

/* Some connector has the domain and is one that this server could use. */
static bool is_refused(const struct route_choosing *choosing)
{
    for (unsigned i = 0; i < choosing->count; i++) {
        const struct route_candidate *candidate = &choosing->list[i];
        if (candidate->space != NULL && candidate->standing != ROUTE_SCOPE &&
            candidate->standing != ROUTE_OTHER_MEMBERS)
            return true;
    }
    return false;
}

static struct route to_candidate(const struct route_candidate *candidate)
{
    struct route route = {.connector = candidate->hop,
                          .space = candidate->space,
                          .group = candidate->group,
                          .link = candidate->link,
                          .cost = candidate->cost};
    bool waits_there = candidate->group == NULL && candidate->hop == candidate->connector;
    route.is_unreachable = candidate->hop == NULL || (!candidate->is_up && !waits_there);
    if (route.is_unreachable)
        route.connector = NULL;
    else
        route.by_mx = candidate->hop->smart_host_count == 0;
    return route;
}

struct route route_by_links(const struct route_facts *facts)
{
    struct route_choosing choosing;
    struct arena arena;
    unsigned alike, still;
    if (facts->waits_for_links)
        return (struct route){.is_unreachable = true};
    arena_init(&arena);
    route_choosing_init(&choosing, facts, &arena);
    route_gather(&choosing);
    const struct route_candidate *best = best_of(&choosing, 0, &alike);
    if (alike > 1)
        best = best_of(&choosing, (unsigned)(route_spread(facts->id) % alike), &still);
    struct route route = {.by_mx = true};
    if (best != NULL)
        route = to_candidate(best);
    else
        route.is_refused = is_refused(&choosing);
    arena_finish(&arena);
    return route;
}
