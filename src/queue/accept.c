/* The way in: who gets a message is looked up, each goes to a mailbox or a next hop, and one
 * record says all of it. When it is durable the message is delivered, locally, and queued. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "decide/retry.h"
#include "decide/route.h"
#include "mail/address.h"
#include "queue/internal.h"
#include "store/mailbox.h"

enum { STORIES_MOST = 50 }; /* told one by one; of more recipients, a count */

/* Recipients that wait for the same hop. */
struct group {
    struct list link;
    struct item item;
    unsigned capacity;
};

struct plan {
    struct queue *queue;
    struct acceptance *acceptance;
    struct arena *arena;
    struct text *keys;
    struct directory_target *targets;
    unsigned target_count;
    unsigned *targets_of; /* how many targets each recipient has */
    bool *unknown;        /* the recipient leads nowhere */
    struct change change;
    struct operation operation; /* the message */
    struct map *groups;
    struct list group_list;
    struct group reports; /* fates that are known at once */
    unsigned stories;
};

static enum status make_keys(struct plan *plan)
{
    const struct queue_envelope *envelope = plan->acceptance->envelope;
    unsigned count = envelope->recipient_count;
    plan->keys = arena_array(plan->arena, count, sizeof(*plan->keys));
    plan->targets_of = arena_array(plan->arena, count, sizeof(*plan->targets_of));
    plan->unknown = arena_array(plan->arena, count, sizeof(*plan->unknown));
    for (unsigned i = 0; i < count; i++) {
        struct mail_address address;
        enum status status =
            mail_address_parse(envelope->recipients[i].address, plan->arena, &address);
        if (status != OK)
            return status;
        plan->keys[i] = mail_address_key(&address, plan->arena);
    }
    return OK;
}

static enum status expand(struct plan *plan)
{
    struct queue *queue = plan->queue;
    enum status status = make_keys(plan);
    if (status != OK)
        return status;
    unsigned count = plan->acceptance->envelope->recipient_count;
    if (queue->auth == NULL)
        return try_later("the directory is not there");
    status = directory_cache_expand(queue->cache, queue->auth, plan->keys, count, plan->arena,
                                    &plan->targets, &plan->target_count);
    for (unsigned i = 0; i < plan->target_count && status == OK; i++) {
        if (plan->targets[i].recipient >= count)
            return try_later("the directory's answer is malformed");
        plan->targets_of[plan->targets[i].recipient]++;
    }
    return status;
}

static void add_recipient(struct plan *plan, struct group *group, struct item_recipient recipient)
{
    struct item *item = &group->item;
    if (item->recipient_count == group->capacity) {
        group->capacity = group->capacity == 0 ? 4 : group->capacity * 2;
        struct item_recipient *more = arena_array(plan->arena, group->capacity, sizeof(*more));
        for (unsigned i = 0; i < item->recipient_count; i++)
            more[i] = item->recipients[i];
        item->recipients = more;
    }
    item->recipients[item->recipient_count++] = recipient;
}

static struct group *group_for(struct plan *plan, const struct item *facts)
{
    struct text name = item_hop_name(facts, plan->arena);
    struct group *group = map_get(plan->groups, name);
    if (group != NULL && group->item.recipient_count < ITEM_RECIPIENTS_MAX)
        return group;
    group = arena_alloc(plan->arena, sizeof(*group));
    group->item = *facts;
    list_append(&plan->group_list, &group->link);
    map_put(plan->groups, name, group);
    return group;
}

static struct item_recipient recipient_of(const struct plan *plan,
                                          const struct directory_target *target)
{
    const struct queue_recipient *asked =
        &plan->acceptance->envelope->recipients[target->recipient];
    /* Outside our domains the key's folded local part is not ours to send: RFC 5321 2.4. */
    bool is_asked = text_equals(target->address, plan->keys[target->recipient]);
    return (struct item_recipient){.address = is_asked ? asked->address : target->address,
                                   .original_recipient = asked->original_recipient,
                                   .notify = asked->notify};
}

static bool may_tell(struct plan *plan)
{
    return plan->stories++ < STORIES_MOST;
}

static void plan_remote(struct plan *plan, const struct directory_target *target, int64_t now)
{
    struct text domain =
        text_from_position(target->address, text_find_last(target->address, '@') + 1);
    struct route route = decide_route(plan->queue->settings, domain);
    struct item facts = {.kind = ITEM_SEND, .next_try_ms = now};
    facts.connector = route.connector == NULL ? TEXT("") : route.connector->name;
    /* What is held is asked for by domain. */
    bool by_domain = route.by_mx || route.connector->holds;
    facts.domain = by_domain ? domain : TEXT("");
    struct item_recipient recipient = recipient_of(plan, target);
    add_recipient(plan, group_for(plan, &facts), recipient);
    if (!may_tell(plan))
        return;
    if (route.connector == NULL)
        change_story(&plan->change, plan->acceptance->envelope->id, "routed",
                     "recipient=%.*s hop=mx:%.*s reason=\"no connector has this domain\"",
                     TEXT_ARG(recipient.address), TEXT_ARG(domain));
    else
        change_story(&plan->change, plan->acceptance->envelope->id, "routed",
                     "recipient=%.*s connector=%.*s space=%.*s cost=%u where=%.*s:%u",
                     TEXT_ARG(recipient.address), TEXT_ARG(route.connector->name),
                     TEXT_ARG(route.space), route.connector->cost,
                     TEXT_ARG(route.connector->place.file), route.connector->place.line);
}

