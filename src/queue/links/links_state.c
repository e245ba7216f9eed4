/* What the store knows of links, and who has to hear of it. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "queue/links/links_internal.h"

void links_init(struct queue *queue)
{
    struct links *links = calloc(1, sizeof(*links));
    check(links != NULL);
    links->were_awaited = true;
    links->queue = queue;
    links->server = link_server_new();
    links->since = map_new();
    list_init(&links->peers);
    task_event_init(&links->news);
    task_event_init(&links->changed);
    task_event_init(&links->late_news);
    queue->links = links;
}

static void peer_free(struct link_peer *peer)
{
    list_remove(&peer->link);
    free((char *)(uintptr_t)peer->hop.data);
    free((char *)(uintptr_t)peer->member.data);
    free(peer->trouble);
    free(peer);
}

static void forget_since(struct map **since)
{
    size_t position = 0;
    void *value;
    while (map_next(*since, &position, NULL, &value))
        free(value);
    map_free(since);
}

void links_finish(struct queue *queue)
{
    struct links *links = queue->links;
    queue->links = NULL;
    list_each(link, &links->peers) peer_free(list_entry(link, struct link_peer, link));
    forget_since(&links->since);
    free(links->late);
    link_server_free(&links->server);
    free(links);
}

struct link_peer *links_peer(struct links *links, struct text hop)
{
    list_each(link, &links->peers)
    {
        struct link_peer *peer = list_entry(link, struct link_peer, link);
        if (text_equals_nocase(peer->hop, hop))
            return peer;
    }
    return NULL;
}

/* Peers follow the settings; those that stay keep what is known of them. */
static void add_peer(struct links *links, struct list *peers, struct text hop, struct text member,
                     bool leads_to_group)
{
    struct link_peer *peer = links_peer(links, hop);
    if (peer == NULL) {
        peer = calloc(1, sizeof(*peer));
        check(peer != NULL);
        peer->hop = (struct text){text_to_string(hop), hop.length};
        peer->member = (struct text){text_to_string(member), member.length};
        peer->answers = true;
        peer->changed_ms = clock_wall_ms();
    } else {
        list_remove(&peer->link);
    }
    peer->leads_to_group = leads_to_group;
    peer->is_urgent = true; /* where it listens may have changed, or what we say */
    list_append(peers, &peer->link);
}

static void add_connectors(struct links *links, struct list *peers, const struct settings *settings)
{
    const struct link_group *own = link_server_own(links->server);
    for (unsigned i = 0; own != NULL && i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        const struct link_connector *link = link_connector_find(own, connector->name);
        if (link != NULL && !link->is_by_mx)
            add_peer(links, peers, connector->name, TEXT(""), link->arrow_count > 0);
    }
}

void links_follow_settings(struct queue *queue)
{
    struct links *links = queue->links;
    const struct settings *settings = queue->settings;
    const struct setting_group *group = settings_group(settings);
    struct list peers;
    struct arena arena;
    list_init(&peers);
    arena_init(&arena);
    link_server_configure(links->server, settings);
    if (group != NULL && link_server_own(links->server) == NULL)
        log_error("links.too_large",
                  "group=%s reason=\"connectors are more than can be told; mail "
                  "goes by the settings of this server alone\"",
                  log_text(group->name));
    for (unsigned i = 0; group != NULL && i < group->member_count; i++)
        if (!text_equals(group->members[i].name, group->self))
            add_peer(links, &peers, settings_member_hop("links", group->members[i].name, &arena),
                     group->members[i].name, false);
    if (group != NULL)
        add_connectors(links, &peers, settings);
    list_each(link, &links->peers) peer_free(list_entry(link, struct link_peer, link));
    list_move_all(&links->peers, &peers);
    arena_finish(&arena);
    if (queue->serving)
        links_settle(links);
    task_event_tell_all(&links->news);
    links_ways_changed(links);
}

const struct link_table *links_table(const struct queue *queue)
{
    const struct links *links = queue->links;
    return link_server_own(links->server) != NULL ? link_server_table(links->server) : NULL;
}

/* A connector that is asked only when it is down tells nothing we lack. */
static bool is_asked_for_links(const struct link_peer *peer)
{
    return peer->member.length > 0 || peer->leads_to_group;
}

/* Was every peer asked once since the start? */
static bool asked_all(const struct links *links)
{
    list_each(link, &links->peers)
    {
        const struct link_peer *peer = list_entry(link, struct link_peer, link);
        if (is_asked_for_links(peer) && !peer->was_asked)
            return false;
    }
    return true;
}

bool links_are_awaited(const struct queue *queue)
{
    const struct links *links = queue->links;
    return link_server_own(links->server) != NULL &&
           (link_server_group(links->server) == NULL || !asked_all(links)) && queue->send != NULL;
}

/* Note since when each connector is up or down, and log what changed. Those that are told of no
 * more are forgotten. */
static void note_states(struct links *links)
{
    const struct link_table *table = link_server_table(links->server);
    struct map *before = links->since;
    struct arena arena;
    links->since = map_new();
    arena_init(&arena);
    for (unsigned i = 0; i < table->group_count; i++) {
        const struct link_group *group = table->groups[i];
        for (unsigned c = 0; c < group->connector_count; c++) {
            const struct link_connector *connector = &group->connectors[c];
            struct text key = arena_printf(&arena, "%.*s/%.*s", TEXT_ARG(group->name),
                                           TEXT_ARG(connector->facts.name));
            struct link_since *since = map_remove(before, key);
            bool is_new = since == NULL;
            if (is_new)
                since = calloc(1, sizeof(*since));
            check(since != NULL);
            free(map_put(links->since, key, since));
            if (!is_new && since->is_up == connector->is_up)
                continue;
            if (!is_new)
                log_info("links.connector", "group=%s connector=%s state=%s", log_text(group->name),
                         log_text(connector->facts.name), connector->is_up ? "up" : "down");
            *since = (struct link_since){connector->is_up, clock_wall_ms()};
        }
    }
    forget_since(&before);
    arena_finish(&arena);
}

