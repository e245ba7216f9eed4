/* Who is next. A hop holds its waiting items in a heap by next try; hops wait in a heap by when
 * they are due, and those that are take turns. Nothing here walks the queue. */
#include "queue/schedule/schedule.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "decide/retry.h"
#include "queue/internal.h"
#include "store/key.h"

/* For the last try of what ran out of time while we were away. */
enum { MISSED_TRY_MS = 30 * MINUTE };

int64_t schedule_deadline(int64_t wall_ms)
{
    if (wall_ms == INT64_MAX)
        return NO_DEADLINE;
    int64_t wait = wall_ms - clock_wall_ms();
    return clock_monotonic_ms() + (wait > 0 ? wait : 0);
}

void schedule_init(struct queue *queue)
{
    queue->messages = map_new();
    queue->hops = map_new();
    queue->leases = map_new();
    /* send may outlive us and claim or report on a lease that the store before us gave: that number
     * must not be one of ours, or the report would be taken for another message's. */
    queue->last_lease = id_new(0);
    list_init(&queue->hops_ready);
    list_init(&queue->hops_stinted);
    list_init(&queue->hops_holding);
    list_init(&queue->leased);
    queue->loaded_ms = clock_wall_ms();
    queue->clock_ahead_ms = queue->loaded_ms - clock_monotonic_ms();
    named_init(queue);
    pace_init(queue);
    task_event_init(&queue->work);
    task_event_init(&queue->look_news);
    task_event_init(&queue->report_news);
    task_event_init(&queue->later_news);
    task_event_init(&queue->file_news);
}

void schedule_finish(struct queue *queue)
{
    named_finish(queue);
    pace_finish(queue);
    size_t position = 0;
    void *value;
    while (map_next(queue->messages, &position, NULL, &value)) {
        struct queued *message = value;
        for (uint32_t i = 0; i < message->part_count; i++)
            free(parts_of(message)[i]);
        parts_finish(message);
        free(message);
    }
    position = 0;
    while (map_next(queue->hops, &position, NULL, &value))
        hop_free(queue, value);
    map_free(&queue->messages);
    map_free(&queue->hops);
    map_free(&queue->leases);
    timer_heap_finish(&queue->hops_waiting);
    timer_heap_finish(&queue->looks);
    timer_heap_finish(&queue->reports);
    timer_heap_finish(&queue->later);
    timer_heap_finish(&queue->files);
}

struct wait schedule_wait(const struct queued_item *item)
{
    return (struct wait){.begun_ms = item->message->begun_ms,
                         .is_local = item->kind == ITEM_DROP,
                         .by = item->message->by,
                         .by_ms = item->message->by_ms,
                         .delay_told = item->delay_told,
                         .deadline_told = item->deadline_told};
}

/* Where it waits for its time. */
static struct timer_heap *heap_of(struct queue *queue, struct queued_item *item)
{
    if (item->kind == ITEM_LATER || item->kind == ITEM_LOOKUP)
        return &queue->later;
    if (item->kind == ITEM_DROP || item->kind == ITEM_BAD)
        return &queue->files;
    if (item->hop == NULL)
        return &queue->reports;
    struct lane *lane = lane_for(item->hop, item->lane);
    return item->is_ripe ? &lane->ripe : &lane->items;
}

static void take_out(struct queue *queue, struct queued_item *item)
{
    if (item->hop != NULL && item->due.position != 0)
        item->hop->waiting--;
    timer_clear(heap_of(queue, item), &item->due);
    item->is_ripe = false;
    timer_clear(&queue->looks, &item->look);
    if (!list_is_empty(&item->held)) {
        list_remove(&item->held);
        item->hop->held_count--;
    }
}

static void put_in_hop(struct queue *queue, struct queued_item *item)
{
    if (item->hop->holds && !item->is_released) {
        list_append(&item->hop->held, &item->held);
        item->hop->held_count++;
    } else {
        item->lane = pace_lane(queue, item->message->pace);
        timer_set(&lane_for(item->hop, item->lane)->items, &item->due, opening_due(item));
        item->hop->waiting++;
    }
}

