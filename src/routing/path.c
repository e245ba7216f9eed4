/* The cheapest ways between groups (E. W. Dijkstra's), and whether there is a second one. */
#include "routing/table.h"

/* One search; done: whose way is settled. */
struct search {
    const struct link_table *table;
    const struct link_admission *admission;
    struct link_path *paths;
    bool done[LINK_GROUPS_MAX];
};

static bool is_better(const struct link_path *path, uint32_t cost, unsigned hops)
{
    if (!path->is_known || cost != path->cost)
        return !path->is_known || cost < path->cost;
    return hops < path->hops;
}

/* The nearest that is not settled; the first of equals. -1: none is left. */
static int nearest(const struct search *search)
{
    int best = -1;
    for (unsigned i = 0; i < search->table->group_count; i++) {
        const struct link_path *path = &search->paths[i];
        if (search->done[i] || !path->is_known)
            continue;
        if (best < 0 || is_better(&search->paths[best], path->cost, path->hops))
            best = (int)i;
    }
    return best;
}

static void follow(struct search *search, unsigned from, const struct link_connector *connector,
                   const struct link_arrow *arrow)
{
    const struct link_path *before = &search->paths[from];
    for (unsigned i = 0; i < search->table->group_count; i++) {
        struct link_path *path = &search->paths[i];
        uint32_t cost = before->cost + arrow->cost;
        if (search->done[i] || !link_id_equals(&search->table->groups[i]->id, &arrow->group) ||
            !is_better(path, cost, before->hops + 1))
            continue;
        *path = (struct link_path){.is_known = true,
                                   .cost = cost,
                                   .hops = before->hops + 1,
                                   .before = search->table->groups[from],
                                   .by = connector,
                                   .from = before->hops == 0 ? connector : before->from};
    }
}

static bool admits(const struct search *search, const struct link_group *group,
                   const struct link_connector *connector)
{
    const struct link_admission *admission = search->admission;
    if (admission == NULL || admission->admits == NULL)
        return connector->is_up;
    return admission->admits(admission->context, group, connector);
}

void link_paths_find(const struct link_table *table, const struct link_id *own,
                     const struct link_admission *admission, struct link_path *paths)
{
    struct search search = {.table = table, .admission = admission, .paths = paths};
    int at;
    for (unsigned i = 0; i < table->group_count; i++)
        paths[i] = (struct link_path){.is_known = link_id_equals(&table->groups[i]->id, own)};
    while ((at = nearest(&search)) >= 0) {
        const struct link_group *group = table->groups[at];
        search.done[at] = true;
        for (unsigned c = 0; c < group->connector_count; c++) {
            const struct link_connector *connector = &group->connectors[c];
            if (connector->arrow_count == 0 || !admits(&search, group, connector))
                continue;
            for (unsigned i = 0; i < connector->arrow_count; i++)
                follow(&search, (unsigned)at, connector, &connector->arrows[i]);
        }
    }
}

/* All that work but one. */
struct all_but {
    const struct link_group *group;
    const struct link_connector *connector;
};

static bool works_beside(const struct all_but *but, const struct link_group *group,
                         const struct link_connector *connector)
{
    return link_connector_works(connector) &&
           !(link_id_equals(&group->id, &but->group->id) &&
             text_equals_nocase(connector->facts.name, but->connector->facts.name));
}

static bool admits_all_but(void *context, const struct link_group *group,
                           const struct link_connector *connector)
{
    return works_beside(context, group, connector);
}

static bool has_space(const struct link_connector *connector, struct text pattern)
{
    for (unsigned i = 0; i < connector->facts.space_count; i++)
        if (text_equals_nocase(connector->facts.spaces[i].pattern, pattern))
            return true;
    return false;
}

static bool leads_elsewhere(const struct link_table *table, const struct link_path *paths,
                            const struct all_but *but, struct text pattern)
{
    for (unsigned i = 0; i < table->group_count; i++) {
        const struct link_group *group = table->groups[i];
        bool is_own = link_id_equals(&group->id, &but->group->id);
        for (unsigned c = 0; c < group->connector_count && paths[i].is_known; c++) {
            const struct link_connector *other = &group->connectors[c];
            bool is_for_us = !other->is_for_group || is_own;
            if (is_for_us && has_space(other, pattern) && works_beside(but, group, other))
                return true;
        }
    }
    return false;
}

bool link_has_alternate(const struct link_table *table, const struct link_group *group,
                        const struct link_connector *connector)
{
    struct arena arena;
    arena_init(&arena);
    struct link_path *paths = arena_array(&arena, table->group_count, sizeof(*paths));
    struct all_but but = {group, connector};
    struct link_admission admission = {admits_all_but, &but};
    link_paths_find(table, &group->id, &admission, paths);
    bool has = connector->arrow_count + connector->facts.space_count > 0;
    for (unsigned i = 0; i < connector->arrow_count && has; i++) {
        has = false;
        for (unsigned g = 0; g < table->group_count; g++)
            has |= paths[g].is_known &&
                   link_id_equals(&table->groups[g]->id, &connector->arrows[i].group);
    }
    for (unsigned i = 0; i < connector->facts.space_count && has; i++)
        has = leads_elsewhere(table, paths, &but, connector->facts.spaces[i].pattern);
    arena_finish(&arena);
    return has;
}
