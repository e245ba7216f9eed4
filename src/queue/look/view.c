/* The queue as an administrator sees and changes it. */
#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "queue/internal.h"
#include "store/key.h"

struct step {
    struct arena *arena;
    struct found_item {
        uint64_t id;
        uint32_t number;
        struct text value;
    } * found;
    unsigned count, most;
    struct key next; /* where the walk goes on */
    bool more;
};

static bool gather(void *context, struct text key, struct text value)
{
    struct step *step = context;
    uint64_t id = key_get_u64(key, 0);
    uint32_t number = key_get_u32(key, 8);
    if (step->count == step->most) {
        key_item(&step->next, id, number);
        step->more = true;
        return false;
    }
    step->found[step->count++] = (struct found_item){id, number, arena_copy(step->arena, value)};
    return true;
}

static const char *state_name(const struct queue *queue, const struct queued_item *queued,
                              const struct item *item)
{
    switch (item->kind) {
    case ITEM_SEND:
        if (queued->lease == 0)
            return item->is_frozen                        ? "frozen"
                   : !list_is_empty(&queued->held)        ? "remote"
                   : named_is_routing(queue, queued->hop) ? "routing"
                   : queued->hop->is_unreachable          ? "unreachable"
                   : queued->is_scheduled                 ? "scheduled"
                                                          : "waiting";
        return "sending";
    case ITEM_REPORT:
        return "report";
    case ITEM_BAD:
        return "bad";
    case ITEM_DROP:
        return item->is_frozen ? "frozen" : "waiting";
    case ITEM_LATER:
        return item->is_frozen ? "frozen" : "held";
    case ITEM_LOOKUP:
        return item->is_frozen ? "frozen" : "lookup";
    case ITEM_ANSWER:
        return "answer";
    case ITEM_SENT:
        return "sent";
    }
    return "";
}

/* Who or what lets held mail go: "ETRN, or ATRN of a@example.org". */
static struct text waits_for(const struct queue *queue, struct text connector, struct arena *arena)
{
    struct text what = TEXT("ETRN");
    const struct settings *settings = queue->settings;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *held = &settings->connectors[i];
        for (unsigned k = 0; text_equals(held->name, connector) && k < held->hold_account_count;
             k++)
            what = arena_printf(arena, "%.*s%s %.*s", TEXT_ARG(what),
                                k == 0 ? ", or ATRN of" : " or", TEXT_ARG(held->hold_accounts[k]));
    }
    return what;
}

static int64_t next_try(const struct queue *queue, const struct queued_item *queued,
                        const struct item *item)
{
    if (queued == NULL)
        return item->next_try_ms;
    const struct lane *lane = queued->hop == NULL ? NULL : lane_of(queue, queued);
    if (queued->is_scheduled && queued->due.position != 0)
        return queued->due.deadline_ms;
    if (lane != NULL && lane->retry_ms > queued->next_try_ms)
        return lane->retry_ms;
    return queued->next_try_ms;
}

/* What is held, or to be looked up, has the server and login it came by in place of one. */
static bool has_hop(const struct item *item)
{
    return item->kind == ITEM_SEND || item->kind == ITEM_DROP;
}

static void show(struct queue *queue, const struct found_item *found, struct arena *arena,
                 queue_view_visit *visit, void *context)
{
    struct message message;
    struct item item;
    if (!store_message(queue->store, found->id, arena, &message) ||
        !item_decode(found->value, arena, &item))
        return;
    /* What was sent and is kept is not scheduled; else it is gone since it was found. */
    const struct queued_item *queued = schedule_find(queue, found->id, found->number);
    if (queued == NULL && item.kind != ITEM_SENT)
        return;
    struct queue_view_recipient *recipients =
        arena_array(arena, item.recipient_count, sizeof(*recipients));
    for (unsigned i = 0; i < item.recipient_count; i++)
        recipients[i] =
            (struct queue_view_recipient){.address = item.recipients[i].address,
                                          .last_error = item.recipients[i].reply,
                                          .enhanced = item.recipients[i].enhanced,
                                          .remote_host = item.recipients[i].remote_host};
    struct queue_view view = {.id = found->id,
                              .number = found->number,
                              .state = state_name(queue, queued, &item),
                              .queue = queued == NULL ? "" : named_name(queue, queued),
                              .waits_for = TEXT(""),
                              .hop = has_hop(&item) ? item_hop_name(&item, arena) : TEXT(""),
                              .connector = item.connector,
                              .domain = item.domain,
                              .sender = message.sender,
                              .subject = message.subject,
                              .size = message.size,
                              .received_ms = message.received_ms,
                              .next_try_ms = next_try(queue, queued, &item),
                              .attempts = item.attempts,
                              .recipients = recipients,
                              .recipient_count = item.recipient_count};
    if (text_equals(text_from(view.state), TEXT("remote")))
        view.waits_for = waits_for(queue, item.connector, arena);
    visit(context, &view);
}