/* What ran out of time while we were away has had no last try: it gets one. */
static int64_t next_look(const struct queue *queue, const struct queued_item *item)
{
    struct wait wait = schedule_wait(item);
    const struct setting_retry *retry = pace_retry(queue, item->message->pace);
    int64_t look = decide_next_look(retry, &wait);
    bool was_missed = wait.by == MAIL_BY_NONE && decide_last_try(retry, &wait) < queue->loaded_ms;
    int64_t least = queue->loaded_ms + MISSED_TRY_MS;
    return was_missed && look < least ? least : look;
}

static void put_in(struct queue *queue, struct queued_item *item)
{
    if (item->is_frozen)
        return;
    if (item->kind == ITEM_REPORT || item->kind == ITEM_ANSWER) {
        timer_set(&queue->reports, &item->due, item->next_try_ms);
        task_event_tell_all(&queue->report_news);
    }
    if (item->kind == ITEM_LATER || item->kind == ITEM_LOOKUP) {
        timer_set(&queue->later, &item->due, item->next_try_ms);
        task_event_tell_all(&queue->later_news);
    }
    if (item->kind == ITEM_DROP || (item->kind == ITEM_BAD && !item->is_filed)) {
        timer_set(&queue->files, &item->due, item->next_try_ms);
        task_event_tell_all(&queue->file_news);
    }
    if (item->kind == ITEM_SEND)
        put_in_hop(queue, item);
    if (item->kind != ITEM_SEND && item->kind != ITEM_DROP)
        return;
    timer_set(&queue->looks, &item->look, next_look(queue, item));
    if (timer_first(&queue->looks) == &item->look)
        task_event_tell_all(&queue->look_news);
}

void schedule_place(struct queue *queue, struct queued_item *item)
{
    take_out(queue, item);
    named_place(queue, item);
    if (item->lease == 0 && !item->busy)
        put_in(queue, item);
    if (item->hop != NULL)
        hop_place(queue, item->hop);
}

struct queued_item *schedule_find(struct queue *queue, uint64_t id, uint32_t number)
{
    struct queued *message = map_get(queue->messages, MAP_KEY(id));
    return message == NULL ? NULL : parts_find(message, number);
}

struct work schedule_begin_work(struct queue *queue, struct queued_item *item)
{
    item->busy = true;
    schedule_place(queue, item);
    return (struct work){item->message->id, item->number};
}

struct queued_item *schedule_end_work(struct queue *queue, struct work work, int64_t rest_ms)
{
    struct queued_item *item = schedule_find(queue, work.id, work.number);
    if (item == NULL)
        return NULL;
    int64_t least_ms = clock_wall_ms() + rest_ms;
    item->busy = false;
    if (rest_ms > 0 && item->next_try_ms < least_ms)
        item->next_try_ms = least_ms;
    schedule_place(queue, item);
    links_item_released(queue, item); /* it may be thawed */
    return item;
}

static void end_lease(struct queue *queue, struct queued_item *item)
{
    if (item->lease == 0)
        return;
    map_remove(queue->leases, MAP_KEY(item->lease));
    list_remove(&item->leased);
    item->lease = 0;
    item->hop->leased--;
    hops_unstint(queue);
}

static void remove_item(struct queue *queue, struct queued_item *item)
{
    struct queued *message = item->message;
    struct hop *hop = item->hop;
    uint64_t bytes = message->size;
    end_lease(queue, item);
    take_out(queue, item);
    named_leave(queue, item);
    list_remove(&item->of_hop);
    parts_remove(message, item);
    queue->item_count--;
    free(item);
    if (message->part_count == 0) {
        map_remove(queue->messages, MAP_KEY(message->id));
        parts_finish(message);
        free(message);
    }
    if (hop != NULL)
        hop_leave(queue, hop, bytes);
}

static struct queued *message_for(struct queue *queue, uint64_t id)
{
    struct queued *queued = map_get(queue->messages, MAP_KEY(id));
    if (queued != NULL)
        return queued;
    struct arena arena;
    struct message message;
    arena_init(&arena);
    if (store_message(queue->store, id, &arena, &message)) {
        queued = calloc(1, sizeof(*queued));
        check(queued != NULL);
        queued->id = id;
        queued->size = message.size;
        /* It came in the future: the clock was set back since. */
        int64_t received_ms = message.received_ms, hold_until_ms = message.terms.hold_until_ms;
        if (received_ms > clock_wall_ms())
            received_ms = clock_wall_ms();
        queued->begun_ms = received_ms > hold_until_ms ? received_ms : hold_until_ms;
        queued->by = message.terms.by;
        queued->by_ms = message.terms.by_ms;
        queued->priority = message.terms.priority;
        map_put(queue->messages, MAP_KEY(id), queued);
    }
    arena_finish(&arena);
    return queued;
}

