#include "queue/routing.h"

#include "decide/relay.h"
#include "mail/address.h"

enum { GROUPS_MOST = 100, OWN_MOST = 2, REJECTED_MOST = 8 };

struct gathering {
    struct plan *plan;
    struct text own[OWN_MOST]; /* keys of the sender and of who logged in */
    unsigned own_count;
    struct directory_target *targets; /* where these lead */
    unsigned target_count;
    struct text *groups; /* as the settings name them */
    unsigned group_count;
    struct map *seen;
};

static void gather_own(struct gathering *gathering, struct text address)
{
    struct mail_address parsed;
    struct arena *arena = &gathering->plan->arena;
    if (!text_is_empty(address) && mail_address_parse(address, arena, &parsed) == OK)
        gathering->own[gathering->own_count++] = mail_address_key(&parsed, arena);
}

/* Copied, for the settings may change while the directory is asked. */
static void gather_groups(struct gathering *gathering, const struct setting_senders *senders)
{
    for (unsigned i = 0; i < senders->name_count && gathering->group_count < GROUPS_MOST; i++) {
        struct text name = senders->names[i];
        if (!text_starts_with(name, TEXT("@")) || map_get(gathering->seen, name) != NULL)
            continue;
        map_put(gathering->seen, name, gathering);
        gathering->groups[gathering->group_count++] = arena_copy(&gathering->plan->arena, name);
    }
}

static bool goes_elsewhere(const struct plan *plan)
{
    for (unsigned i = 0; i < plan->target_count; i++)
        if (plan->targets[i].kind == TARGET_REMOTE || plan->targets[i].kind == TARGET_EXPAND_AT)
            return true;
    return false;
}

/* The sender himself, under any of the addresses that lead to him. */
static bool is_own(const struct gathering *gathering, struct text address)
{
    for (unsigned i = 0; i < gathering->own_count; i++)
        if (text_equals_nocase(gathering->own[i], address))
            return true;
    for (unsigned i = 0; i < gathering->target_count; i++)
        if (text_equals_nocase(gathering->targets[i].address, address))
            return true;
    return false;
}

/* One group a call: in one answer no address comes twice. YIELDS. */
static enum status ask_group(struct gathering *gathering, struct text name)
{
    struct plan *plan = gathering->plan;
    struct text key = text_from_position(name, 1);
    struct directory_question question = {.keys = &key, .count = 1};
    struct directory_answer answer;
    enum status status = directory_cache_expand(plan->queue->cache, plan->queue->auth, &question,
                                                &plan->arena, &answer);
    for (unsigned i = 0; status == OK && i < answer.target_count; i++) {
        if (!is_own(gathering, answer.targets[i].address))
            continue;
        plan->sender_groups[plan->sender_group_count++] = name;
        break;
    }
    return status;
}

/* YIELDS. */
static enum status ask_all(struct gathering *gathering)
{
    struct plan *plan = gathering->plan;
    struct directory_question question = {.keys = gathering->own, .count = gathering->own_count};
    struct directory_answer answer;
    enum status status = directory_cache_expand(plan->queue->cache, plan->queue->auth, &question,
                                                &plan->arena, &answer);
    gathering->targets = answer.targets;
    gathering->target_count = status == OK ? answer.target_count : 0;
    for (unsigned i = 0; status == OK && i < gathering->group_count; i++)
        status = ask_group(gathering, gathering->groups[i]);
    return status;
}

enum status route_find_groups(struct plan *plan)
{
    struct settings *settings = plan->queue->settings;
    if (text_is_empty(plan->sender) || !goes_elsewhere(plan))
        return OK;
    struct gathering gathering = {.plan = plan, .seen = map_new()};
    gathering.groups = arena_array(&plan->arena, GROUPS_MOST, sizeof(*gathering.groups));
    for (unsigned i = 0; i < settings->connector_count; i++) {
        gather_groups(&gathering, &settings->connectors[i].accepted);
        gather_groups(&gathering, &settings->connectors[i].rejected);
    }
    const struct link_table *links = links_table(plan->queue);
    for (unsigned i = 0; links != NULL && i < links->group_count; i++)
        for (unsigned c = 0; c < links->groups[i]->connector_count; c++) {
            gather_groups(&gathering, &links->groups[i]->connectors[c].facts.accepted);
            gather_groups(&gathering, &links->groups[i]->connectors[c].facts.rejected);
        }
    map_free(&gathering.seen);
    gather_own(&gathering, plan->sender);
    gather_own(&gathering, plan->login);
    if (gathering.group_count == 0 || gathering.own_count == 0)
        return OK;
    plan->sender_groups =
        arena_array(&plan->arena, gathering.group_count, sizeof(*plan->sender_groups));
    return ask_all(&gathering);
}

