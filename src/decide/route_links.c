/* Routes where other servers of the organisation have connectors too: the closest address space of
 * all, then what is up, then the cheapest together with the way to it. Mail goes one step: by a
 * connector of ours to another group, or to the member of our group that has it. */
#include "decide/route_parts.h"

/* One decision under way. */
struct choosing {
    const struct route_facts *facts;
    struct arena *arena;
    const struct setting_group *setting;
    struct link_id own_id, from_id; /* from: the group it came from; equal to own: none */
    const struct link_group *own;   /* NULL: the master has not told of it yet */
    struct link_path *paths;        /* to each group of the table */
    struct route_candidate *list;
    unsigned count;
};

static bool leads_to(const struct link_connector *connector, const struct link_id *group)
{
    for (unsigned i = 0; i < connector->arrow_count; i++)
        if (link_id_equals(&connector->arrows[i].group, group))
            return true;
    return false;
}

/* A step on a way: not back to where it came from. */
static bool admits(void *context, const struct link_group *group,
                   const struct link_connector *connector)
{
    const struct choosing *choosing = context;
    bool is_first = link_id_equals(&group->id, &choosing->own_id);
    bool comes_back = is_first && !link_id_equals(&choosing->from_id, &choosing->own_id) &&
                      leads_to(connector, &choosing->from_id);
    return connector->is_up && !comes_back &&
           route_admit(&connector->facts, choosing->facts) == ROUTE_CHOSEN;
}

static void find_origin(struct choosing *choosing)
{
    const struct link_table *links = choosing->facts->links;
    struct text from = choosing->facts->from_member;
    choosing->from_id = choosing->own_id;
    for (unsigned i = 0; i < links->group_count && !text_is_empty(from); i++)
        if (link_member_find(links->groups[i], from) != NULL)
            choosing->from_id = links->groups[i]->id;
}

static void choosing_init(struct choosing *choosing, const struct route_facts *facts,
                          struct arena *arena)
{
    const struct link_table *links = facts->links;
    struct link_admission admission = {admits, choosing};
    *choosing = (struct choosing){
        .facts = facts, .arena = arena, .setting = settings_group(facts->settings)};
    if (links == NULL || choosing->setting == NULL)
        return;
    choosing->own_id = link_id_of("group", choosing->setting->name);
    choosing->own = link_table_find(links, &choosing->own_id);
    find_origin(choosing);
    choosing->paths = arena_array(arena, links->group_count, sizeof(*choosing->paths));
    link_paths_find(links, &choosing->own_id, &admission, choosing->paths);
}

static const struct setting_connector *connector_named(const struct settings *settings,
                                                       struct text name)
{
    for (unsigned i = 0; i < settings->connector_count; i++)
        if (text_equals_nocase(settings->connectors[i].name, name))
            return &settings->connectors[i];
    return NULL;
}

static const struct setting_connector *member_hop(const struct choosing *choosing,
                                                  struct text member)
{
    if (text_equals_nocase(member, choosing->setting->self) ||
        text_equals_nocase(member, choosing->facts->from_member))
        return NULL;
    return connector_named(choosing->facts->settings,
                           settings_member_hop("member", member, choosing->arena));
}

/* The next step to a connector of our group: itself where we are a bridgehead that works, or else
 * one of the members that are; by the message's id, to share the mail. When none works, a
 * bridgehead all the same: there the mail is tried again. */
static const struct setting_connector *step_to(const struct choosing *choosing,
                                               const struct link_connector *link)
{
    const struct settings *settings = choosing->facts->settings;
    const struct setting_connector *ours = connector_named(settings, link->facts.name), *hop = NULL;
    bool is_ours = ours != NULL && route_is_ours(settings, ours);
    const struct link_bridgehead *self = link_bridgehead_find(link, choosing->setting->self);
    if (is_ours && (self == NULL || self->reach == LINK_AVAILABLE))
        return ours;
    unsigned start = (unsigned)route_spread(choosing->facts->id);
    for (unsigned i = 0; i < link->bridgehead_count && hop == NULL; i++) {
        const struct link_bridgehead *bridgehead =
            &link->bridgeheads[(start + i) % link->bridgehead_count];
        if (bridgehead->reach == LINK_AVAILABLE)
            hop = member_hop(choosing, bridgehead->member);
    }
    if (hop != NULL || is_ours)
        return hop != NULL ? hop : ours;
    for (unsigned i = 0; i < link->bridgehead_count && hop == NULL; i++)
        hop = member_hop(choosing, link->bridgeheads[i].member);
    return hop;
}