static struct queued_item *item_for(struct queue *queue, uint64_t id, uint32_t number)
{
    struct queued_item *item = schedule_find(queue, id, number);
    struct queued *message = item == NULL ? message_for(queue, id) : NULL;
    if (item != NULL || message == NULL)
        return item;
    item = calloc(1, sizeof(*item));
    check(item != NULL);
    item->message = message;
    item->number = number;
    parts_add(message, item);
    queue->item_count++;
    list_init(&item->leased);
    list_init(&item->held);
    list_init(&item->of_hop);
    if (number >= message->next_number)
        message->next_number = number + 1;
    return item;
}

/* What was sent waits for nothing and is not in memory; but its number is taken. At a start, where
 * the message is not there yet, its first item has a higher one. */
static void note_number(struct queue *queue, uint64_t id, uint32_t number)
{
    struct queued *message = map_get(queue->messages, MAP_KEY(id));
    if (message != NULL && number >= message->next_number)
        message->next_number = number + 1;
}

/* Reports and bad mail do not tell it; other parts of the message may. */
static void note_server(struct queue *queue, struct queued *message, const struct item *facts)
{
    bool is_held = facts->kind == ITEM_LATER || facts->kind == ITEM_LOOKUP;
    struct text server = is_held ? facts->connector : facts->origin.server;
    if (!text_is_empty(server))
        message->pace = pace_find(queue, server);
}

/* The item as it then is; NULL: there is none. */
static struct queued_item *take_item(struct queue *queue, uint64_t id, uint32_t number,
                                     struct text value)
{
    struct queued_item *item = schedule_find(queue, id, number);
    struct arena arena;
    struct item facts;
    arena_init(&arena);
    if (text_is_empty(value)) {
        if (item != NULL)
            remove_item(queue, item);
        item = NULL;
    } else if (value.data[0] == ITEM_SENT) {
        note_number(queue, id, number);
    } else if (item_decode(value, &arena, &facts) && (item = item_for(queue, id, number)) != NULL) {
        struct hop *before = item->hop;
        take_out(queue, item);
        queue->counters.bad += facts.kind == ITEM_BAD && item->kind != ITEM_BAD;
        item->kind = facts.kind;
        item->next_try_ms = facts.next_try_ms;
        item->delay_told = facts.delay_told;
        item->deadline_told = facts.deadline_told;
        item->is_filed = facts.is_filed;
        item->is_frozen = facts.is_frozen;
        item->hop = facts.kind == ITEM_SEND ? hop_for(queue, &facts) : NULL;
        note_server(queue, item->message, &facts);
        check(before == item->hop || item->lease == 0);
        hop_join(item, before);
        if (item->hop != NULL) {
            item->hop->users++;
            item->hop->bytes += item->message->size;
        }
        if (before != NULL)
            hop_leave(queue, before, item->message->size);
        schedule_place(queue, item);
    }
    arena_finish(&arena);
    return item;
}

/* If one seems to wait for longer than any does, the clock was set back: before we started, or
 * while its record was on its way to the disk. But the sender may hold it for as long as he likes.
 */
static void heed_clock_before(struct queue *queue, struct queued_item *item)
{
    const struct setting_retry *retry = pace_retry(queue, item->message->pace);
    int64_t now = clock_wall_ms();
    bool is_held = item->message->begun_ms > now;
    if (is_held || item->kind == ITEM_BAD || item->next_try_ms <= now + decide_longest_wait(retry))
        return;
    item->next_try_ms = now;
    schedule_place(queue, item);
}

void schedule_item(void *context, uint64_t id, uint32_t number, struct text value)
{
    struct queued_item *item = take_item(context, id, number, value);
    if (item != NULL)
        heed_clock_before(context, item);
}

static bool load_one(void *context, struct text key, struct text value)
{
    struct queued_item *item = take_item(context, key_get_u64(key, 0), key_get_u32(key, 8), value);
    if (item != NULL)
        heed_clock_before(context, item);
    return true;
}