struct route_facts route_facts_of(const struct plan *plan, struct text domain)
{
    return (struct route_facts){.settings = plan->queue->settings,
                                .domain = domain,
                                .sender = plan->sender,
                                .login = plan->login,
                                .server = plan->server,
                                .groups = plan->sender_groups,
                                .group_count = plan->sender_group_count,
                                .size = plan->size,
                                .priority = plan->priority,
                                .id = plan->id,
                                .links = links_table(plan->queue),
                                .waits_for_links = links_are_awaited(plan->queue),
                                .from_member = plan->from_member};
}

struct text route_origin(const struct settings *settings, const struct queue_envelope *envelope)
{
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        if (text_equals(server->name, envelope->server) && decide_is_peer(server, envelope->login))
            return envelope->helo;
    }
    return TEXT("");
}

/* Does each domain wait for itself: by MX, or because it can be asked for by name? */
static bool is_by_domain(const struct route *route)
{
    const struct setting_connector *connector = route->connector;
    return route->by_mx || connector->holds || connector->is_direct_first;
}

void route_fill_item(const struct route *route, struct text domain, struct item *item)
{
    if (route->is_unreachable) {
        item->connector = TEXT(ITEM_UNREACHABLE);
        item->domain = TEXT("");
        return;
    }
    item->connector = route->connector == NULL ? TEXT("") : route->connector->name;
    item->domain = is_by_domain(route) ? domain : TEXT("");
}

/* " not-by=a:..., it costs more": those that have the domain. */
static struct text rejected(const struct route_facts *facts, const struct route *route,
                            struct arena *arena)
{
    struct text out = TEXT("");
    unsigned told = 0, count;
    struct route_candidate *list = decide_candidates(facts, route, arena, &count);
    for (unsigned i = 0; i < count && told < REJECTED_MOST; i++) {
        const struct route_candidate *other = &list[i];
        if (other->standing == ROUTE_CHOSEN || other->standing == ROUTE_OTHER_DOMAINS)
            continue;
        const struct route_standing_words *words = &route_standing_words[other->standing];
        struct setting_place place =
            settings_connector_place(facts->settings, other->connector, words->row);
        struct text where = other->group != NULL
                                ? arena_printf(arena, "group %.*s", TEXT_ARG(other->group->name))
                                : arena_printf(arena, "%.*s:%u", TEXT_ARG(place.file), place.line);
        out = arena_printf(arena, "%.*s not-by=%.*s:\"%s, %.*s\"", TEXT_ARG(out),
                           TEXT_ARG(other->connector->name), words->words, TEXT_ARG(where));
        told++;
    }
    return out;
}

/* What a route is: by which connector, and which of another server it is on the way to. */
static struct text described(const struct route_facts *facts, const struct route *route,
                             struct arena *arena)
{
    const struct setting_connector *connector = route->connector;
    if (route->is_unreachable)
        return facts->waits_for_links
                   ? TEXT("hop=unreachable reason=\"the other servers were not asked yet\"")
                   : arena_printf(arena, "hop=unreachable reason=\"no way is up\"%.*s",
                                  TEXT_ARG(rejected(facts, route, arena)));
    if (connector == NULL)
        return arena_printf(arena, "hop=mx:%.*s reason=\"no connector has this domain\"",
                            TEXT_ARG(facts->domain));
    if (route->space == NULL)
        return arena_printf(arena, "connector=%.*s reason=\"unknown here\"",
                            TEXT_ARG(connector->name));
    struct text to = TEXT("");
    if (route->link != NULL)
        to = arena_printf(arena, " to=%.*s/%.*s way=\"%.*s\"", TEXT_ARG(route->group->name),
                          TEXT_ARG(route->link->facts.name),
                          TEXT_ARG(decide_way(facts, route, arena)));
    struct text where = route->link != NULL ? TEXT("")
                                            : arena_printf(arena, " where=%.*s:%u",
                                                           TEXT_ARG(route->space->place.file),
                                                           route->space->place.line);
    return arena_printf(arena, "connector=%.*s%.*s space=%.*s cost=%u%.*s%.*s",
                        TEXT_ARG(connector->name), TEXT_ARG(to), TEXT_ARG(route->space->pattern),
                        route->link != NULL ? route->cost : route->space->cost, TEXT_ARG(where),
                        TEXT_ARG(rejected(facts, route, arena)));
}

void route_tell(struct change *change, const char *event, const struct route_facts *facts,
                const struct route *route, struct text recipient, struct text sender)
{
    struct arena arena;
    arena_init(&arena);
    struct text name =
        text_is_empty(sender) ? TEXT("") : arena_printf(&arena, " from=<%.*s>", TEXT_ARG(sender));
    change_story(change, facts->id, event, "recipient=%.*s%.*s %.*s", TEXT_ARG(recipient),
                 TEXT_ARG(name), TEXT_ARG(described(facts, route, &arena)));
    arena_finish(&arena);
}
