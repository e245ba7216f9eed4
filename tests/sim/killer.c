#include "killer.h"

#include "holdings.h"
#include "process.h"

enum { FAR_BITS = 10, NEAR_BITS = 12 };

static enum weather_kind kind_of(enum role_kind role)
{
    return WEATHER_KILL_FRONT + role;
}

void killer_choose(struct killer *killer)
{
    struct weather *weather = killer->weather;
    for (enum role_kind role = 0; role < ROLE_PARENT; role++) {
        enum weather_kind kind = kind_of(role);
        uint32_t bits = weather_below(weather, kind, FAR_BITS);
        uint32_t first = 1 + weather_below(weather, kind, 256u << bits);
        uint32_t once_in = weather->once_in[kind];
        bool is_due = once_in != 0 && weather_below(weather, kind, once_in) == 0;
        killer->at[role] = is_due ? first : UINT64_MAX;
    }
}

/* Of several fronts one. */
static struct keeper *chosen(struct killer *killer, struct site *site, enum role_kind role)
{
    uint32_t number = 0;
    if (role == ROLE_FRONT)
        number = weather_below(killer->weather, kind_of(role), site->fronts);
    return &site->keepers[number == 0 ? role : ROLE_PARENT - 1 + number];
}

/* The next may come while it starts anew, or long after. */
static void strike(struct killer *killer, enum role_kind role)
{
    enum weather_kind kind = kind_of(role);
    uint32_t site = weather_below(killer->weather, kind, SITES);
    uint32_t bits = weather_below(killer->weather, kind, NEAR_BITS);
    killer->at[role] = killer->points + 1 + weather_below(killer->weather, kind, 16u << bits);
    struct keeper *keeper = chosen(killer, &killer->sites[site], role);
    if (keeper->role != NULL && weather_happens(killer->weather, kind))
        site_kill(keeper);
}

static void pass_point(struct killer *killer)
{
    killer->points++;
    for (enum role_kind role = 0; role < ROLE_PARENT; role++)
        if (killer->points >= killer->at[role])
            strike(killer, role);
}

/* Of the first site: the one whose point it is. */
static void pass_own_point(struct killer *killer, struct keeper *keeper)
{
    if (++killer->points != killer->ledger->plan.kill_at)
        return;
    killer->weather->happened[kind_of(keeper->kind)]++;
    site_kill(keeper);
}

/* The process that goes on, or calls a disk. */
static void pass(struct killer *killer, unsigned process)
{
    const struct plan *plan = &killer->ledger->plan;
    if (!killer->is_armed || process == 0)
        return;
    struct keeper *keeper = keeper_of(killer->sites, process);
    if (plan->kill_at == 0)
        pass_point(killer);
    else if (killer->ledger->epoch == 0 && keeper->site == &killer->sites[0] &&
             keeper->kind == plan->kill_role)
        pass_own_point(killer, keeper);
}

/* A store that starts anew takes the wall clock as it finds it. */
static void lost(void *context, unsigned process)
{
    struct killer *killer = context;
    struct keeper *keeper = keeper_of(killer->sites, process);
    site_lost(keeper);
    if (keeper->kind == ROLE_STORE)
        calendar_start(&killer->ledger->calendar);
}

/* Those too that are killed at this point. */
void killer_at_switch(struct killer *killer, unsigned process)
{
    pass(killer, process);
    process_kill_doomed(lost, killer);
}

void killer_at_call(struct killer *killer)
{
    pass(killer, holdings_taker());
}