static void plan_failed(struct plan *plan, const struct directory_target *target)
{
    bool is_loop = target->kind == TARGET_LOOP;
    bool is_lmtp = plan->acceptance->envelope->service == SERVICE_LMTP;
    if (plan->targets_of[target->recipient] == 1) {
        plan->unknown[target->recipient] = true;
        /* RFC 2033 4.2: the client hears of each recipient, and reports itself. */
        if (is_lmtp && plan->acceptance->results != NULL)
            return;
    }
    struct item_recipient recipient = recipient_of(plan, target);
    recipient.action = REPORT_FAILED;
    recipient.enhanced = is_loop ? TEXT("5.4.6") : TEXT("5.1.1");
    recipient.reply = is_loop ? TEXT("the alias or group contains itself, or is nested too deep")
                              : TEXT("no such user here");
    add_recipient(plan, &plan->reports, recipient);
    if (may_tell(plan))
        change_story(&plan->change, plan->acceptance->envelope->id, "failed",
                     "recipient=%.*s status=%.*s reason=\"%.*s\"", TEXT_ARG(recipient.address),
                     TEXT_ARG(recipient.enhanced), TEXT_ARG(recipient.reply));
}

static enum status plan_mailbox(struct plan *plan, const struct directory_target *target,
                                int64_t now)
{
    struct operation_message *message = &plan->operation.message;
    struct mailbox *box = mailbox_find_or_make(plan->queue->store, target->address, TEXT("INBOX"));
    struct message_entry *entry = &message->entries[message->entry_count];
    *entry = (struct message_entry){.date_ms = now};
    if (box == NULL || !mailbox_compose(box, &plan->change, entry))
        return refused("the mailbox of %.*s takes no more messages", TEXT_ARG(target->address));
    message->entry_count++;
    struct item_recipient recipient = recipient_of(plan, target);
    if (may_tell(plan))
        change_story(&plan->change, plan->acceptance->envelope->id, "delivered",
                     "recipient=%.*s mailbox=%.*s uid=%u", TEXT_ARG(recipient.address),
                     TEXT_ARG(target->address), entry->uid);
    if (!decide_wants_notice(recipient.notify, NOTICE_SUCCESS))
        return OK;
    recipient.action = REPORT_DELIVERED;
    recipient.enhanced = TEXT("2.1.5");
    recipient.reply = TEXT("delivered to the mailbox");
    recipient.last_attempt_ms = now;
    add_recipient(plan, &plan->reports, recipient);
    return OK;
}

static void story_of_arrival(struct plan *plan, int64_t now)
{
    const struct queue_envelope *envelope = plan->acceptance->envelope;
    char session[ID_TEXT_BYTES];
    struct text properties = TEXT("");
    if (!text_is_empty(envelope->terms.properties))
        properties =
            arena_printf(plan->arena, " properties=%zu", envelope->terms.properties.length);
    struct text facts = arena_printf(
        plan->arena,
        "from=<%.*s> size=%llu recipients=%u peer=%.*s helo=%.*s login=%.*s tls=\"%.*s\" "
        "server=%.*s session=%s settings=%llu message-id=%.*s%.*s",
        TEXT_ARG(envelope->sender), (unsigned long long)plan->acceptance->size,
        envelope->recipient_count, TEXT_ARG(envelope->peer), TEXT_ARG(envelope->helo),
        TEXT_ARG(envelope->login), TEXT_ARG(envelope->tls), TEXT_ARG(envelope->server),
        envelope->session == 0 ? "none" : id_format(envelope->session, session),
        (unsigned long long)envelope->settings_version, TEXT_ARG(envelope->message_id),
        TEXT_ARG(properties));
    struct operation story = {
        .type = OPERATION_STORY,
        .story = {.id = envelope->id,
                  .wall_ms = now,
                  .message_id_hash = store_message_id_hash(envelope->message_id),
                  .event = TEXT("accepted"),
                  .text = facts}};
    change_add(&plan->change, &story);
}

