#include "decide/route.h"

#include "decide/route_parts.h"

/* Of two that admit the message: the better one comes first; 0: they are alike. */
static int compare(const struct setting_space *a, size_t a_match, const struct setting_space *b,
                   size_t b_match)
{
    if (a_match != b_match)
        return a_match > b_match ? -1 : 1;
    return a->cost < b->cost ? -1 : a->cost > b->cost;
}

static struct route to_connector(const struct setting_connector *connector,
                                 const struct setting_space *space)
{
    return (struct route){
        .connector = connector, .space = space, .by_mx = connector->smart_host_count == 0};
}

/* The best, with how many are as good; of these the one numbered `pick` comes out. */
static struct route best_route(const struct route_facts *facts, bool admits_all, unsigned pick,
                               unsigned *alike)
{
    const struct settings *settings = facts->settings;
    struct route best = {.by_mx = true};
    size_t best_match = 0;
    bool is_refused = false;
    *alike = 0;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        size_t match;
        const struct setting_space *space = route_closest(connector, facts->domain, &match);
        if (space == NULL)
            continue;
        if (!route_is_ours(settings, connector))
            continue;
        if (!admits_all && route_admit(connector, facts) != ROUTE_CHOSEN) {
            is_refused = true;
            continue;
        }
        int order = best.space == NULL ? -1 : compare(space, match, best.space, best_match);
        if (order > 0)
            continue;
        *alike = order < 0 ? 1 : *alike + 1;
        if (order < 0 || *alike == pick + 1) {
            best = to_connector(connector, space);
            best_match = match;
        }
    }
    best.is_refused = best.connector == NULL && is_refused;
    return best;
}

static const struct setting_connector *forward_of(const struct route_facts *facts)
{
    const struct settings *settings = facts->settings;
    const struct setting_domain *domain = settings_domain_find(settings, facts->domain);
    if (domain == NULL || text_is_empty(domain->forward))
        return NULL;
    return settings_connector_find(settings, domain->forward);
}

struct route decide_route(const struct route_facts *facts)
{
    unsigned alike, still;
    const struct setting_connector *forward = forward_of(facts);
    if (forward != NULL)
        return to_connector(forward, NULL);
    if (facts->links != NULL)
        return route_by_links(facts);
    struct route route = best_route(facts, false, 0, &alike);
    if (alike > 1)
        route = best_route(facts, false, (unsigned)(route_spread(facts->id) % alike), &still);
    return route;
}

struct route decide_route_of_domain(const struct settings *settings, struct text domain)
{
    unsigned alike;
    struct route_facts facts = {.settings = settings, .domain = domain};
    return best_route(&facts, true, 0, &alike);
}

bool decide_may_fetch(const struct setting_connector *connector, struct text account)
{
    for (unsigned i = 0; i < connector->hold_account_count; i++)
        if (text_equals_nocase(connector->hold_accounts[i], account))
            return true;
    return false;
}

bool decide_may_fetch_domain(const struct settings *settings, struct text account,
                             struct text domain)
{
    const struct setting_connector *connector = decide_route_of_domain(settings, domain).connector;
    return connector != NULL && decide_may_fetch(connector, account);
}

bool decide_is_fetcher(const struct settings *settings, struct text account)
{
    for (unsigned i = 0; i < settings->connector_count; i++)
        if (decide_may_fetch(&settings->connectors[i], account))
            return true;
    return false;
}
