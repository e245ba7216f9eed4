/* The connectors that a message could leave by, with those of other servers of the organisation:
 * what each costs together with the way to it, and what the next step would be. */
#include "decide/route_parts.h"

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
    const struct route_choosing *choosing = context;
    bool is_first = link_id_equals(&group->id, &choosing->own_id);
    bool comes_back = is_first && !link_id_equals(&choosing->from_id, &choosing->own_id) &&
                      leads_to(connector, &choosing->from_id);
    return connector->is_up && !comes_back &&
           route_admit(&connector->facts, choosing->facts) == ROUTE_CHOSEN;
}

static void find_origin(struct route_choosing *choosing)
{
    const struct link_table *links = choosing->facts->links;
    struct text from = choosing->facts->from_member;
    choosing->from_id = choosing->own_id;
    for (unsigned i = 0; i < links->group_count && !text_is_empty(from); i++)
        if (link_member_find(links->groups[i], from) != NULL)
            choosing->from_id = links->groups[i]->id;
}

void route_choosing_init(struct route_choosing *choosing, const struct route_facts *facts,
                         struct arena *arena)
{
    const struct link_table *links = facts->links;
    struct link_admission admission = {admits, choosing};
    *choosing = (struct route_choosing){
        .facts = facts, .arena = arena, .setting = settings_group(facts->settings)};
    if (links == NULL || choosing->setting == NULL)
        return;
    choosing->own_id = link_id_of("group", choosing->setting->name);
    choosing->own = link_table_find(links, &choosing->own_id);
    find_origin(choosing);
    choosing->paths = arena_array(arena, links->group_count, sizeof(*choosing->paths));
    link_paths_find(links, &choosing->own_id, &admission, choosing->paths);
}

static const struct setting_connector *member_hop(const struct route_choosing *choosing,
                                                  struct text member)
{
    if (text_equals_nocase(member, choosing->setting->self) ||
        text_equals_nocase(member, choosing->facts->from_member))
        return NULL;
    return settings_connector_find(choosing->facts->settings,
                                   settings_member_hop("member", member, choosing->arena));
}

/* The next step to a connector of our group: itself where we are a bridgehead that works, or else
 * one of the members that are; by the message's id, to share the mail. When none works, a
 * bridgehead all the same: there the mail is tried again. */
static const struct setting_connector *step_to(const struct route_choosing *choosing,
                                               const struct link_connector *link)
{
    const struct settings *settings = choosing->facts->settings;
    const struct setting_connector *ours = settings_connector_find(settings, link->facts.name),
                                   *hop = NULL;
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

static struct route_candidate *add(struct route_choosing *choosing,
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
static void add_own(struct route_choosing *choosing, const struct setting_connector *connector)
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

static void add_link(struct route_choosing *choosing, const struct link_group *group,
                     const struct link_path *path, const struct link_connector *link)
{
    const struct settings *settings = choosing->facts->settings;
    bool is_own_group = group == choosing->own;
    const struct setting_connector *ours =
        is_own_group ? settings_connector_find(settings, link->facts.name) : NULL;
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

void route_gather(struct route_choosing *choosing)
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

bool route_is_eligible(const struct route_candidate *candidate)
{
    return candidate->standing == ROUTE_CHOSEN || candidate->standing == ROUTE_NO_WAY;
}