void schedule_load(struct queue *queue)
{
    index_scan(store_index(queue->store), TEXT("q"), TEXT(""), load_one, queue);
    queue->counters.bad = 0; /* what was so before we started */
}

/* Hops whose time has come take their place at the end of the line. */
static void ready_hops(struct queue *queue)
{
    int64_t now = clock_wall_ms();
    struct timer *timer;
    while ((timer = timer_first(&queue->hops_waiting)) != NULL && timer->deadline_ms <= now) {
        struct hop *hop = list_entry(timer, struct hop, due);
        timer_clear(&queue->hops_waiting, timer);
        list_append(&queue->hops_ready, &hop->ready);
    }
}

static void begin_lease(struct queue *queue, struct queued_item *item, uint64_t lease)
{
    take_out(queue, item);
    item->lease = lease;
    item->leased_ms = clock_wall_ms();
    item->turn = 0;
    map_put(queue->leases, MAP_KEY(item->lease), item);
    list_append(&queue->leased, &item->leased);
    item->hop->leased++;
    hop_place(queue, item->hop);
}

struct queued_item *schedule_lease(struct queue *queue, int64_t *wake_ms)
{
    enum { PUT_OFF_MOST = 1000 };
    schedule_heed_clock(queue);
    ready_hops(queue);
    for (unsigned put_off = 0; !list_is_empty(&queue->hops_ready); put_off++) {
        struct hop *hop = list_entry(queue->hops_ready.next, struct hop, ready);
        if (put_off == PUT_OFF_MOST) {
            *wake_ms = clock_wall_ms();
            return NULL;
        }
        list_remove(&hop->ready);
        lanes_ripen(hop);
        struct queued_item *item = lanes_first(hop);
        if (!opening_is_closed(item)) {
            begin_lease(queue, item, ++queue->last_lease);
            return item;
        }
        schedule_place(queue, item);
    }
    struct timer *next = timer_first(&queue->hops_waiting);
    *wake_ms = next == NULL ? INT64_MAX : next->deadline_ms;
    return NULL;
}

void schedule_lease_held(struct queue *queue, struct queued_item *item, uint64_t turn)
{
    begin_lease(queue, item, ++queue->last_lease);
    item->turn = item->last_turn = turn;
}

bool schedule_lease_again(struct queue *queue, const struct queue_claim *claim)
{
    struct queued_item *item = schedule_find(queue, claim->id, claim->item);
    if (item == NULL || item->hop == NULL || item->lease != 0 || item->busy || claim->lease == 0 ||
        claim->lease > queue->last_lease || claim->turn > queue->last_turn ||
        map_get(queue->leases, MAP_KEY(claim->lease)) != NULL)
        return false;
    begin_lease(queue, item, claim->lease);
    item->turn = claim->turn;
    return true;
}

void schedule_start(struct queue *queue, struct queued_item *item)
{
    item->is_released = true;
    item->next_try_ms = clock_wall_ms();
    lanes_wake(item->hop);
    schedule_place(queue, item);
}

void schedule_follow_settings(struct queue *queue, const struct settings *old)
{
    size_t position = 0;
    void *value;
    bool changed = pace_follow_settings(queue, old);
    while (map_next(queue->hops, &position, NULL, &value)) {
        struct hop *hop = value;
        bool held = hop->holds, waited = opening_matters(hop->settings);
        hop_follow_settings(queue, hop);
        changed |= held != hop->holds || waited || opening_matters(hop->settings);
    }
    if (changed)
        schedule_place_all(queue);
}

void schedule_place_all(struct queue *queue)
{
    size_t position = 0;
    void *value;
    while (map_next(queue->messages, &position, NULL, &value))
        for (uint32_t i = 0; i < ((struct queued *)value)->part_count; i++)
            schedule_place(queue, parts_of(value)[i]);
}

void schedule_release(struct queue *queue, struct queued_item *item)
{
    end_lease(queue, item);
    schedule_place(queue, item);
    links_item_released(queue, item);
}

void schedule_send_lost(void *context)
{
    struct queue *queue = context;
    queue->send_losses++;
    turn_send_lost(queue);
    list_each(link, &queue->leased)
    {
        struct queued_item *item = list_entry(link, struct queued_item, leased);
        /* One whose report is being written keeps its lease until that is done. */
        if (!item->busy)
            schedule_release(queue, item);
    }
    task_event_tell_all(&queue->work);
}