static struct route_candidate *add(struct choosing *choosing,
                                   const struct setting_connector *connector)
{
    struct route_candidate *candidate = &choosing->list[choosing->count++];
    *candidate = (struct route_candidate){.connector = connector, .standing = ROUTE_CHOSEN};
    candidate->space = route_closest(connector, choosing->facts->domain, &candidate->match);
    if (candidate->space == NULL)
        candidate->standing = ROUTE_OTHER_DOMAINS;
    else
        candidate->standing = route_admit(connector, choosing->facts);
    candidate->cost = candidate->space == NULL ? 0 : candidate->space->cost;
    return candidate;
}

/* A connector of our settings. It is down when the group knows so, or when another bridgehead of it
 * works and we do not. */
static void add_own(struct choosing *choosing, const struct setting_connector *connector)
{
    struct route_candidate *candidate = add(choosing, connector);
    candidate->is_up = true;
    candidate->hop = connector;
    if (candidate->space == NULL)
        return;
    const struct link_connector *link =
        choosing->own == NULL ? NULL : link_connector_find(choosing->own, connector->name);
    if (!route_is_ours(choosing->facts->settings, connector)) {
        candidate->standing = ROUTE_OTHER_MEMBERS;
    } else if (link != NULL) {
        candidate->hop = step_to(choosing, link);
        candidate->is_up = link->is_up;
    }
}

static void add_link(struct choosing *choosing, const struct link_group *group,
                     const struct link_path *path, const struct link_connector *link)
{
    const struct settings *settings = choosing->facts->settings;
    bool is_own_group = group == choosing->own;
    const struct setting_connector *ours =
        is_own_group ? connector_named(settings, link->facts.name) : NULL;
    if (ours != NULL && route_is_ours(settings, ours))
        return;
    struct route_candidate *candidate = add(choosing, &link->facts);
    candidate->group = group;
    candidate->link = link;
    if (candidate->standing != ROUTE_CHOSEN)
        return;
    if (link->is_for_group && !is_own_group)
        candidate->standing = ROUTE_SCOPE;
    else if (path->is_known)
        candidate->hop = step_to(choosing, is_own_group ? link : path->from);
    if (candidate->hop == NULL && candidate->standing == ROUTE_CHOSEN)
        candidate->standing = ROUTE_NO_WAY;
    candidate->cost += path->cost;
    candidate->is_up = link->is_up;
}

static void gather(struct choosing *choosing)
{
    const struct settings *settings = choosing->facts->settings;
    const struct link_table *links = choosing->facts->links;
    unsigned most = settings->connector_count;
    for (unsigned i = 0; links != NULL && i < links->group_count; i++)
        most += links->groups[i]->connector_count;
    choosing->list = arena_array(choosing->arena, most, sizeof(*choosing->list));
    for (unsigned i = 0; i < settings->connector_count; i++)
        add_own(choosing, &settings->connectors[i]);
    for (unsigned i = 0; choosing->paths != NULL && i < links->group_count; i++)
        for (unsigned c = 0; c < links->groups[i]->connector_count; c++)
            add_link(choosing, links->groups[i], &choosing->paths[i],
                     &links->groups[i]->connectors[c]);
}

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

static bool is_eligible(const struct route_candidate *candidate)
{
    return candidate->standing == ROUTE_CHOSEN || candidate->standing == ROUTE_NO_WAY;
}

/* The best; of those that are alike the one numbered `pick`. */
static const struct route_candidate *best_of(const struct choosing *choosing, unsigned pick,
                                             unsigned *alike)
{
    const struct route_candidate *best = NULL;
    *alike = 0;
    for (unsigned i = 0; i < choosing->count; i++) {
        const struct route_candidate *candidate = &choosing->list[i];
        int order = !is_eligible(candidate) ? 1 : best == NULL ? -1 : compare(candidate, best);
        if (order > 0)
            continue;
        *alike = order < 0 ? 1 : *alike + 1;
        if (order < 0 || *alike == pick + 1)
            best = candidate;
    }
    return best;
}

/* Some connector has the domain and is one that this server could use. */
static bool is_refused(const struct choosing *choosing)
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
    struct choosing choosing;
    struct arena arena;
    unsigned alike, still;
    if (facts->waits_for_links)
        return (struct route){.is_unreachable = true};
    arena_init(&arena);
    choosing_init(&choosing, facts, &arena);
    gather(&choosing);
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

static enum route_standing standing_beside(const struct route_candidate *candidate,
                                           const struct route_candidate *chosen)
{
    if (!is_eligible(candidate) || chosen == NULL)
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
static enum route_standing standing_of_way(const struct choosing *choosing,
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
    struct choosing choosing;
    const struct route_candidate *chosen = NULL;
    choosing_init(&choosing, facts, arena);
    gather(&choosing);
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
    struct choosing choosing;
    struct text way = TEXT("");
    const struct link_table *links = facts->links;
    if (route->group == NULL || links == NULL)
        return way;
    choosing_init(&choosing, facts, arena);
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
