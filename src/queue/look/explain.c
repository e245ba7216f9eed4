/* Why mail waits, in words, with the setting that decides. */
#include "base/clock.h"
#include "decide/opening.h"
#include "queue/internal.h"

struct explaining {
    struct queue *queue;
    queue_explain_visit *visit;
    void *context;
};

static void because(struct queue_explanation *out, const char *why)
{
    out->why = text_from(why);
}

static void because_of_connector(const struct queue *queue, const struct queued_item *item,
                                 struct queue_explanation *out, const char *why, const char *row)
{
    because(out, why);
    if (item->hop->settings != NULL)
        out->place = settings_connector_place(queue->settings, item->hop->settings, row);
}

static const struct setting_retry *retry_of(const struct queue *queue,
                                            const struct queued_item *item)
{
    return pace_retry(queue, item->message->pace);
}

static void because_of_retry(const struct queue *queue, const struct queued_item *item,
                             struct queue_explanation *out, const char *why, const char *row)
{
    because(out, why);
    out->place = settings_retry_place(queue->settings, retry_of(queue, item), row);
}

static void explain_schedule(const struct queue *queue, const struct queued_item *item,
                             struct queue_explanation *out)
{
    const struct setting_connector *connector = item->hop->settings;
    bool is_oversize = decide_schedule(connector, item->message->size) == &connector->oversize;
    because_of_connector(queue, item, out, "its connector sends mail at other times",
                         is_oversize ? "oversize" : "schedule");
    if (item->due.deadline_ms == INT64_MAX)
        out->next_try_ms = 0;
}

/* It waits for a connection, or for its next attempt. */
static void explain_waiting(const struct queue *queue, const struct queued_item *item,
                            struct queue_explanation *out)
{
    const struct lane *lane = lane_of(queue, item);
    int64_t now = clock_wall_ms();
    if (lane != NULL && lane->retry_ms > now)
        because_of_retry(queue, item, out, "the next hop could not be reached",
                         lane->failures <= retry_of(queue, item)->glitch_count ? "glitch"
                                                                               : "after");
    else if (item->is_scheduled)
        explain_schedule(queue, item, out);
    else if (item->next_try_ms > now)
        because_of_retry(queue, item, out, "the next hop asked to try later", "after");
    else
        because_of_connector(queue, item, out,
                             "it is due, and waits for a connection or for its turn",
                             "limit connections");
}

static void explain_sending(const struct queue *queue, const struct queued_item *item,
                            struct queue_explanation *out)
{
    if (item->lease != 0) {
        because(out, "it is being sent");
        return;
    }
    out->next_try_ms = 0;
    if (item->is_frozen)
        because(out, "an administrator froze it (mailroot queue thaw)");
    else if (item->hop->is_frozen)
        because(out, "an administrator froze its hop (mailroot queue thaw --hop)");
    else if (queue->is_outbound_off)
        because(out, "outbound mail is disabled (mailroot queue resume)");
    else if (!list_is_empty(&item->held))
        because_of_connector(queue, item, out, "it waits to be asked for", "hold");
    else if (named_is_routing(queue, item->hop))
        because(out, "no way is chosen before the other servers of the routing group were asked "
                     "(mailroot routing)");
    else if (item->hop->is_unreachable)
        because(out, "no way is known to a server that has its domain (mailroot routing)");
    else {
        out->next_try_ms = out->view->next_try_ms;
        explain_waiting(queue, item, out);
    }
}

static void explain(void *context, const struct queue_view *view)
{
    const struct explaining *explaining = context;
    struct queue *queue = explaining->queue;
    const struct queued_item *item = schedule_find(queue, view->id, view->number);
    struct queue_explanation out = {
        .number = view->number, .view = view, .next_try_ms = view->next_try_ms};
    if (item == NULL)
        return;
    struct wait wait = schedule_wait(item);
    if (item->look.position != 0)
        out.gives_up_ms = decide_last_try(retry_of(queue, item), &wait);
    if (item->hop != NULL)
        explain_sending(queue, item, &out);
    else if (item->is_frozen)
        because(&out, "an administrator froze it (mailroot queue thaw)");
    else if (item->kind == ITEM_LATER)
        because(&out, "its sender asked to have it sent later");
    else if (item->kind == ITEM_LOOKUP)
        because(&out, "its recipients are to be looked up, and the directory did not answer");
    else if (item->kind == ITEM_DROP)
        because(&out, "it is to be written into a folder");
    else if (item->kind == ITEM_BAD)
        because(&out, "it can be neither delivered nor returned (mailroot badmail)");
    else
        because(&out, "what became of it is about to be told");
    explaining->visit(explaining->context, &out);
}

void queue_explain(struct queue *queue, uint64_t id, queue_explain_visit *visit, void *context)
{
    struct explaining explaining = {queue, visit, context};
    queue_each(queue, id, explain, &explaining);
}
