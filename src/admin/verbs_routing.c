/* `mailroot routing`: what this server knows of routing groups. */
#include <inttypes.h>

#include "admin/verbs_route.h"
#include "admin/words.h"
#include "queue/links/links.h"

struct telling {
    const struct queue *queue;
    struct admin_call *call;
    struct queue_links_view links;
};

/* A group's name, or its id while nothing else is known of it. */
static struct text name_of(const struct telling *telling, const struct link_id *id)
{
    const struct link_group *group = link_table_find(telling->links.table, id);
    return group == NULL ? link_id_text(id) : group->name;
}

static void print_ways(const struct telling *telling, const struct link_connector *connector)
{
    struct buffer *out = telling->call->out;
    for (unsigned i = 0; i < connector->facts.space_count; i++)
        buffer_printf(out, "        to %.*s cost %" PRIu32 "%s\n",
                      TEXT_ARG(connector->facts.spaces[i].pattern), connector->facts.spaces[i].cost,
                      connector->is_for_group ? ", for this group alone" : "");
    for (unsigned i = 0; i < connector->arrow_count; i++)
        buffer_printf(out, "        to group %.*s cost %" PRIu32 "\n",
                      TEXT_ARG(name_of(telling, &connector->arrows[i].group)),
                      connector->arrows[i].cost);
    for (unsigned i = 0; i < connector->bridgehead_count; i++)
        buffer_printf(out, "        bridgehead %.*s %s\n",
                      TEXT_ARG(connector->bridgeheads[i].member),
                      link_reach_words[connector->bridgeheads[i].reach]);
    for (unsigned i = 0; i < connector->target_count; i++)
        buffer_printf(out, "        host %.*s\n", TEXT_ARG(connector->targets[i]));
}

static void print_group(const struct telling *telling, const struct link_group *group)
{
    struct buffer *out = telling->call->out;
    buffer_printf(
        out, "group %.*s  version %" PRIx32 ".%" PRIx32 ".%" PRIx32 "  master %.*s  digest %s\n",
        TEXT_ARG(group->name), group->version.major, group->version.minor, group->version.user,
        TEXT_ARG(group->master), group->digest.hex);
    for (unsigned i = 0; i < group->member_count; i++)
        buffer_printf(out, "    member %.*s %s\n", TEXT_ARG(group->members[i].name),
                      group->members[i].is_connected ? "connected" : "not connected");
    for (unsigned i = 0; i < group->connector_count; i++) {
        const struct link_connector *connector = &group->connectors[i];
        struct text name = connector->facts.name;
        buffer_printf(out, "    connector %.*s %s since ", TEXT_ARG(name),
                      connector->is_up ? "up" : "DOWN");
        verb_time(out, queue_links_since(telling->queue, group->name, name));
        buffer_append_byte(out, '\n');
        print_ways(telling, connector);
    }
}

static void print_peer(void *context, const struct queue_link_peer_view *peer)
{
    const struct telling *telling = context;
    struct buffer *out = telling->call->out;
    buffer_printf(out, "    %.*s %s since ", TEXT_ARG(peer->connector),
                  !peer->was_asked ? "not asked yet"
                  : peer->answers  ? "answers"
                                   : "does not answer");
    verb_time(out, peer->since_ms);
    if (peer->agrees)
        buffer_append(out, TEXT(", knows what we know"));
    if (!text_is_empty(peer->trouble)) {
        buffer_append(out, TEXT(": "));
        verb_clean(out, peer->trouble);
    }
    buffer_append_byte(out, '\n');
}

