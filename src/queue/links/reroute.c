/* Ways change: what waits is routed anew, and goes to another hop when its way is another now. Each
 * message's items change in one record, so that nothing is sent twice or forgotten. */

#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "queue/links/links_internal.h"
#include "queue/routing.h"

/* One item that is routed anew. */
struct rerouting {
    struct plan plan;
    struct message message;
    struct item item;
    struct queue_recipient *recipients;
    struct item *parts; /* by hop: the first is the one that stays */
    unsigned part_count;
    bool has_changed;
};

static bool may_move(const struct queued_item *item)
{
    return item != NULL && item->kind == ITEM_SEND && item->lease == 0 && !item->busy &&
           !item->is_frozen;
}

/* The message as it was when it came. */
static bool rerouting_init(struct rerouting *re, struct queue *queue,
                           const struct queued_item *queued)
{
    struct plan *plan = &re->plan;
    *re = (struct rerouting){.has_changed = false};
    plan_init(plan, queue, NULL, 0);
    if (!store_message(queue->store, queued->message->id, &plan->arena, &re->message) ||
        !item_read(queue, queued, &plan->arena, &re->item))
        return false;
    plan->id = re->message.id;
    plan->sender = re->message.sender;
    plan->size = re->message.size;
    plan->priority = re->message.terms.priority;
    plan->server = re->item.origin.server;
    plan->login = re->item.origin.login;
    plan->from_member = re->item.origin.member;
    unsigned count = re->item.recipient_count;
    re->parts = arena_array(&plan->arena, count + 1, sizeof(*re->parts));
    plan->targets = arena_array(&plan->arena, count, sizeof(*plan->targets));
    plan->target_count = count;
    for (unsigned i = 0; i < count; i++)
        plan->targets[i] = (struct directory_target){
            .kind = TARGET_REMOTE, .recipient = i, .address = re->item.recipients[i].address};
    re->parts[0] = re->item;
    re->parts[0].recipients = arena_array(&plan->arena, count, sizeof(*re->item.recipients));
    re->parts[0].recipient_count = 0;
    re->part_count = 1;
    return true;
}

static struct item *part_for(struct rerouting *re, const struct item *hop)
{
    for (unsigned i = 0; i < re->part_count; i++)
        if (text_equals(re->parts[i].connector, hop->connector) &&
            text_equals(re->parts[i].domain, hop->domain))
            return &re->parts[i];
    struct item *part = &re->parts[re->part_count++];
    *part = *hop;
    part->recipients =
        arena_array(&re->plan.arena, re->item.recipient_count, sizeof(*part->recipients));
    part->recipient_count = 0;
    part->next_try_ms = clock_wall_ms();
    return part;
}

/* What no connector admits any more stays where it is: it was let in. */
static void route_recipient(struct rerouting *re, const struct item_recipient *recipient)
{
    struct text domain = re->item.origin.domain;
    if (text_is_empty(domain))
        domain =
            text_from_position(recipient->address, text_find_last(recipient->address, '@') + 1);
    struct route_facts facts = route_facts_of(&re->plan, domain);
    struct route route = decide_route(&facts);
    struct item hop = re->item;
    if (!route.is_refused)
        route_fill_item(&route, domain, &hop);
    struct item *part = part_for(re, &hop);
    part->recipients[part->recipient_count++] = *recipient;
    if (part == &re->parts[0])
        return;
    re->has_changed = true;
    if (plan_may_tell(&re->plan))
        route_tell(&re->plan.change, "rerouted", &facts, &route, recipient->address,
                   re->item.sender);
}

static enum status commit(struct rerouting *re, struct queued_item *queued)
{
    struct change *change = &re->plan.change;
    uint64_t id = re->message.id;
    if (re->parts[0].recipient_count > 0)
        change_item(change, id, queued->number, &re->parts[0]);
    for (unsigned i = 1; i < re->part_count; i++) {
        bool takes_its_place = re->parts[0].recipient_count == 0 && i == 1;
        change_item(change, id, takes_its_place ? queued->number : queued->message->next_number++,
                    &re->parts[i]);
    }
    return store_commit(re->plan.queue->store, change);
}