void queue_each(struct queue *queue, uint64_t id, queue_view_visit *visit, void *context)
{
    enum { AT_ONCE = 256 };
    struct key key;
    struct text prefix = id == 0 ? TEXT("q") : key_items(&key, id);
    struct text from = TEXT("");
    struct step step = {.more = true, .most = AT_ONCE};
    while (step.more) {
        struct arena arena;
        arena_init(&arena);
        step.arena = &arena;
        step.found = arena_array(&arena, AT_ONCE, sizeof(*step.found));
        step.count = 0;
        step.more = false;
        index_scan(store_index(queue->store), prefix, from, gather, &step);
        for (unsigned i = 0; i < step.count; i++)
            show(queue, &step.found[i], &arena, visit, context);
        arena_finish(&arena);
        from = text_of(step.next.bytes, step.next.length);
        if (step.more)
            task_yield();
    }
}

/* Parts of one hop */

struct of_hop {
    struct found_item *items; /* without values */
    unsigned count;
};

static struct hop *find_hop(const struct queue *queue, struct text name)
{
    size_t position = 0;
    void *value;
    while (map_next(queue->hops, &position, NULL, &value))
        if (text_equals_nocase(((const struct hop *)value)->name, name))
            return value;
    return NULL;
}

static void add_of_hop(struct of_hop *found, const struct list *all, const struct hop *hop)
{
    list_each(link, all)
    {
        const struct queued_item *item = list_entry(link, struct queued_item, of_hop);
        if (item->hop != hop)
            continue;
        check(found->count < hop->users);
        found->items[found->count++] = (struct found_item){item->message->id, item->number, {0}};
    }
}

static void show_of_hop(struct queue *queue, struct found_item *found, queue_view_visit *visit,
                        void *context)
{
    struct arena arena;
    struct buffer value;
    struct key key;
    arena_init(&arena);
    buffer_init(&value, ITEM_BYTES_MAX);
    if (index_get(store_index(queue->store), key_item(&key, found->id, found->number), &value)) {
        found->value = buffer_text(&value);
        show(queue, found, &arena, visit, context);
    }
    buffer_finish(&value);
    arena_finish(&arena);
}

/* What they are is gathered first: they come and go while they are shown. */
static void each_of_hop(struct queue *queue, const struct hop *hop, queue_view_visit *visit,
                        void *context)
{
    enum { AT_ONCE = 256 };
    struct of_hop found = {.items = calloc(hop->users + 1u, sizeof(struct found_item))};
    check(found.items != NULL);
    add_of_hop(&found, &hop->all, hop);
    add_of_hop(&found, &queue->named[NAMED_FAILED].all, hop);
    for (unsigned i = 0; i < found.count; i++) {
        show_of_hop(queue, &found.items[i], visit, context);
        if (i % AT_ONCE == AT_ONCE - 1)
            task_yield();
    }
    free(found.items);
}

struct finding {
    const struct queue_filter *filter;
    queue_view_visit *visit;
    void *context;
};

static void visit_matching(void *context, const struct queue_view *view)
{
    const struct finding *finding = context;
    if (queue_filter_matches(finding->filter, view))
        finding->visit(finding->context, view);
}

void queue_find(struct queue *queue, const struct queue_filter *filter, queue_view_visit *visit,
                void *context)
{
    struct finding finding = {filter, visit, context};
    bool by_hop = filter->id == 0 && !text_is_empty(filter->hop);
    const struct hop *hop = by_hop ? find_hop(queue, filter->hop) : NULL;
    if (hop != NULL)
        each_of_hop(queue, hop, visit_matching, &finding);
    else
        queue_each(queue, filter->id, visit_matching, &finding);
}

