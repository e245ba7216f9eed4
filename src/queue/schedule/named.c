/* The queues that are of no next hop: mail that waits in one of them waits for us. Each is a list
 * in order of coming; who works on it says what went wrong last. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "queue/internal.h"

static const char *const names[NAMED_COUNT] = {
    [NAMED_LOOKUP] = "lookup",   [NAMED_LOCAL] = "local",       [NAMED_FAILED] = "failed",
    [NAMED_REPORTS] = "reports", [NAMED_DEFERRED] = "deferred",
};

bool named_is_routing(const struct queue *queue, const struct hop *hop)
{
    return hop->is_unreachable && links_are_awaited(queue);
}

const char *named_name(const struct queue *queue, const struct queued_item *item)
{
    if (item->named == NAMED_NONE && item->hop != NULL && named_is_routing(queue, item->hop))
        return "routing";
    return item->named == NAMED_NONE ? "" : names[item->named];
}

void named_init(struct queue *queue)
{
    for (unsigned i = 0; i < NAMED_COUNT; i++)
        list_init(&queue->named[i].all);
    list_init(&queue->arriving);
}

void named_finish(struct queue *queue)
{
    for (unsigned i = 0; i < NAMED_COUNT; i++)
        free(queue->named[i].last_error);
}

static enum named_queue named_of(const struct queued_item *item)
{
    switch (item->kind) {
    case ITEM_SEND:
        return item->has_failed ? NAMED_FAILED : NAMED_NONE;
    case ITEM_REPORT:
    case ITEM_ANSWER:
        return NAMED_REPORTS;
    case ITEM_LATER:
        return item->message->begun_ms > clock_wall_ms() ? NAMED_DEFERRED : NAMED_LOOKUP;
    case ITEM_LOOKUP:
        return NAMED_LOOKUP;
    case ITEM_DROP:
        return NAMED_LOCAL;
    case ITEM_BAD:
    case ITEM_SENT:
        break;
    }
    return NAMED_NONE;
}

void named_note(struct queue *queue, enum named_queue which, const char *error)
{
    struct named *named = &queue->named[which];
    free(named->last_error);
    named->last_error = error == NULL ? NULL : text_to_string(text_from(error));
}

void named_leave(struct queue *queue, struct queued_item *item)
{
    struct named *named = &queue->named[item->named];
    if (item->named == NAMED_NONE)
        return;
    list_remove(&item->of_hop);
    named->bytes -= item->message->size;
    if (--named->count == 0)
        named_note(queue, item->named, NULL);
    item->named = NAMED_NONE;
}

void named_place(struct queue *queue, struct queued_item *item)
{
    enum named_queue which = named_of(item);
    if (which == item->named)
        return;
    named_leave(queue, item);
    list_remove(&item->of_hop);
    if (which == NAMED_NONE) {
        if (item->hop != NULL)
            list_append(&item->hop->all, &item->of_hop);
        return;
    }
    struct named *named = &queue->named[which];
    list_append(&named->all, &item->of_hop);
    named->bytes += item->message->size;
    named->count++;
    item->named = which;
}

/* Seen by an administrator */

static const char *state_of(const struct named *named, enum named_queue which)
{
    if (named->count == 0)
        return "ready";
    if (which == NAMED_DEFERRED)
        return "scheduled";
    return named->last_error != NULL ? "retry" : "active";
}

static int64_t oldest_of(struct queue *queue, const struct list *all)
{
    struct arena arena;
    struct message message;
    if (list_is_empty(all))
        return 0;
    uint64_t id = list_entry(all->next, struct queued_item, of_hop)->message->id;
    arena_init(&arena);
    int64_t oldest = store_message(queue->store, id, &arena, &message) ? message.received_ms : 0;
    arena_finish(&arena);
    return oldest;
}