int64_t queue_links_since(const struct queue *queue, struct text group, struct text connector)
{
    struct arena arena;
    arena_init(&arena);
    const struct link_since *since =
        map_get(queue->links->since,
                arena_printf(&arena, "%.*s/%.*s", TEXT_ARG(group), TEXT_ARG(connector)));
    arena_finish(&arena);
    return since == NULL ? 0 : since->at_ms;
}

/* The master has to hear of it at once. */
static void tell_master(struct links *links)
{
    list_each(link, &links->peers)
    {
        struct link_peer *peer = list_entry(link, struct link_peer, link);
        peer->is_urgent |= text_equals_nocase(peer->member, link_server_master(links->server));
    }
    task_event_tell_all(&links->news);
}

/* It is another one now, and knows nothing of us. */
static bool has_new_master(struct links *links)
{
    struct link_id master = link_id_of("member", link_server_master(links->server));
    bool is_new = !link_id_equals(&master, &links->master);
    links->master = master;
    return is_new;
}

void links_settle(struct links *links)
{
    bool was_master = link_server_is_master(links->server);
    link_server_settle(links->server, asked_all(links), clock_monotonic_ms());
    bool is_master = link_server_is_master(links->server);
    if (was_master != is_master)
        log_info("links.master", "server=%s", is_master ? "this" : "another");
    const struct link_id *digest = &link_server_table(links->server)->digest;
    bool is_news = !link_id_equals(digest, &links->digest);
    bool awaited = links_are_awaited(links->queue);
    bool is_ready = links->were_awaited && !awaited;
    links->digest = *digest;
    links->were_awaited = awaited;
    if (is_news)
        note_states(links);
    if (link_server_is_on(links->server) && has_new_master(links))
        tell_master(links);
    if (is_news || was_master != is_master)
        task_event_tell_all(&links->news);
    if (is_news || is_ready)
        links_ways_changed(links);
}

static void note_connector(struct links *links, const struct link_peer *peer)
{
    bool works = peer->failures <= links->queue->settings->retry.glitch_count;
    if (!link_server_set_reach(links->server, peer->hop, works))
        return;
    log_info("links.bridgehead", "connector=%s state=%s reason=%s", log_text(peer->hop),
             works ? "up" : "down",
             log_text(text_from(peer->trouble == NULL ? "" : peer->trouble)));
    tell_master(links);
}

void links_note(struct links *links, struct link_peer *peer, bool answers, const char *trouble)
{
    struct arena arena;
    arena_init(&arena);
    struct text kept = arena_copy(&arena, text_from(trouble == NULL ? "" : trouble));
    if (answers != peer->answers)
        peer->changed_ms = clock_wall_ms();
    int64_t again_ms = clock_monotonic_ms() + settings_group(links->queue->settings)->retry_ms;
    if (!answers && peer->next_ms > again_ms)
        peer->next_ms = again_ms;
    task_event_tell_all(&links->news);
    peer->answers = answers;
    peer->failures = answers ? 0 : peer->failures + 1;
    free(peer->trouble);
    peer->trouble = answers ? NULL : text_to_string(kept);
    if (peer->member.length > 0)
        link_server_note_member(links->server, peer->member, answers);
    else
        note_connector(links, peer);
    arena_finish(&arena);
    links_settle(links);
}

void links_hop_result(struct queue *queue, const struct hop *hop, bool connected)
{
    struct links *links = queue->links;
    struct link_peer *peer =
        link_server_is_on(links->server) ? links_peer(links, hop->connector) : NULL;
    if (peer == NULL || (connected && peer->answers))
        return;
    links_note(links, peer, connected, hop->last_error);
}

void links_start(struct queue *queue)
{
    if (queue->send == NULL)
        return;
    task_spawn(&queue->tasks, "links", links_talk_run, queue->links);
    task_spawn(&queue->tasks, "reroute", reroute_run, queue->links);
    links_settle(queue->links);
}

struct queue_links_view queue_links(const struct queue *queue)
{
    const struct links *links = queue->links;
    const struct setting_group *group = settings_group(queue->settings);
    if (group == NULL)
        return (struct queue_links_view){.table = NULL};
    return (struct queue_links_view){.table = links_table(queue),
                                     .group = group->name,
                                     .self = group->self,
                                     .is_master = link_server_is_master(links->server),
                                     .is_awaited = links_are_awaited(queue)};
}

void queue_each_link_peer(const struct queue *queue, queue_link_peer_visit *visit, void *context)
{
    const struct links *links = queue->links;
    list_each(link, &links->peers)
    {
        const struct link_peer *peer = list_entry(link, struct link_peer, link);
        struct queue_link_peer_view view = {
            .connector = peer->hop,
            .member = peer->member,
            .was_asked = peer->was_asked,
            .answers = peer->answers,
            .agrees = link_id_equals(&peer->agreed, &link_server_table(links->server)->digest),
            .since_ms = peer->changed_ms,
            .trouble = text_from(peer->trouble == NULL ? "" : peer->trouble)};
        visit(context, &view);
    }
}
