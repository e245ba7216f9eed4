/* What became of each connector in a decision, for people. */
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

static enum route_standing standing_beside(const struct route_candidate *candidate,
                                           const struct route_candidate *chosen)
{
    if (!route_is_eligible(candidate) || chosen == NULL)
        return candidate->standing;
    if (candidate->match != chosen->match)
        return ROUTE_LESS_SPECIFIC;
    if (candidate->standing == ROUTE_NO_WAY)
        return ROUTE_NO_WAY;
    if (!candidate->is_up)
        return ROUTE_DOWN;
    return candidate->cost > chosen->cost || chosen->group == NULL ? ROUTE_DEARER
                                                                   : ROUTE_TURN_OF_ANOTHER;
}

/* A connector of ours that leads to groups alone, beside a way to one. */
static enum route_standing standing_of_way(const struct route_choosing *choosing,
                                           const struct route *route,
                                           const struct setting_connector *connector)
{
    const struct link_connector *link =
        choosing->own == NULL ? NULL : link_connector_find(choosing->own, connector->name);
    if (connector == route->connector)
        return ROUTE_CHOSEN;
    return link != NULL && !link->is_up ? ROUTE_DOWN : ROUTE_OTHER_WAY;
}

struct route_candidate *decide_candidates(const struct route_facts *facts,
                                          const struct route *route, struct arena *arena,
                                          unsigned *count)
{
    struct route_choosing choosing;
    const struct route_candidate *chosen = NULL;
    route_choosing_init(&choosing, facts, arena);
    route_gather(&choosing);
    for (unsigned i = 0; i < choosing.count && route->space != NULL; i++)
        if (choosing.list[i].space == route->space)
            chosen = &choosing.list[i];
    for (unsigned i = 0; i < choosing.count; i++) {
        struct route_candidate *candidate = &choosing.list[i];
        if (candidate == chosen && route->is_unreachable)
            candidate->standing = candidate->hop == NULL ? ROUTE_NO_WAY : ROUTE_DOWN;
        else if (candidate == chosen ||
                 (route->space == NULL && candidate->connector == route->connector))
            candidate->standing = ROUTE_CHOSEN;
        else if (candidate->connector->arrow_count > 0 && candidate->space == NULL &&
                 route->group != NULL && route->group != choosing.own)
            candidate->standing = standing_of_way(&choosing, route, candidate->connector);
        else if (candidate->group == NULL && facts->links == NULL)
            candidate->standing =
                decide_standing(facts, route, candidate->connector, &candidate->space);
        else
            candidate->standing = standing_beside(candidate, chosen);
    }
    *count = choosing.count;
    return choosing.list;
}

struct text decide_way(const struct route_facts *facts, const struct route *route,
                       struct arena *arena)
{
    struct route_choosing choosing;
    struct text way = TEXT("");
    const struct link_table *links = facts->links;
    if (route->group == NULL || links == NULL)
        return way;
    route_choosing_init(&choosing, facts, arena);
    const struct link_group *at = route->group == choosing.own ? NULL : route->group;
    while (at != NULL) {
        way = text_is_empty(way)
                  ? at->name
                  : arena_printf(arena, "%.*s > %.*s", TEXT_ARG(at->name), TEXT_ARG(way));
        unsigned place = 0;
        while (place < links->group_count && links->groups[place] != at)
            place++;
        at = choosing.paths[place].before;
    }
    return way;
}
