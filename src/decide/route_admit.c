/* What one connector is to one message: whether its address space has the domain, and whether it
 * admits the message. */
#include "decide/route_parts.h"

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
    bool is_known = settings_server_find(facts->settings, facts->server) != NULL;
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

bool route_is_ours(const struct settings *settings, const struct setting_connector *connector)
{
    const struct setting_group *group = settings_group(settings);
    for (unsigned i = 0; i < connector->bridgehead_count && group != NULL; i++)
        if (text_equals(connector->bridgeheads[i], group->self))
            return true;
    return connector->bridgehead_count == 0;
}

uint64_t route_spread(uint64_t id)
{
    id = (id ^ id >> 31) * UINT64_C(0x9E3779B97F4A7C15);
    return id >> 32;
}
