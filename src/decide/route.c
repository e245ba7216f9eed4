#include "decide/route.h"

#include "decide/route_parts.h"

const struct route_standing_words route_standing_words[ROUTE_STANDINGS] = {
    [ROUTE_CHOSEN] = {"chosen", "to"},
    [ROUTE_OTHER_DOMAINS] = {"it is for other domains", "to"},
    [ROUTE_OTHER_SERVERS] = {"it is for mail of other servers", "from"},
    [ROUTE_NOT_ACCEPTED] = {"it does not accept mail from the sender", "accept"},
    [ROUTE_REJECTED] = {"it rejects mail from the sender", "reject"},
    [ROUTE_OTHER_PRIORITY] = {"it is for other priorities", "only priority"},
    [ROUTE_TOO_LARGE] = {"the message is too large for it", "only size"},
    [ROUTE_OTHER_ORIGIN] = {"it is for other kinds of messages", "only messages"},
    [ROUTE_LESS_SPECIFIC] = {"its address space is less specific", "to"},
    [ROUTE_DEARER] = {"it costs more", "to"},
    [ROUTE_TURN_OF_ANOTHER] = {"it shares the mail with the one chosen", "to"},
    [ROUTE_DOWN] = {"it is down", "smart-host"},
    [ROUTE_NO_WAY] = {"there is no way to its routing group", "to"},
    [ROUTE_SCOPE] = {"it is for its own routing group alone", "scope"},
    [ROUTE_OTHER_WAY] = {"another way to the routing group costs less", "to-group"},
    [ROUTE_OTHER_MEMBERS] = {"other members of the routing group serve it", "bridgehead"},
};

size_t decide_space_match(struct text space, struct text domain)
{
    if (text_equals(space, TEXT("*")))
        return 1;
    if (text_equals_nocase(space, domain))
        return SIZE_MAX;
    /* "*.example.org" is for what stands below example.org, "*example.org" also for itself. */
    bool is_both = text_starts_with(space, TEXT("*")) && !text_starts_with(space, TEXT("*."));
    struct text suffix = text_from_position(space, is_both ? 1 : 2);
    if (!is_both && !text_starts_with(space, TEXT("*.")))
        return 0;
    if (!text_ends_with_nocase(domain, suffix))
        return 0;
    size_t below = domain.length - suffix.length;
    bool is_below = below > 1 && domain.data[below - 1] == '.';
    return is_below || (is_both && below == 0) ? 2 + suffix.length : 0;
}

static bool is_of_domain(struct text address, struct text domain)
{
    size_t at = text_find_last(address, '@');
    return at < address.length && text_equals_nocase(text_from_position(address, at + 1), domain);
}

static bool names_group(const struct route_facts *facts, struct text name)
{
    for (unsigned i = 0; i < facts->group_count; i++)
        if (text_equals_nocase(facts->groups[i], name))
            return true;
    return false;
}

static bool names(const struct setting_senders *senders, const struct route_facts *facts)
{
    for (unsigned i = 0; i < senders->name_count; i++) {
        struct text name = senders->names[i], domain = text_from_position(name, 2);
        bool is_domain = text_starts_with(name, TEXT("*@"));
        if (text_starts_with(name, TEXT("@")) ? names_group(facts, name)
            : is_domain
                ? is_of_domain(facts->sender, domain) || is_of_domain(facts->login, domain)
                : text_equals_nocase(name, facts->sender) || text_equals_nocase(name, facts->login))
            return true;
    }
    return false;
}

static bool contain(const struct setting_senders *senders, const struct route_facts *facts)
{
    return senders->everyone ? !names(senders, facts) : names(senders, facts);
}

static bool is_from_server(const struct setting_connector *connector,
                           const struct route_facts *facts)
{
    bool is_known = false;
    for (unsigned i = 0; i < facts->settings->server_count; i++)
        is_known |= text_equals(facts->settings->servers[i].name, facts->server);
    bool is_named = connector->server_count == 0 || !is_known;
    for (unsigned i = 0; i < connector->server_count && !is_named; i++)
        is_named = text_equals(connector->servers[i], facts->server);
    return is_named;
}