static enum status plan_targets(struct plan *plan, int64_t now)
{
    struct operation_message *message = &plan->operation.message;
    message->entries = arena_array(plan->arena, plan->target_count, sizeof(*message->entries));
    for (unsigned i = 0; i < plan->target_count; i++) {
        const struct directory_target *target = &plan->targets[i];
        enum status status = OK;
        switch (target->kind) {
        case TARGET_MAILBOX:
            status = plan_mailbox(plan, target, now);
            break;
        case TARGET_REMOTE:
            plan_remote(plan, target, now);
            break;
        case TARGET_UNKNOWN:
        case TARGET_LOOP:
            plan_failed(plan, target);
            break;
        }
        if (status != OK)
            return status;
    }
    return OK;
}

static void add_item(struct plan *plan, const struct item *item)
{
    struct operation_message *message = &plan->operation.message;
    struct buffer value;
    buffer_init(&value, ITEM_BYTES_MAX);
    item_encode(item, &value);
    message->items[message->item_count] = (struct message_item){
        .number = message->item_count + 1, .value = arena_copy(plan->arena, buffer_text(&value))};
    message->item_count++;
    buffer_finish(&value);
}

static void plan_items(struct plan *plan, int64_t now)
{
    struct operation_message *message = &plan->operation.message;
    unsigned groups = 1;
    list_each(counted, &plan->group_list) groups++;
    message->items = arena_array(plan->arena, groups, sizeof(*message->items));
    list_each(link, &plan->group_list) add_item(plan, &list_entry(link, struct group, link)->item);
    if (plan->reports.item.recipient_count == 0)
        return;
    bool may_report = !text_is_empty(plan->acceptance->envelope->sender);
    plan->reports.item.kind = may_report ? ITEM_REPORT : ITEM_BAD;
    plan->reports.item.next_try_ms = now;
    add_item(plan, &plan->reports.item);
}

static void fill_message(struct plan *plan, int64_t now)
{
    const struct acceptance *acceptance = plan->acceptance;
    const struct queue_envelope *envelope = acceptance->envelope;
    plan->operation.type = OPERATION_MESSAGE;
    plan->operation.message.body_follows = acceptance->extents == NULL;
    plan->operation.message.message = (struct message){.id = envelope->id,
                                                       .session = envelope->session,
                                                       .received_ms = now,
                                                       .size = acceptance->size,
                                                       .terms = envelope->terms,
                                                       .sender = envelope->sender,
                                                       .message_id = envelope->message_id,
                                                       .subject = envelope->subject,
                                                       .extents = acceptance->extents,
                                                       .extent_count = acceptance->extent_count};
}

static bool nobody_gets_it(const struct plan *plan)
{
    for (unsigned i = 0; i < plan->acceptance->envelope->recipient_count; i++)
        if (!plan->unknown[i])
            return false;
    /* Our own report stays, for the administrator. */
    return !plan->acceptance->is_internal;
}

static void fill_results(const struct plan *plan)
{
    enum status *results = plan->acceptance->results;
    bool is_lmtp = plan->acceptance->envelope->service == SERVICE_LMTP;
    for (unsigned i = 0; results != NULL && i < plan->acceptance->envelope->recipient_count; i++)
        results[i] = plan->unknown[i] && is_lmtp ? REFUSED : OK;
}

/* From here to the append nothing yields: UIDs follow the order of the log. */
static enum status compose_and_commit(struct plan *plan)
{
    int64_t now = clock_wall_ms();
    struct change *change = &plan->change;
    if (plan->acceptance->change != NULL)
        buffer_append(&change->operations, buffer_text(&plan->acceptance->change->operations));
    fill_message(plan, now);
    story_of_arrival(plan, now);
    enum status status = plan_targets(plan, now);
    if (status != OK)
        return status;
    if (nobody_gets_it(plan))
        return refused("no such user here");
    if (plan->stories > STORIES_MOST)
        change_story(change, plan->acceptance->envelope->id, "recipients", "not-told=%u",
                     plan->stories - STORIES_MOST);
    plan_items(plan, now);
    change_add(change, &plan->operation);
    change->body = plan->acceptance->body;
    status = store_commit(plan->queue->store, change);
    if (status == OK)
        fill_results(plan);
    return status;
}

enum status accept_message(struct queue *queue, struct acceptance *acceptance)
{
    struct arena arena;
    arena_init(&arena);
    struct plan *plan = arena_alloc(&arena, sizeof(*plan));
    plan->queue = queue;
    plan->acceptance = acceptance;
    plan->arena = &arena;
    plan->groups = map_new();
    list_init(&plan->group_list);
    change_init(&plan->change);
    enum status status = expand(plan);
    if (status == OK)
        status = compose_and_commit(plan);
    if (status == OK) {
        queue->accepted_messages++;
        queue->accepted_bytes += acceptance->size;
    }
    change_finish(&plan->change);
    map_free(&plan->groups);
    arena_finish(&arena);
    return status;
}
