/* ETRN (RFC 1985): mail that waits for a node goes on its way now. It goes where the settings send
 * it and never to who asks, so anybody may ask; but a stranger is heeded only now and then, for
 * every attempt costs us and the host a connection. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "decide/route.h"
#include "queue/internal.h"
#include "queue/turn/turn.h"

enum { STRANGERS_MS = MINUTE };

struct asking {
    struct queue *queue;
    const struct queue_etrn *etrn;
    struct map *connectors; /* those that are to start; their names */
    unsigned started, on_way;
};

void etrn_finish(struct queue *queue)
{
    size_t position = 0;
    void *value;
    while (map_next(queue->asked, &position, NULL, &value))
        free(value);
    map_free(&queue->asked);
}

static bool is_below(struct text domain, struct text node)
{
    return domain.length > node.length && text_ends_with_nocase(domain, node) &&
           domain.data[domain.length - node.length - 1] == '.';
}

/* The node is one the connector is for: by an address space, but not by one that is for all the
 * world, unless its mail waits to be asked for. */
static bool space_has(const struct setting_connector *connector, struct text space,
                      const struct queue_etrn *etrn)
{
    if (text_equals(space, TEXT("*")))
        return connector->holds;
    if (decide_space_match(space, etrn->node) > 0)
        return true;
    struct text domain = text_from_position(space, text_starts_with(space, TEXT("*.")) ? 2 : 0);
    return etrn->kind == QUEUE_ETRN_BELOW &&
           (text_equals_nocase(domain, etrn->node) || is_below(domain, etrn->node));
}

static bool names_smart_host(const struct setting_connector *connector, struct text node)
{
    for (unsigned i = 0; i < connector->smart_host_count; i++)
        if (text_equals_nocase(connector->smart_hosts[i].host, node))
            return true;
    return false;
}

static bool connector_has(const struct setting_connector *connector, const struct queue_etrn *etrn)
{
    if (etrn->kind == QUEUE_ETRN_CONNECTOR)
        return text_equals_nocase(connector->name, etrn->node);
    for (unsigned i = 0; i < connector->space_count; i++)
        if (space_has(connector, connector->spaces[i].pattern, etrn))
            return true;
    return etrn->kind == QUEUE_ETRN_NODE && names_smart_host(connector, etrn->node);
}

/* A connector without smart hosts has a hop for each domain, a connector that holds too. */
static bool hop_has(const struct asking *asking, const struct hop *hop)
{
    const struct queue_etrn *etrn = asking->etrn;
    const struct setting_connector *connector = map_get(asking->connectors, hop->connector);
    if (connector == NULL)
        return false;
    if (etrn->kind == QUEUE_ETRN_CONNECTOR || text_is_empty(hop->domain) ||
        text_equals_nocase(hop->domain, etrn->node))
        return true;
    return etrn->kind == QUEUE_ETRN_BELOW ? is_below(hop->domain, etrn->node)
                                          : names_smart_host(connector, etrn->node);
}

/* Whether mail waits or not, so that strangers can't tell. */
static bool is_too_soon(struct queue *queue, const struct setting_connector *connector)
{
    int64_t now = clock_monotonic_ms();
    int64_t *asked_ms = map_get(queue->asked, connector->name);
    if (asked_ms != NULL && now - *asked_ms < STRANGERS_MS)
        return true;
    if (asked_ms == NULL) {
        asked_ms = calloc(1, sizeof(*asked_ms));
        check(asked_ms != NULL);
        map_put(queue->asked, connector->name, asked_ms);
    }
    *asked_ms = now;
    return false;
}

static void tell_item(const struct asking *asking, const struct queued_item *item)
{
    char session[ID_TEXT_BYTES];
    struct arena arena;
    arena_init(&arena);
    struct text facts =
        arena_printf(&arena, "etrn=%s peer=%s session=%s hop=%s", log_text(asking->etrn->node),
                     log_text(asking->etrn->peer), id_format(asking->etrn->session, session),
                     log_text(item->hop->name));
    store_story(asking->queue->store, item->message->id, TEXT("started"), facts);
    arena_finish(&arena);
}

static void gather(const struct timer_heap *heap, struct queued_item **items, unsigned *count)
{
    for (size_t i = 1; i <= heap->count; i++)
        items[(*count)++] = list_entry(heap->places[i], struct queued_item, due);
}

/* It was asked for before and is due still: who asks without end must not fill stories and log. */
static bool is_started(const struct queued_item *item)
{
    return item->is_released && item->next_try_ms <= clock_wall_ms();
}

/* The heaps and the list change as items move: they are gathered first. */
static void start_hop(struct asking *asking, struct hop *hop)
{
    unsigned most = hop->waiting + hop->held_count, count = 0;
    struct queued_item **items = calloc(most + 1u, sizeof(*items));
    check(items != NULL);
    list_each(link, &hop->held) items[count++] = list_entry(link, struct queued_item, held);
    for (unsigned i = 0; i < hop->lane_count; i++) {
        gather(&hop->lanes[i].ripe, items, &count);
        gather(&hop->lanes[i].items, items, &count);
    }
    for (unsigned i = 0; i < count; i++) {
        if (is_started(items[i]))
            continue;
        schedule_start(asking->queue, items[i]);
        tell_item(asking, items[i]);
    }
    if (count > 0)
        hop_retry(asking->queue, hop);
    free(items);
    asking->started += count;
    asking->on_way += hop->leased;
}

/* Connectors first, so that the hops are walked but once. */
static enum queue_etrn_verdict choose_connectors(struct asking *asking)
{
    const struct settings *settings = asking->queue->settings;
    bool known = false;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        struct setting_connector *connector = &settings->connectors[i];
        if (!connector_has(connector, asking->etrn))
            continue;
        known = true;
        if (asking->etrn->is_trusted || !is_too_soon(asking->queue, connector))
            map_put(asking->connectors, connector->name, connector);
    }
    if (!known)
        return QUEUE_ETRN_UNKNOWN;
    return map_count(asking->connectors) > 0 ? QUEUE_ETRN_STARTED : QUEUE_ETRN_TOO_SOON;
}

static enum queue_etrn_verdict start(struct asking *asking)
{
    struct queue *queue = asking->queue;
    size_t position = 0;
    void *value;
    enum queue_etrn_verdict verdict = choose_connectors(asking);
    if (verdict != QUEUE_ETRN_STARTED)
        return verdict;
    while (map_next(queue->hops, &position, NULL, &value))
        if (hop_has(asking, value))
            start_hop(asking, value);
    return asking->started == 0 && asking->on_way > 0 ? QUEUE_ETRN_ON_WAY : QUEUE_ETRN_STARTED;
}

void queue_serve_etrn(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct queue_etrn etrn;
    struct buffer answer;
    char session[ID_TEXT_BYTES];
    enum status status = serve_begin_call(queue);
    if (status == OK && !queue_etrn_decode(request, &etrn))
        status = refused("malformed request");
    if (status == OK) {
        struct asking asking = {.queue = queue, .etrn = &etrn, .connectors = map_new()};
        buffer_init(&answer, 16);
        wire_put_u8(&answer, (uint8_t)start(&asking));
        wire_put_u32(&answer, asking.started);
        log_info("queue.etrn", "session=%s peer=%s node=%s started=%u",
                 id_format(etrn.session, session), log_text(etrn.peer), log_text(etrn.node),
                 asking.started);
        rpc_answer(&call, buffer_text(&answer));
        buffer_finish(&answer);
        map_free(&asking.connectors);
    } else {
        rpc_fail(&call, status, fail_reason());
    }
    serve_end_call(queue);
}