static enum setting_urgency urgency_of(int priority)
{
    return priority > 0 ? URGENCY_HIGH : priority < 0 ? URGENCY_LOW : URGENCY_NORMAL;
}

enum route_standing route_admit(const struct setting_connector *connector,
                                const struct route_facts *facts)
{
    const struct setting_only *only = &connector->only;
    bool is_system = text_is_empty(facts->sender);
    if (!is_from_server(connector, facts))
        return ROUTE_OTHER_SERVERS;
    /* A report that could not leave would be lost. */
    if (!is_system && connector->rejected.place.line > 0 && contain(&connector->rejected, facts))
        return ROUTE_REJECTED;
    if (!is_system && connector->accepted.place.line > 0 && !contain(&connector->accepted, facts))
        return ROUTE_NOT_ACCEPTED;
    if (only->urgencies != 0 && (only->urgencies >> urgency_of(facts->priority) & 1) == 0)
        return ROUTE_OTHER_PRIORITY;
    if (only->less_bytes > 0 && facts->size >= only->less_bytes)
        return ROUTE_TOO_LARGE;
    if (only->origin != ORIGIN_ANY && is_system != (only->origin == ORIGIN_SYSTEM))
        return ROUTE_OTHER_ORIGIN;
    return ROUTE_CHOSEN;
}

const struct setting_space *route_closest(const struct setting_connector *connector,
                                          struct text domain, size_t *match)
{
    const struct setting_space *best = NULL;
    *match = 0;
    for (unsigned i = 0; i < connector->space_count; i++) {
        const struct setting_space *space = &connector->spaces[i];
        size_t rank = decide_space_match(space->pattern, domain);
        bool is_cheaper = best != NULL && rank == *match && space->cost < best->cost;
        if (rank <= *match && !is_cheaper)
            continue;
        *match = rank;
        best = space;
    }
    return best;
}

/* Of two that admit the message: the better one comes first; 0: they are alike. */
static int compare(const struct setting_space *a, size_t a_match, const struct setting_space *b,
                   size_t b_match)
{
    if (a_match != b_match)
        return a_match > b_match ? -1 : 1;
    return a->cost < b->cost ? -1 : a->cost > b->cost;
}

bool route_is_ours(const struct settings *settings, const struct setting_connector *connector)
{
    const struct setting_group *group = settings_group(settings);
    for (unsigned i = 0; i < connector->bridgehead_count && group != NULL; i++)
        if (text_equals(connector->bridgeheads[i], group->self))
            return true;
    return connector->bridgehead_count == 0;
}

static struct route to_connector(const struct setting_connector *connector,
                                 const struct setting_space *space)
{
    return (struct route){
        .connector = connector, .space = space, .by_mx = connector->smart_host_count == 0};
}

uint64_t route_spread(uint64_t id)
{
    id = (id ^ id >> 31) * UINT64_C(0x9E3779B97F4A7C15);
    return id >> 32;
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
    for (unsigned i = 0; domain != NULL && i < settings->connector_count; i++)
        if (!text_is_empty(domain->forward) &&
            text_equals(settings->connectors[i].name, domain->forward))
            return &settings->connectors[i];
    return NULL;
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

enum route_standing decide_standing(const struct route_facts *facts, const struct route *route,
                                    const struct setting_connector *connector,
                                    const struct setting_space **space)
{
    size_t match, chosen_match;
    *space = route_closest(connector, facts->domain, &match);
    if (connector == route->connector)
        return ROUTE_CHOSEN;
    if (*space == NULL)
        return ROUTE_OTHER_DOMAINS;
    enum route_standing admitted = route_admit(connector, facts);
    if (admitted != ROUTE_CHOSEN || route->space == NULL)
        return admitted != ROUTE_CHOSEN ? admitted : ROUTE_OTHER_DOMAINS;
    chosen_match = decide_space_match(route->space->pattern, facts->domain);
    if (match != chosen_match)
        return ROUTE_LESS_SPECIFIC;
    return (*space)->cost > route->space->cost ? ROUTE_DEARER : ROUTE_TURN_OF_ANOTHER;
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