static const char *hop_state(const struct queue *queue, const struct hop *hop)
{
    const struct queued_item *first = lanes_first(hop);
    if (hop->is_frozen)
        return "frozen";
    if (queue->is_outbound_off)
        return "disabled";
    if (hop->is_unreachable)
        return named_is_routing(queue, hop) ? "routing" : "unreachable";
    if (hop->leased > 0)
        return "active";
    if (lanes_rest(hop) > clock_wall_ms())
        return "retry";
    if (first == NULL)
        return hop->held_count > 0 ? "remote" : "frozen";
    if (first->is_scheduled)
        return "scheduled";
    return lanes_due(hop) > clock_wall_ms() ? "retry" : "ready";
}

void queue_each_hop(struct queue *queue, queue_hop_visit *visit, void *context)
{
    size_t position = 0;
    void *value;
    while (map_next(queue->hops, &position, NULL, &value)) {
        const struct hop *hop = value;
        int64_t due = lanes_due(hop), next = due == INT64_MAX ? lanes_rest(hop) : due;
        struct arena arena;
        arena_init(&arena);
        struct queue_hop_view view = {
            .name = hop->name,
            .state = hop_state(queue, hop),
            .messages = hop->users,
            .bytes = hop->bytes,
            .oldest_ms = hop_oldest(hop),
            .last_error = hop->last_error == NULL ? TEXT("") : text_from(hop->last_error),
            .waiting = hop->waiting,
            .remote = hop->held_count,
            .waits_for = hop->held_count == 0 ? TEXT("") : waits_for(queue, hop->connector, &arena),
            .sending = hop->leased,
            .failures = lanes_failures(hop),
            .next_try_ms = next <= clock_wall_ms() ? 0 : next};
        visit(context, &view);
        arena_finish(&arena);
    }
}

static bool retry_item(struct queue *queue, struct queued_item *item, bool is_named)
{
    bool is_held = !list_is_empty(&item->held);
    bool waits_to_be_named = is_held || item->kind == ITEM_LATER;
    if (item->kind == ITEM_BAD || item->lease != 0 || item->busy || item->is_frozen ||
        (waits_to_be_named && !is_named))
        return false;
    if (is_held || (item->is_scheduled && is_named)) {
        schedule_start(queue, item);
        return true;
    }
    item->next_try_ms = clock_wall_ms();
    schedule_place(queue, item);
    return true;
}

static unsigned retry_one(struct queue *queue, struct queued_item *item, bool is_named)
{
    if (item->hop != NULL)
        hop_retry(queue, item->hop);
    return retry_item(queue, item, is_named);
}

static unsigned retry_parts(struct queue *queue, struct queued *message, bool is_named)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < message->part_count; i++)
        count += retry_one(queue, parts_of(message)[i], is_named);
    return count;
}

unsigned queue_retry(struct queue *queue, uint64_t id, struct text hop_name)
{
    unsigned count = 0;
    size_t position = 0;
    void *value;
    struct queued *message = map_get(queue->messages, MAP_KEY(id));
    struct hop *hop = text_is_empty(hop_name) ? NULL : map_get(queue->hops, hop_name);
    if (id != 0 && message != NULL)
        count = retry_parts(queue, message, true);
    else if (id == 0 && hop != NULL)
        list_each(link, &hop->all) count +=
            retry_one(queue, list_entry(link, struct queued_item, of_hop), true);
    while (id == 0 && text_is_empty(hop_name) && map_next(queue->messages, &position, NULL, &value))
        count += retry_parts(queue, value, false);
    return count;
}

bool queue_retry_item(struct queue *queue, struct queued_item *item)
{
    return retry_one(queue, item, true) > 0;
}

enum status queue_delete_item(struct queue *queue, struct queued_item *item, bool report)
{
    struct work work = schedule_begin_work(queue, item);
    enum status status =
        outcome_give_up(queue, item, "4.3.2", "deleted from the queue by an administrator", report);
    schedule_end_work(queue, work, 0);
    return status;
}

