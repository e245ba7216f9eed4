/* What is said of a group: by a member of itself, and by the master of all. */
#include <stdlib.h>

#include "base/check.h"
#include "routing/server_internal.h"

/* What holds for a connector that is told of; texts are copied. */
static void copy_senders(struct link_group *group, struct setting_senders *to,
                         const struct setting_senders *from)
{
    to->everyone = from->everyone;
    to->place.line = from->place.line > 0;
    for (unsigned i = 0; i < from->name_count; i++)
        link_add_sender(group, to, from->names[i]);
}

static void copy_facts(struct link_group *group, struct link_connector *to,
                       const struct setting_connector *from)
{
    to->facts.only = from->only;
    for (unsigned i = 0; i < from->space_count; i++)
        link_add_space(group, to, from->spaces[i].pattern, from->spaces[i].cost);
    copy_senders(group, &to->facts.accepted, &from->accepted);
    copy_senders(group, &to->facts.rejected, &from->rejected);
}

/* Ourselves */

static bool is_ours(const struct setting_group *group, const struct setting_connector *connector)
{
    bool is_named = connector->bridgehead_count == 0;
    for (unsigned i = 0; i < connector->bridgehead_count; i++)
        is_named |= text_equals(connector->bridgeheads[i], group->self);
    return is_named && connector->space_count + connector->arrow_count > 0;
}

static bool is_down(const struct link_server *server, struct text connector)
{
    for (unsigned i = 0; i < server->down_count; i++)
        if (text_equals_nocase(server->down[i], connector))
            return !server->group->suppresses;
    return false;
}

static void describe_connector(const struct link_server *server, struct link_group *out,
                               const struct setting_connector *connector)
{
    struct link_connector *link = link_add_connector(out, connector->name);
    if (link == NULL)
        return;
    copy_facts(out, link, connector);
    link->is_for_group = connector->is_for_group;
    link->is_by_mx = connector->smart_host_count == 0 || connector->is_direct_first;
    link->has_schedule = connector->schedule.is_set;
    for (unsigned i = 0; i < connector->arrow_count; i++) {
        struct link_id id = link_id_of("group", connector->arrows[i].group);
        link_add_arrow(out, link, &id, connector->arrows[i].cost);
    }
    for (unsigned i = 0; i < connector->smart_host_count && connector->arrow_count > 0; i++)
        link_add_target(out, link,
                        arena_printf(&out->arena, "%.*s:%u",
                                     TEXT_ARG(connector->smart_hosts[i].host),
                                     connector->smart_hosts[i].port));
    link->hosts = connector->smart_host_count == 0
                      ? TEXT("")
                      : arena_copy(&out->arena, connector->smart_hosts[0].host);
    struct link_bridgehead *bridgehead = link_add_bridgehead(out, link, server->group->self);
    bridgehead->reach = is_down(server, connector->name) ? LINK_NOT_AVAILABLE : LINK_AVAILABLE;
}

struct link_group *link_server_describe(const struct link_server *server)
{
    const struct setting_group *setting = server->group;
    struct link_group *out = link_group_new(setting->name, setting->organisation);
    out->master = link_add_member(out, setting->self)->name;
    out->members[0].is_connected = true;
    for (unsigned i = 0; i < server->settings->connector_count; i++)
        if (is_ours(setting, &server->settings->connectors[i]))
            describe_connector(server, out, &server->settings->connectors[i]);
    if (!link_group_seal(out))
        link_group_free(&out);
    return out;
}

/* The master */

struct link_reporter *link_reporter_find(const struct link_server *server, struct text member)
{
    for (unsigned i = 0; i < server->reporter_count; i++)
        if (text_equals_nocase(server->reporters[i].name, member))
            return &server->reporters[i];
    return NULL;
}

/* A connector of several bridgeheads is as the first of them says; the others are added. */
static void add_connector(struct link_group *out, const struct link_connector *told,
                          struct text member, enum link_reach reach)
{
    struct link_connector *link = link_connector_find(out, told->facts.name);
    if (link == NULL) {
        link = link_add_connector(out, told->facts.name);
        if (link == NULL)
            return;
        copy_facts(out, link, &told->facts);
        link->hosts = arena_copy(&out->arena, told->hosts);
        link->is_for_group = told->is_for_group;
        link->is_by_mx = told->is_by_mx;
        link->has_schedule = told->has_schedule;
        for (unsigned i = 0; i < told->arrow_count; i++)
            link_add_arrow(out, link, &told->arrows[i].group, told->arrows[i].cost);
        for (unsigned i = 0; i < told->target_count; i++)
            link_add_target(out, link, told->targets[i]);
    }
    struct link_bridgehead *bridgehead = link_add_bridgehead(out, link, member);
    if (bridgehead != NULL)
        bridgehead->reach = reach;
}