static void print_group_json(const struct telling *telling, const struct link_group *group)
{
    struct buffer *out = telling->call->out;
    for (unsigned i = 0; i < group->connector_count; i++) {
        const struct link_connector *connector = &group->connectors[i];
        buffer_append(out, TEXT("{\"kind\":\"connector\""));
        verb_json_field(out, "group", group->name);
        verb_json_field(out, "name", connector->facts.name);
        buffer_printf(out, ",\"state\":\"%s\",\"since\":\"", connector->is_up ? "up" : "down");
        verb_time(out, queue_links_since(telling->queue, group->name, connector->facts.name));
        buffer_append(out, TEXT("\",\"bridgeheads\":{"));
        for (unsigned k = 0; k < connector->bridgehead_count; k++) {
            buffer_append(out, k == 0 ? TEXT("") : TEXT(","));
            admin_json_text(out, connector->bridgeheads[k].member);
            buffer_printf(out, ":\"%s\"", link_reach_words[connector->bridgeheads[k].reach]);
        }
        buffer_append(out, TEXT("}}\n"));
    }
    buffer_append(out, TEXT("{\"kind\":\"group\""));
    verb_json_field(out, "name", group->name);
    verb_json_field(out, "master", group->master);
    verb_json_field(out, "digest", link_id_text(&group->digest));
    buffer_printf(
        out, ",\"major\":%" PRIu32 ",\"minor\":%" PRIu32 ",\"user\":%" PRIu32 ",\"connected\":[",
        group->version.major, group->version.minor, group->version.user);
    unsigned connected = 0;
    for (unsigned i = 0; i < group->member_count; i++) {
        if (!group->members[i].is_connected)
            continue;
        buffer_append(out, connected++ == 0 ? TEXT("") : TEXT(","));
        admin_json_text(out, group->members[i].name);
    }
    buffer_append(out, TEXT("]}\n"));
}

static void print_peer_json(void *context, const struct queue_link_peer_view *peer)
{
    const struct telling *telling = context;
    struct buffer *out = telling->call->out;
    buffer_append(out, TEXT("{\"kind\":\"peer\""));
    verb_json_field(out, "connector", peer->connector);
    verb_json_field(out, "member", peer->member);
    buffer_printf(out, ",\"asked\":%s,\"answers\":%s,\"agrees\":%s,\"since\":\"",
                  peer->was_asked ? "true" : "false", peer->answers ? "true" : "false",
                  peer->agrees ? "true" : "false");
    verb_time(out, peer->since_ms);
    buffer_append_byte(out, '"');
    verb_json_field(out, "trouble", peer->trouble);
    buffer_append(out, TEXT("}\n"));
}

static void print_json(struct telling *telling)
{
    const struct queue_links_view *links = &telling->links;
    struct buffer *out = telling->call->out;
    buffer_append(out, TEXT("{\"kind\":\"table\""));
    verb_json_field(out, "group", links->group);
    verb_json_field(out, "server", links->self);
    verb_json_field(out, "digest", link_id_text(&links->table->digest));
    buffer_printf(out, ",\"master\":%s,\"awaited\":%s}\n", links->is_master ? "true" : "false",
                  links->is_awaited ? "true" : "false");
    for (unsigned i = 0; i < links->table->group_count; i++)
        print_group_json(telling, links->table->groups[i]);
    queue_each_link_peer(telling->queue, print_peer_json, telling);
}

static void print_text(struct telling *telling)
{
    const struct queue_links_view *links = &telling->links;
    struct buffer *out = telling->call->out;
    buffer_printf(out, "this server: %.*s of group %.*s%s\ntable digest %s\n",
                  TEXT_ARG(links->self), TEXT_ARG(links->group),
                  links->is_master ? ", its master" : "", links->table->digest.hex);
    if (links->is_awaited)
        buffer_append(out, TEXT("not every server was asked yet: mail for others waits\n"));
    for (unsigned i = 0; i < links->table->group_count; i++)
        print_group(telling, links->table->groups[i]);
    buffer_append(out, TEXT("talks with\n"));
    queue_each_link_peer(telling->queue, print_peer, telling);
}

/* As it is told to others. */
static void print_raw(const struct telling *telling)
{
    struct buffer text;
    buffer_init(&text, LINK_TABLE_MAX + LINK_ID_BYTES);
    link_table_write(telling->links.table, &text);
    buffer_printf(telling->call->out, "{%08zx}", text.length);
    buffer_append(telling->call->out, buffer_text(&text));
    buffer_append_byte(telling->call->out, '\n');
    buffer_finish(&text);
}

enum status verb_routing(void *state, struct admin_call *call)
{
    struct telling telling = {.queue = state, .call = call, .links = queue_links(state)};
    bool is_raw = verb_take_switch(call, TEXT("--raw"));
    enum status status = verb_check_words(call, 0, 0, "routing [--raw]");
    if (status != OK)
        return status;
    if (telling.links.table == NULL)
        return refused("this server is in no routing group; see routing-group in mailroot.conf(5)");
    if (is_raw) {
        print_raw(&telling);
    } else if (call->json) {
        print_json(&telling);
    } else {
        print_text(&telling);
    }
    return OK;
}