static void show_named(struct queue *queue, enum named_queue which, queue_hop_visit *visit,
                       void *context)
{
    const struct named *named = &queue->named[which];
    struct queue_hop_view view = {.name = text_from(names[which]), .next_try_ms = INT64_MAX};
    list_each(link, &named->all)
    {
        struct queued_item *item = list_entry(link, struct queued_item, of_hop);
        view.sending += item->busy;
        if (item->next_try_ms < view.next_try_ms)
            view.next_try_ms = item->next_try_ms;
    }
    view.state = state_of(named, which);
    view.messages = view.waiting = named->count;
    view.waiting -= view.sending;
    view.bytes = named->bytes;
    view.oldest_ms = oldest_of(queue, &named->all);
    view.last_error = named->last_error == NULL ? TEXT("") : text_from(named->last_error);
    if (view.next_try_ms == INT64_MAX || view.next_try_ms <= clock_wall_ms())
        view.next_try_ms = 0;
    visit(context, &view);
}

/* What is not answered with 250 yet. */
static void show_arriving(const struct queue *queue, queue_hop_visit *visit, void *context)
{
    struct queue_hop_view view = {
        .name = TEXT("submission"), .state = "ready", .last_error = TEXT("")};
    list_each(link, &queue->arriving)
    {
        const struct arriving *arriving = list_entry(link, struct arriving, link);
        if (view.messages++ == 0)
            view.oldest_ms = arriving->begun_ms;
        view.bytes += arriving->size;
        view.state = "active";
    }
    view.sending = view.messages;
    visit(context, &view);
}

/* What no way is chosen for before the other servers were asked. */
static void show_routing(const struct queue *queue, queue_hop_visit *visit, void *context)
{
    struct queue_hop_view view = {
        .name = TEXT("routing"), .state = "ready", .last_error = TEXT("")};
    const struct hop *hop = map_get(queue->hops, TEXT(ITEM_UNREACHABLE));
    if (hop != NULL && named_is_routing(queue, hop)) {
        view.state = "active";
        view.messages = hop->users;
        view.waiting = hop->users;
        view.bytes = hop->bytes;
        view.oldest_ms = hop_oldest(hop);
        view.last_error = TEXT("the other servers of the routing group were not asked yet");
    }
    visit(context, &view);
}

/* Mail of hops that could not be reached when all glitch retries had been made, and what no way is
 * known for. It stands in the queues of these hops too. */
static void show_unreachable(const struct queue *queue, queue_hop_visit *visit, void *context)
{
    struct queue_hop_view view = {
        .name = TEXT("unreachable"), .state = "ready", .last_error = TEXT("")};
    size_t position = 0;
    void *value;
    while (map_next(queue->hops, &position, NULL, &value)) {
        const struct hop *hop = value;
        int64_t oldest = hop_oldest(hop);
        int64_t rest_ms = lanes_rest(hop);
        if (named_is_routing(queue, hop) || (!lanes_are_down(queue, hop) && !hop->is_unreachable))
            continue;
        view.state = "retry";
        view.messages += hop->users;
        view.waiting += hop->waiting;
        view.bytes += hop->bytes;
        view.failures++;
        if (view.oldest_ms == 0 || oldest < view.oldest_ms)
            view.oldest_ms = oldest;
        if (view.next_try_ms != 0 && view.next_try_ms <= rest_ms)
            continue;
        view.next_try_ms = rest_ms;
        view.last_error = hop->last_error == NULL ? TEXT("") : text_from(hop->last_error);
    }
    visit(context, &view);
}

/* Whose time has come meanwhile is not deferred any longer. */
static void end_deferring(struct queue *queue)
{
    list_each(link, &queue->named[NAMED_DEFERRED].all)
        named_place(queue, list_entry(link, struct queued_item, of_hop));
}

void queue_each_named(struct queue *queue, queue_hop_visit *visit, void *context)
{
    end_deferring(queue);
    show_arriving(queue, visit, context);
    show_named(queue, NAMED_LOOKUP, visit, context);
    show_routing(queue, visit, context);
    show_named(queue, NAMED_LOCAL, visit, context);
    show_named(queue, NAMED_FAILED, visit, context);
    show_named(queue, NAMED_REPORTS, visit, context);
    show_named(queue, NAMED_DEFERRED, visit, context);
    show_unreachable(queue, visit, context);
}
