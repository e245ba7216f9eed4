/* What an administrator orders about hops, and about messages one by one. Orders about hops are
 * values of the store, for a hop without mail is not there; that a message is frozen stands in its
 * items. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "queue/internal.h"
#include "store/value.h"

/* No user's address is like it. */
#define OWNER TEXT("(queue)")
#define OUTBOUND TEXT("orders/outbound")
#define HOP_PREFIX "orders/hop/"
#define ORDERED TEXT("stop")

void orders_init(struct queue *queue)
{
    queue->frozen_hops = map_new();
}

void orders_finish(struct queue *queue)
{
    map_free(&queue->frozen_hops);
}

static bool load_hop(void *context, struct text name, struct text value)
{
    struct queue *queue = context;
    unused(value);
    map_put(queue->frozen_hops, text_from_position(name, sizeof(HOP_PREFIX) - 1), queue);
    return true;
}

void orders_load(struct queue *queue)
{
    struct buffer value;
    buffer_init(&value, 64);
    queue->is_outbound_off = value_get(queue->store, OWNER, OUTBOUND, &value);
    buffer_finish(&value);
    value_each(queue->store, OWNER, TEXT(HOP_PREFIX), load_hop, queue);
}

bool orders_stop(const struct queue *queue, const struct hop *hop)
{
    return queue->is_outbound_off || hop->is_frozen;
}

enum status queue_freeze_hop(struct queue *queue, struct text name, bool is_frozen)
{
    struct arena arena;
    arena_init(&arena);
    struct text key = arena_printf(&arena, HOP_PREFIX "%.*s", TEXT_ARG(name));
    enum status status = value_set(queue->store, OWNER, key, is_frozen ? ORDERED : TEXT(""));
    arena_finish(&arena);
    if (status != OK)
        return status;
    if (is_frozen)
        map_put(queue->frozen_hops, name, queue);
    else
        map_remove(queue->frozen_hops, name);
    log_info(is_frozen ? "queue.hop_frozen" : "queue.hop_thawed", "hop=%s", log_text(name));
    struct hop *hop = map_get(queue->hops, name);
    if (hop == NULL)
        return OK;
    hop->is_frozen = is_frozen;
    hop_place(queue, hop);
    return OK;
}

enum status queue_stop_outbound(struct queue *queue, bool is_off)
{
    enum status status = value_set(queue->store, OWNER, OUTBOUND, is_off ? ORDERED : TEXT(""));
    size_t position = 0;
    void *value;
    if (status != OK)
        return status;
    queue->is_outbound_off = is_off;
    log_info(is_off ? "queue.outbound_off" : "queue.outbound_on", "by=administrator");
    /* Hops in the map have items: placing frees none. */
    while (map_next(queue->hops, &position, NULL, &value))
        hop_place(queue, value);
    task_event_tell_all(&queue->work);
    return OK;
}

bool queue_outbound_is_off(const struct queue *queue)
{
    return queue->is_outbound_off;
}

bool queue_hop_is_frozen(const struct queue *queue, struct text hop)
{
    return map_get(queue->frozen_hops, hop) != NULL;
}

/* Messages */

bool queue_filter_is_empty(const struct queue_filter *filter)
{
    return filter->id == 0 && filter->older_ms == 0 && filter->larger_bytes == 0 &&
           filter->hop.length + filter->queue.length + filter->from.length + filter->to.length +
                   filter->subject.length ==
               0;
}

static bool contains_nocase(struct text text, struct text part)
{
    for (size_t i = 0; i + part.length <= text.length; i++)
        if (text_equals_nocase(text_of(text.data + i, part.length), part))
            return true;
    return false;
}

static bool has_recipient(const struct queue_view *view, struct text to)
{
    for (unsigned i = 0; i < view->recipient_count; i++)
        if (text_ends_with_nocase(view->recipients[i].address, to))
            return true;
    return false;
}

bool queue_filter_matches(const struct queue_filter *filter, const struct queue_view *view)
{
    int64_t age = clock_wall_ms() - view->received_ms;
    return (filter->id == 0 || filter->id == view->id) &&
           (text_is_empty(filter->hop) || text_equals_nocase(filter->hop, view->hop)) &&
           (text_is_empty(filter->queue) || text_equals(filter->queue, text_from(view->queue))) &&
           (text_is_empty(filter->from) || text_equals_nocase(filter->from, view->sender)) &&
           (text_is_empty(filter->to) || has_recipient(view, filter->to)) &&
           (text_is_empty(filter->subject) || contains_nocase(view->subject, filter->subject)) &&
           (filter->older_ms == 0 || age > (int64_t)filter->older_ms) &&
           (filter->larger_bytes == 0 || view->size > filter->larger_bytes);
}

static bool may_change(const struct queued_item *item)
{
    return item != NULL && item->lease == 0 && !item->busy &&
           (item->kind == ITEM_SEND || item->kind == ITEM_LATER || item->kind == ITEM_LOOKUP ||
            item->kind == ITEM_DROP);
}

/* Its whole value is written, with that changed. YIELDS. */
static enum status write_frozen(struct queue *queue, const struct queued_item *queued,
                                bool is_frozen)
{
    struct arena arena;
    struct item item;
    struct change change;
    enum status status = REFUSED;
    arena_init(&arena);
    change_init(&change);
    if (item_read(queue, queued, &arena, &item)) {
        item.is_frozen = is_frozen;
        item.next_try_ms = queued->next_try_ms; /* as the clock was set since it was written */
        change_item(&change, queued->message->id, queued->number, &item);
        change_story(&change, queued->message->id, is_frozen ? "frozen" : "thawed",
                     "part=%u by=administrator", queued->number);
        status = store_commit(queue->store, &change);
    }
    change_finish(&change);
    arena_finish(&arena);
    return status;
}

static enum status freeze_item(struct queue *queue, struct queued_item *item, bool is_frozen)
{
    if (item->is_frozen == is_frozen)
        return REFUSED;
    struct work work = schedule_begin_work(queue, item);
    enum status status = write_frozen(queue, item, is_frozen);
    schedule_end_work(queue, work, 0);
    return status;
}

struct acting {
    struct queue *queue;
    enum queue_action action;
    unsigned count;
    enum status status;
};

static enum status act_on(const struct acting *acting, struct queued_item *item)
{
    struct queue *queue = acting->queue;
    switch (acting->action) {
    case QUEUE_COUNT_ONLY:
        return OK;
    case QUEUE_FREEZE:
    case QUEUE_THAW:
        return freeze_item(queue, item, acting->action == QUEUE_FREEZE);
    case QUEUE_RETRY:
        return queue_retry_item(queue, item) ? OK : REFUSED;
    case QUEUE_DELETE:
    case QUEUE_DROP:
        return queue_delete_item(queue, item, acting->action == QUEUE_DELETE);
    }
    return REFUSED;
}

static void act(void *context, const struct queue_view *view)
{
    struct acting *acting = context;
    struct queued_item *item = schedule_find(acting->queue, view->id, view->number);
    if (acting->status != OK || !may_change(item))
        return;
    enum status status = act_on(acting, item);
    acting->count += status == OK;
    if (status == TRY_LATER)
        acting->status = status;
}

enum status queue_act(struct queue *queue, const struct queue_filter *filter,
                      enum queue_action action, unsigned *count)
{
    struct acting acting = {.queue = queue, .action = action};
    queue_find(queue, filter, act, &acting);
    *count = acting.count;
    return acting.status;
}
