/* `mailroot route`: the decision that a message would meet, told in full. */
#include "base/id.h"
#include "queue/routing.h"

struct answering {
    struct plan *plan;
    queue_route_visit *visit;
    void *context;
};

static struct text hosts_of(const struct route *route, struct arena *arena)
{
    const struct setting_connector *connector = route->connector;
    struct text hosts = TEXT("");
    if (connector == NULL || route->by_mx || connector->is_direct_first)
        hosts = TEXT("mx");
    for (unsigned i = 0; connector != NULL && i < connector->smart_host_count; i++) {
        const struct setting_smart_host *host = &connector->smart_hosts[i];
        hosts = arena_printf(arena, "%.*s%s%.*s:%u", TEXT_ARG(hosts),
                             text_is_empty(hosts) ? "" : " ", TEXT_ARG(host->host), host->port);
    }
    return hosts;
}

/* A connector of another server is "group/name". */
static struct text name_of(const struct link_group *group,
                           const struct setting_connector *connector, struct arena *arena)
{
    return group == NULL
               ? connector->name
               : arena_printf(arena, "%.*s/%.*s", TEXT_ARG(group->name), TEXT_ARG(connector->name));
}

static void answer_others(const struct answering *answering, const struct route_facts *facts,
                          const struct route *route, struct text target)
{
    unsigned count;
    struct arena *arena = &answering->plan->arena;
    const struct route_candidate *list = decide_candidates(facts, route, arena, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct route_candidate *other = &list[i];
        const struct setting_connector *connector = other->connector;
        bool is_written = other->group != NULL || connector->place.line > 0;
        bool is_for_groups = connector->space_count == 0 && other->standing == ROUTE_OTHER_DOMAINS;
        if (other->standing == ROUTE_CHOSEN || !is_written || is_for_groups)
            continue;
        const struct route_standing_words *words = &route_standing_words[other->standing];
        struct queue_route_line line = {
            .target = target,
            .kind = "other",
            .connector = name_of(other->group, connector, arena),
            .space = other->space == NULL ? TEXT("") : other->space->pattern,
            .cost = other->cost,
            .reason = text_from(words->words),
            .place = settings_connector_place(facts->settings, connector, words->row),
            .note = connector->note};
        answering->visit(answering->context, &line);
    }
}

static const char *kind_of(const struct route *route)
{
    return route->is_refused ? "refused" : route->is_unreachable ? "unreachable" : "next-hop";
}

static const char *reason_of(const struct route_facts *facts, const struct route *route)
{
    if (route->is_refused)
        return "no connector for the domain admits this message";
    if (route->is_unreachable)
        return facts->waits_for_links ? "the other servers were not asked yet"
                                      : "no way is up to a connector for the domain";
    if (route->connector == NULL)
        return "no connector has this domain";
    if (route->space == NULL)
        return "unknown here, and the domain has another host";
    return route->link == NULL ? "the closest address space, at the least cost"
                               : "the closest address space, at the least cost with the way";
}

static void answer_remote(const struct answering *answering, struct text target, struct text domain)
{
    struct plan *plan = answering->plan;
    struct route_facts facts = route_facts_of(plan, domain);
    struct route route = decide_route(&facts);
    const struct setting_connector *connector = route.connector;
    struct queue_route_line line = {.target = target,
                                    .kind = kind_of(&route),
                                    .hosts = hosts_of(&route, &plan->arena),
                                    .reason = text_from(reason_of(&facts, &route))};
    if (connector != NULL) {
        line.connector = connector->name;
        line.note = connector->note;
    }
    if (route.space != NULL) {
        line.space = route.space->pattern;
        line.cost = route.space->cost;
        line.place = route.space->place;
    }
    if (route.link != NULL) {
        line.cost = route.cost;
        line.to = name_of(route.group, &route.link->facts, &plan->arena);
        line.way = decide_way(&facts, &route, &plan->arena);
    }
    if (route.is_refused || route.is_unreachable)
        line.hosts = TEXT("");
    answering->visit(answering->context, &line);
    answer_others(answering, &facts, &route, target);
}

static void answer_target(const struct answering *answering, const struct directory_target *target)
{
    static const char *const kinds[] = {
        [TARGET_MAILBOX] = "mailbox", [TARGET_REMOTE] = "next-hop",
        [TARGET_UNKNOWN] = "unknown", [TARGET_LOOP] = "loop",
        [TARGET_REFUSED] = "refused", [TARGET_EXPAND_AT] = "next-hop"};
    struct plan *plan = answering->plan;
    struct text domain =
        text_from_position(target->address, text_find_last(target->address, '@') + 1);
    struct queue_route_line line = {.target = target->address, .kind = kinds[target->kind]};
    if (target->kind == TARGET_REFUSED)
        line.reason = arena_printf(&plan->arena, "%.*s (%.*s)", TEXT_ARG(target->reason),
                                   TEXT_ARG(target->status));
    if (target->kind == TARGET_EXPAND_AT)
        answer_remote(answering, target->address, target->reason);
    else if (target->kind == TARGET_REMOTE ||
             (target->kind == TARGET_UNKNOWN && plan_is_known_elsewhere(plan, target)))
        answer_remote(answering, target->address, domain);
    else
        answering->visit(answering->context, &line);
}

enum status queue_route(struct queue *queue, const struct queue_route_question *question,
                        queue_route_visit *visit, void *context)
{
    struct queue_recipient recipient = {.address = question->to};
    struct plan plan;
    if (!text_is_empty(question->server) &&
        settings_server_find(queue->settings, question->server) == NULL)
        return refused("there is no server '%.*s'", TEXT_ARG(question->server));
    plan_init(&plan, queue, &recipient, 1);
    plan.id = id_new(0);
    plan.sender = question->from;
    plan.login = question->login;
    plan.server = question->server;
    plan.size = question->size;
    plan.priority = question->priority;
    enum status status = plan_expand(&plan);
    if (status == OK)
        status = route_find_groups(&plan);
    struct answering answering = {&plan, visit, context};
    for (unsigned i = 0; status == OK && i < plan.target_count; i++)
        answer_target(&answering, &plan.targets[i]);
    plan_finish(&plan);
    return status;
}
