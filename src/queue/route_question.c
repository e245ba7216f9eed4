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

static void answer_others(const struct answering *answering, const struct route_facts *facts,
                          const struct route *route, struct text target)
{
    for (unsigned i = 0; i < facts->settings->connector_count; i++) {
        const struct setting_connector *connector = &facts->settings->connectors[i];
        const struct setting_space *space;
        enum route_standing standing = decide_standing(facts, route, connector, &space);
        if (standing == ROUTE_CHOSEN || connector->place.line == 0)
            continue;
        const struct route_standing_words *words = &route_standing_words[standing];
        struct queue_route_line line = {
            .target = target,
            .kind = "other",
            .connector = connector->name,
            .space = space == NULL ? TEXT("") : space->pattern,
            .cost = space == NULL ? 0 : space->cost,
            .reason = text_from(words->words),
            .place = settings_connector_place(facts->settings, connector, words->row),
            .note = connector->note};
        answering->visit(answering->context, &line);
    }
}

static void answer_remote(const struct answering *answering, struct text target)
{
    struct plan *plan = answering->plan;
    struct text domain = text_from_position(target, text_find_last(target, '@') + 1);
    struct route_facts facts = route_facts_of(plan, domain);
    struct route route = decide_route(&facts);
    const struct setting_connector *connector = route.connector;
    struct queue_route_line line = {.target = target,
                                    .kind = route.is_refused ? "refused" : "next-hop",
                                    .hosts = hosts_of(&route, &plan->arena)};
    line.reason = route.is_refused      ? TEXT("no connector for the domain admits this message")
                  : connector == NULL   ? TEXT("no connector has this domain")
                  : route.space != NULL ? TEXT("the closest address space, at the least cost")
                                        : TEXT("unknown here, and the domain has another host");
    if (connector != NULL) {
        line.connector = connector->name;
        line.note = connector->note;
    }
    if (route.space != NULL) {
        line.space = route.space->pattern;
        line.cost = route.space->cost;
        line.place = route.space->place;
    }
    if (route.is_refused)
        line.hosts = TEXT("");
    answering->visit(answering->context, &line);
    answer_others(answering, &facts, &route, target);
}

static void answer_target(const struct answering *answering, const struct directory_target *target)
{
    static const char *const kinds[] = {[TARGET_MAILBOX] = "mailbox",
                                        [TARGET_REMOTE] = "next-hop",
                                        [TARGET_UNKNOWN] = "unknown",
                                        [TARGET_LOOP] = "loop"};
    struct queue_route_line line = {.target = target->address, .kind = kinds[target->kind]};
    if (target->kind == TARGET_REMOTE ||
        (target->kind == TARGET_UNKNOWN && plan_is_known_elsewhere(answering->plan, target)))
        answer_remote(answering, target->address);
    else
        answering->visit(answering->context, &line);
}

enum status queue_route(struct queue *queue, const struct queue_route_question *question,
                        queue_route_visit *visit, void *context)
{
    struct queue_recipient recipient = {.address = question->to};
    struct plan plan;
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
