/* The end of a hold (RFC 4865), and of waiting for the directory: an ITEM_LATER or ITEM_LOOKUP is
 * accepted as if it came now, but for the message, which is there already. What it becomes and its
 * own end are one record: both or neither. */
#include "base/clock.h"
#include "base/logline.h"
#include "queue/filter/filter.h"
#include "queue/routing.h"

static void add_copies(struct plan *plan)
{
    for (unsigned i = 0; i < plan->entry_count; i++) {
        const struct message_entry *entry = &plan->entries[i];
        struct copied_entry copied = {.message = plan->id,
                                      .uid = entry->uid,
                                      .flags = entry->flags,
                                      .date_ms = entry->date_ms,
                                      .saved_s = entry->saved_s};
        struct operation operation = {.type = OPERATION_COPY,
                                      .copy = {.mailbox = entry->mailbox,
                                               .modseq = entry->modseq,
                                               .entries = &copied,
                                               .entry_count = 1}};
        change_add(&plan->change, &operation);
    }
}

static void add_items(struct plan *plan)
{
    for (unsigned i = 0; i < plan->item_count; i++) {
        struct operation operation = {.type = OPERATION_ITEM,
                                      .item = {.id = plan->id,
                                               .number = plan->items[i].number,
                                               .value = plan->items[i].value}};
        change_add(&plan->change, &operation);
    }
}

/* From here to the append nothing yields. */
static enum status compose_and_commit(struct plan *plan, struct queued_item *later)
{
    plan->first_number = later->message->next_number;
    change_story(&plan->change, plan->id, "released", "recipients=%u", plan->recipient_count);
    enum status status = plan_compose(plan, clock_wall_ms());
    if (status != OK)
        return status;
    later->message->next_number += plan->item_count;
    add_copies(plan);
    add_items(plan);
    change_item_gone(&plan->change, plan->id, later->number);
    return store_commit(plan->queue->store, &plan->change);
}

static enum status release(struct queue *queue, struct queued_item *later, struct arena *arena)
{
    struct message message;
    struct item item;
    if (!store_message(queue->store, later->message->id, arena, &message) ||
        !item_read(queue, later, arena, &item))
        return refused("the message is gone");
    struct queue_recipient *recipients =
        arena_array(arena, item.recipient_count, sizeof(*recipients));
    for (unsigned i = 0; i < item.recipient_count; i++)
        recipients[i] =
            (struct queue_recipient){.address = item.recipients[i].address,
                                     .original_recipient = item.recipients[i].original_recipient,
                                     .notify = item.recipients[i].notify};
    struct plan plan;
    plan_init(&plan, queue, recipients, item.recipient_count);
    plan.id = message.id;
    plan.sender = message.sender;
    plan.login = item.domain;
    plan.server = item.connector;
    plan.from_member = item.origin.member;
    plan.size = message.size;
    plan.priority = message.terms.priority;
    plan.is_internal = text_equals(item.connector, QUEUE_REPORT_SERVER);
    struct filter_source source = {.facts = message, .is_stored = true};
    enum status status = plan_expand(&plan);
    if (status == OK)
        status = plan_filter(&plan, &source);
    if (status == OK)
        status = route_find_groups(&plan);
    if (status == OK)
        status = compose_and_commit(&plan, later);
    if (status == OK)
        queue->counters.delivered += plan.entry_count;
    plan_finish(&plan);
    return status;
}

void release_item(struct queue *queue, struct queued_item *item)
{
    struct arena arena;
    arena_init(&arena);
    struct work work = schedule_begin_work(queue, item);
    uint64_t returns = queue->directory_returns;
    enum status status = release(queue, item, &arena);
    arena_finish(&arena);
    if (status != OK)
        log_warning("queue.release_put_off", "reason=%s", log_text(text_from(fail_reason())));
    named_note(queue, NAMED_LOOKUP, status == OK ? NULL : fail_reason());
    /* What came back in the meantime is asked again at once. */
    schedule_end_work(queue, work, returns == queue->directory_returns ? QUEUE_LOOKUP_MS : 0);
}

void release_lookups(struct queue *queue)
{
    list_each(link, &queue->named[NAMED_LOOKUP].all)
    {
        struct queued_item *item = list_entry(link, struct queued_item, of_hop);
        if (item->busy)
            continue;
        item->next_try_ms = clock_wall_ms();
        schedule_place(queue, item);
    }
}