/* What a member says of itself; of one that has not reported to us yet, what the master before us
 * said of it. */
static void add_member(const struct link_server *server, struct link_group *out, struct text name,
                       bool with_states)
{
    bool is_self = text_equals_nocase(name, server->group->self);
    const struct link_reporter *reporter = link_reporter_find(server, name);
    const struct link_group *told = is_self ? server->own : reporter->report;
    if (told == NULL)
        told = link_server_group(server);
    const struct link_member *known = told == NULL ? NULL : link_member_find(told, name);
    bool is_connected = is_self || (known != NULL && known->is_connected && !reporter->is_lost);
    struct link_member *member = link_add_member(out, name);
    if (member == NULL)
        return;
    member->is_connected = is_connected || !with_states;
    for (unsigned i = 0; told != NULL && i < told->connector_count; i++) {
        const struct link_bridgehead *bridgehead = link_bridgehead_find(&told->connectors[i], name);
        if (bridgehead == NULL)
            continue;
        enum link_reach reach = is_connected ? bridgehead->reach : LINK_NOT_STARTED;
        if (server->group->suppresses || !with_states)
            reach = LINK_AVAILABLE;
        add_connector(out, &told->connectors[i], name, reach);
    }
}

static struct link_group *compose_raw(const struct link_server *server, bool with_states)
{
    const struct setting_group *setting = server->group;
    struct link_group *out = link_group_new(setting->name, setting->organisation);
    for (unsigned i = 0; i < setting->member_count; i++)
        add_member(server, out, setting->members[i].name, with_states);
    out->master = arena_copy(&out->arena, server->hands_over ? setting->master : setting->self);
    if (!link_group_seal(out))
        link_group_free(&out);
    return out;
}

struct link_id link_state_digest(const struct link_group *group)
{
    struct buffer states;
    buffer_init(&states, LINK_TABLE_MAX);
    for (unsigned i = 0; i < group->connector_count; i++) {
        const struct link_connector *connector = &group->connectors[i];
        buffer_printf(&states, "%.*s %d", TEXT_ARG(connector->facts.name), connector->is_up);
        for (unsigned k = 0; k < connector->bridgehead_count; k++)
            buffer_printf(&states, " %d", (int)connector->bridgeheads[k].reach);
        buffer_append_byte(&states, '\n');
    }
    struct link_id digest = link_digest(buffer_text(&states));
    buffer_finish(&states);
    return digest;
}

struct link_id link_server_config_digest(const struct link_server *server)
{
    struct link_group *group = compose_raw(server, false);
    struct link_id digest = group == NULL ? link_digest(TEXT("")) : group->digest;
    link_group_free(&group);
    return digest;
}

static struct link_flips *flips_of(struct link_server *server, struct text connector)
{
    for (unsigned i = 0; i < server->flip_count; i++)
        if (text_equals_nocase(server->flips[i].connector, connector))
            return &server->flips[i];
    server->flips = realloc(server->flips, (server->flip_count + 1) * sizeof(*server->flips));
    check(server->flips != NULL);
    struct link_flips *flips = &server->flips[server->flip_count++];
    *flips = (struct link_flips){.connector = {text_to_string(connector), connector.length},
                                 .works = true};
    return flips;
}

/* It goes up and down too often to tell everybody each time: it is left up. */
static bool is_unsteady(struct link_server *server, const struct link_connector *connector,
                        bool works, int64_t now_ms)
{
    struct link_flips *flips = flips_of(server, connector->facts.name);
    if (now_ms - flips->last_ms >= 10 * server->group->retry_ms)
        flips->count = 0;
    if (works != flips->works) {
        flips->works = works;
        flips->count++;
        flips->last_ms = now_ms;
    }
    return flips->count >= LINK_FLIPS_MOST;
}

struct link_group *link_server_compose(struct link_server *server, int64_t now_ms)
{
    struct link_group *draft = compose_raw(server, true), *out = compose_raw(server, true);
    if (draft == NULL || out == NULL || !link_table_put(server->table, &draft)) {
        link_group_free(&draft);
        link_group_free(&out);
        return NULL;
    }
    for (unsigned i = 0; i < out->connector_count; i++) {
        struct link_connector *connector = &out->connectors[i];
        bool works = link_connector_works(connector);
        bool is_left_up = is_unsteady(server, connector, works, now_ms) ||
                          !link_has_alternate(server->table, out, connector);
        connector->is_up = works || is_left_up;
    }
    if (!link_group_seal(out))
        link_group_free(&out);
    return out;
}
