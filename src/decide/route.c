#include "decide/route.h"

size_t decide_space_match(struct text space, struct text domain)
{
    if (text_equals(space, TEXT("*")))
        return 1;
    if (text_equals_nocase(space, domain))
        return SIZE_MAX;
    /* "*.example.org" is for what stands below example.org, not for itself. */
    struct text suffix = text_from_position(space, 1);
    if (text_starts_with(space, TEXT("*.")) && domain.length > suffix.length &&
        text_ends_with_nocase(domain, suffix))
        return 1 + suffix.length;
    return 0;
}

struct route decide_route(const struct settings *settings, struct text domain)
{
    struct route best = {.by_mx = true};
    size_t best_match = 0;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        for (unsigned k = 0; k < connector->space_count; k++) {
            size_t match = decide_space_match(connector->spaces[k], domain);
            bool cheaper =
                match == best_match && match > 0 && connector->cost < best.connector->cost;
            if (match <= best_match && !cheaper)
                continue;
            best_match = match;
            best = (struct route){.connector = connector,
                                  .by_mx = connector->smart_host_count == 0,
                                  .space = connector->spaces[k]};
        }
    }
    return best;
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
    const struct setting_connector *connector = decide_route(settings, domain).connector;
    return connector != NULL && decide_may_fetch(connector, account);
}

bool decide_is_fetcher(const struct settings *settings, struct text account)
{
    for (unsigned i = 0; i < settings->connector_count; i++)
        if (decide_may_fetch(&settings->connectors[i], account))
            return true;
    return false;
}