/* One that may be removed; *sending: there is one that may not. */
static struct queued_item *removable(struct queue *queue, uint64_t id, bool *sending)
{
    struct queued *message = map_get(queue->messages, MAP_KEY(id));
    if (message == NULL)
        return NULL;
    for (uint32_t i = 0; i < message->part_count; i++) {
        struct queued_item *item = parts_of(message)[i];
        if (item->kind != ITEM_SEND && item->kind != ITEM_LATER && item->kind != ITEM_LOOKUP &&
            item->kind != ITEM_ANSWER && item->kind != ITEM_DROP)
            continue;
        if (item->lease == 0 && !item->busy)
            return item;
        *sending = true;
    }
    return NULL;
}

enum status queue_delete(struct queue *queue, uint64_t id, bool report)
{
    if (map_get(queue->messages, MAP_KEY(id)) == NULL)
        return refused("there is no such message in the queue");
    bool sending = false;
    struct queued_item *item;
    while ((item = removable(queue, id, &sending)) != NULL) {
        enum status status = queue_delete_item(queue, item, report);
        if (status != OK)
            return status;
    }
    return sending ? try_later("a part of it is being sent right now") : OK;
}

struct bad_list {
    struct bad_item {
        uint64_t id;
        uint32_t number;
    } * items;
    unsigned count;
};

static bool gather_bad(void *context, struct text key, struct text value)
{
    struct bad_list *bad = context;
    if (value.length == 0 || value.data[0] != ITEM_BAD)
        return true;
    bad->items = array_grow(bad->items, bad->count, sizeof(*bad->items));
    bad->items[bad->count++] = (struct bad_item){key_get_u64(key, 0), key_get_u32(key, 8)};
    return true;
}

enum status queue_purge_bad(struct queue *queue, uint64_t id, unsigned *count)
{
    struct bad_list bad = {0};
    struct key key;
    struct text prefix = id == 0 ? TEXT("q") : key_items(&key, id);
    index_scan(store_index(queue->store), prefix, TEXT(""), gather_bad, &bad);
    enum status status = OK;
    for (*count = 0; *count < bad.count && status == OK; *count += status == OK) {
        const struct bad_item *item = &bad.items[*count];
        struct change change;
        change_init(&change);
        change_story(&change, item->id, "purged", "by=administrator");
        change_item_gone(&change, item->id, item->number);
        status = store_commit(queue->store, &change);
        change_finish(&change);
    }
    free(bad.items);
    return status;
}

static enum status requeue(struct queue *queue, uint64_t id, uint32_t number)
{
    struct queued_item *queued = schedule_find(queue, id, number);
    struct change change;
    struct arena arena;
    struct item item;
    enum status status = OK;
    arena_init(&arena);
    change_init(&change);
    if (queued != NULL && item_read(queue, queued, &arena, &item)) {
        item.kind = ITEM_LATER; /* looked up and routed anew, at once */
        item.next_try_ms = queued->message->begun_ms = clock_wall_ms();
        item.is_filed = item.delay_told = item.deadline_told = false;
        for (unsigned i = 0; i < item.recipient_count; i++)
            item.recipients[i] =
                (struct item_recipient){.address = item.recipients[i].address,
                                        .original_recipient = item.recipients[i].original_recipient,
                                        .notify = item.recipients[i].notify};
        change_story(&change, id, "requeued", "by=administrator recipients=%u",
                     item.recipient_count);
        change_item(&change, id, number, &item);
        status = store_commit(queue->store, &change);
    }
    change_finish(&change);
    arena_finish(&arena);
    return status;
}

enum status queue_requeue_bad(struct queue *queue, uint64_t id, unsigned *count)
{
    struct bad_list bad = {0};
    struct key key;
    enum status status = OK;
    index_scan(store_index(queue->store), key_items(&key, id), TEXT(""), gather_bad, &bad);
    for (*count = 0; *count < bad.count && status == OK; *count += status == OK)
        status = requeue(queue, id, bad.items[*count].number);
    free(bad.items);
    return status;
}

const struct queue_counters *queue_counters_now(const struct queue *queue)
{
    return &queue->counters;
}

struct queue_counts queue_counts_now(const struct queue *queue)
{
    bool low = queue->free_checked_ms != 0 && queue->free_bytes < queue->settings->min_free_bytes;
    return (struct queue_counts){.messages = map_count(queue->messages),
                                 .items = queue->item_count,
                                 .hops = map_count(queue->hops),
                                 .sending = map_count(queue->leases),
                                 .low_space = low};
}