/* YIELDS. */
static void reroute_item(struct queue *queue, const struct work *name)
{
    struct queued_item *item = schedule_find(queue, name->id, name->number);
    struct rerouting re;
    if (item != NULL)
        item->is_to_route = item->kind == ITEM_SEND && !may_move(item);
    if (!may_move(item))
        return;
    schedule_begin_work(queue, item);
    enum status status = OK;
    if (rerouting_init(&re, queue, item)) {
        status = route_find_groups(&re.plan);
        for (unsigned i = 0; status == OK && i < re.item.recipient_count; i++)
            route_recipient(&re, &re.item.recipients[i]);
        item = schedule_find(queue, name->id, name->number);
        if (status == OK && re.has_changed && item != NULL)
            status = commit(&re, item);
    }
    plan_finish(&re.plan);
    if (status != OK)
        log_warning("queue.reroute_failed", "reason=%s", log_text(text_from(fail_reason())));
    if (status == TRY_LATER) {
        queue->links->is_unfinished = true;
        task_event_tell_all(&queue->links->changed);
    }
    schedule_end_work(queue, *name, 0);
}

/* All that waits for a way, before anything moves. */
static struct work *gather(struct queue *queue, struct arena *arena, size_t *count)
{
    size_t position = 0;
    void *value;
    struct work *names = arena_array(arena, queue->item_count, sizeof(*names));
    *count = 0;
    while (map_next(queue->messages, &position, NULL, &value)) {
        struct queued *message = value;
        for (uint32_t i = 0; i < message->part_count; i++) {
            struct queued_item *item = parts_of(message)[i];
            item->is_to_route = item->kind == ITEM_SEND && !may_move(item);
            if (may_move(item))
                names[(*count)++] = (struct work){message->id, item->number};
        }
    }
    return names;
}

static void reroute_all(struct queue *queue)
{
    enum { ITEMS_AT_ONCE = 50 };
    struct arena arena;
    size_t count;
    arena_init(&arena);
    const struct work *names = gather(queue, &arena, &count);
    for (size_t i = 0; i < count && !task_is_cancelled(); i++) {
        reroute_item(queue, &names[i]);
        if (i % ITEMS_AT_ONCE == 0)
            task_yield();
    }
    arena_finish(&arena);
}

void links_item_released(struct queue *queue, struct queued_item *item)
{
    struct links *links = queue->links;
    if (!item->is_to_route)
        return;
    links->late = array_grow(links->late, links->late_count, sizeof(*links->late));
    links->late[links->late_count++] = (struct work){item->message->id, item->number};
    item->is_to_route = false;
    task_event_tell_all(&links->late_news);
}

/* What was out is back. */
static void reroute_late(void *argument)
{
    struct links *links = argument;
    while (!task_is_cancelled()) {
        while (links->late_count > 0 && !task_is_cancelled()) {
            struct work name = links->late[--links->late_count];
            reroute_item(links->queue, &name);
        }
        task_event_wait(&links->late_news, NO_DEADLINE);
    }
}

/* Without routing groups, only what they left behind. */
static bool is_needed(const struct queue *queue)
{
    size_t position = 0;
    void *value;
    bool is_left = false;
    while (map_next(queue->hops, &position, NULL, &value)) {
        const struct hop *hop = value;
        is_left |= hop->is_unreachable || text_starts_with(hop->connector, TEXT("member:"));
    }
    return links_table(queue) != NULL || is_left;
}

void links_ways_changed(struct links *links)
{
    links->changes++;
    task_event_tell_all(&links->changed);
}

void reroute_run(void *argument)
{
    enum { REST_MS = 200, AGAIN_MS = 20 * SECOND };
    struct links *links = argument;
    struct queue *queue = links->queue;
    task_spawn(&queue->tasks, "reroute late", reroute_late, links);
    while (!task_is_cancelled()) {
        uint64_t known = links->changes;
        links->is_unfinished = false;
        if (is_needed(queue) && !links_are_awaited(queue))
            reroute_all(queue);
        task_sleep(REST_MS);
        /* What changed meanwhile was told to nobody. */
        if (links->changes == known)
            task_event_wait(&links->changed,
                            links->is_unfinished ? clock_monotonic_ms() + AGAIN_MS : NO_DEADLINE);
    }
}
