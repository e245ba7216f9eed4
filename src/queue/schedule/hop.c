/* The next hops: each holds what waits for it, and waits itself until it is due, takes turns with
 * the others, or rests. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "queue/internal.h"

/* A connection sends one, another is being reported, and the envelope of a third may go out with
 * the end of the first. */
enum { LEASES_PER_CONNECTION = 3, HOP_LIMIT_DEFAULT = 20 * LEASES_PER_CONNECTION };

void hop_free(struct queue *queue, struct hop *hop)
{
    timer_clear(&queue->hops_waiting, &hop->due);
    list_remove(&hop->ready);
    list_remove(&hop->holding);
    lanes_finish(hop);
    free(hop->last_error);
    free((char *)hop->name.data);
    free((char *)hop->connector.data);
    free((char *)hop->domain.data);
    free(hop);
}

/* What the settings say now. A hop that failed is probed with one. */
void hop_follow_settings(struct queue *queue, struct hop *hop)
{
    const struct settings *settings = queue->settings;
    hop->limit = HOP_LIMIT_DEFAULT;
    hop->holds = false;
    hop->settings = NULL;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        if (!text_equals(connector->name, hop->connector))
            continue;
        hop->limit = connector->max_connections * LEASES_PER_CONNECTION;
        hop->holds = connector->holds;
        hop->settings = connector;
    }
    list_remove(&hop->holding);
    if (hop->holds)
        list_append(&queue->hops_holding, &hop->holding);
}

struct hop *hop_for(struct queue *queue, const struct item *item)
{
    struct arena arena;
    arena_init(&arena);
    struct text name = item_hop_name(item, &arena);
    struct hop *hop = map_get(queue->hops, name);
    if (hop == NULL) {
        hop = calloc(1, sizeof(*hop));
        check(hop != NULL);
        hop->name = text_of(text_to_string(name), name.length);
        hop->connector = text_of(text_to_string(item->connector), item->connector.length);
        hop->domain = text_of(text_to_string(item->domain), item->domain.length);
        list_init(&hop->ready);
        list_init(&hop->holding);
        list_init(&hop->held);
        list_init(&hop->all);
        hop->is_unreachable = text_equals(hop->connector, TEXT(ITEM_UNREACHABLE));
        hop->is_frozen = map_get(queue->frozen_hops, hop->name) != NULL;
        map_put(queue->hops, hop->name, hop);
        hop_follow_settings(queue, hop);
    }
    arena_finish(&arena);
    return hop;
}

/* The more is out, the less of it may be one hop's, so that slow ones, however many, always leave
 * room for another: no hop has more than is free then, and each may have one. */
static bool has_its_share(const struct queue *queue, const struct hop *hop)
{
    size_t out = map_count(queue->leases);
    size_t free_leases = out < QUEUE_LEASES_MOST ? QUEUE_LEASES_MOST - out : 0;
    return hop->leased > 0 && hop->leased >= free_leases;
}

void hops_unstint(struct queue *queue)
{
    while (!list_is_empty(&queue->hops_stinted)) {
        struct hop *hop = list_entry(queue->hops_stinted.next, struct hop, ready);
        if (has_its_share(queue, hop))
            return;
        hop->is_stinted = false;
        list_remove(&hop->ready);
        list_append(&queue->hops_ready, &hop->ready);
        task_event_tell_one(&queue->work);
    }
}

/* Put the hop where it belongs: waiting until due, taking turns, or nowhere. */
void hop_place(struct queue *queue, struct hop *hop)
{
    timer_clear(&queue->hops_waiting, &hop->due);
    if (hop->is_stinted)
        list_remove(&hop->ready);
    hop->is_stinted = false;
    int64_t due = lanes_due(hop);
    unsigned limit = lanes_failures(hop) > 0 ? 1 : hop->limit;
    if (due == INT64_MAX || hop->leased >= limit) {
        list_remove(&hop->ready);
        if (hop->users == 0) {
            map_remove(queue->hops, hop->name);
            hop_free(queue, hop);
        }
        return;
    }
    if (orders_stop(queue, hop) || hop->is_unreachable) {
        list_remove(&hop->ready);
        return;
    }
    if (due > clock_wall_ms()) {
        list_remove(&hop->ready);
        timer_set(&queue->hops_waiting, &hop->due, due);
    } else if (has_its_share(queue, hop)) {
        list_remove(&hop->ready);
        list_append(&queue->hops_stinted, &hop->ready);
        hop->is_stinted = true;
        return;
    } else if (list_is_empty(&hop->ready)) {
        list_append(&queue->hops_ready, &hop->ready);
    }
    task_event_tell_one(&queue->work);
}

void hop_leave(struct queue *queue, struct hop *hop, uint64_t bytes)
{
    hop->users--;
    hop->bytes -= bytes;
    hop_place(queue, hop);
}

void hop_join(struct queued_item *item, struct hop *before)
{
    struct hop *hop = item->hop;
    if (hop == before || item->named != NAMED_NONE)
        return;
    list_remove(&item->of_hop);
    if (hop != NULL)
        list_append(&hop->all, &item->of_hop);
}

int64_t hop_oldest(const struct hop *hop)
{
    return list_is_empty(&hop->all)
               ? 0
               : list_entry(hop->all.next, struct queued_item, of_hop)->message->begun_ms;
}

void hop_retry(struct queue *queue, struct hop *hop)
{
    lanes_wake(hop);
    hop_place(queue, hop);
}

void hop_note_error(struct hop *hop, struct text enhanced, struct text reply)
{
    enum { ERROR_MOST = 300 };
    struct arena arena;
    arena_init(&arena);
    free(hop->last_error);
    hop->last_error = text_to_string(arena_printf(&arena, "%.*s %.*s", TEXT_ARG(enhanced),
                                                  TEXT_ARG(text_head(reply, ERROR_MOST))));
    arena_finish(&arena);
}

void hop_note_result(struct queue *queue, struct queued_item *item, bool connected)
{
    struct hop *hop = item->hop;
    if (connected)
        lanes_connected(hop);
    if (connected || lane_fail(queue, hop, item))
        links_hop_result(queue, hop, connected);
}
