#include "queue/plan.h"

#include "account/quota.h"
#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "decide/retry.h"
#include "mail/address.h"
#include "mail/srs.h"
#include "queue/filter/filter.h"
#include "queue/filter/memory.h"
#include "queue/routing.h"
#include "store/mailbox.h"

enum { STORIES_MOST = 50 }; /* told one by one; of more recipients, a count */

/* Recipients that wait for the same hop. */
struct group {
    struct list link;
    struct item item;
};

void plan_init(struct plan *plan, struct queue *queue, const struct queue_recipient *recipients,
               unsigned count)
{
    *plan = (struct plan){.queue = queue,
                          .recipients = recipients,
                          .recipient_count = count,
                          .asked_count = count,
                          .first_number = 1,
                          .groups = map_new()};
    arena_init(&plan->arena);
    list_init(&plan->group_list);
    change_init(&plan->change);
    list_init(&plan->edits);
    list_init(&plan->remembered);
    buffer_init(&plan->seen, SIEVE_MESSAGE_SEEN);
    plan->refusals = arena_array(&plan->arena, count, sizeof(*plan->refusals));
}

void plan_finish(struct plan *plan)
{
    list_each(link, &plan->remembered)
        memory_settled(plan->queue, list_entry(link, struct remembered, link)->name);
    filter_edits_finish(plan);
    buffer_finish(&plan->seen);
    change_finish(&plan->change);
    map_free(&plan->groups);
    arena_finish(&plan->arena);
}

static enum status make_keys(struct plan *plan)
{
    unsigned count = plan->recipient_count;
    plan->keys = arena_array(&plan->arena, count, sizeof(*plan->keys));
    plan->targets_of = arena_array(&plan->arena, count, sizeof(*plan->targets_of));
    for (unsigned i = 0; i < count; i++) {
        struct mail_address address;
        enum status status =
            mail_address_parse(plan->recipients[i].address, &plan->arena, &address);
        if (status != OK)
            return status;
        plan->keys[i] = mail_address_key(&address, &plan->arena);
    }
    return OK;
}

enum status plan_expand(struct plan *plan)
{
    struct directory_answer answer;
    unsigned count = plan->recipient_count;
    enum status status = make_keys(plan);
    if (status == OK)
        status = plan_ask(plan, plan->keys, count, &answer);
    if (status != OK)
        return status;
    plan->targets = answer.targets;
    plan->target_count = answer.target_count;
    plan->groups_met = answer.groups;
    plan->group_met_count = answer.group_count;
    for (unsigned i = 0; i < plan->target_count; i++)
        plan->targets_of[plan->targets[i].recipient]++;
    plan_limit(plan, &answer);
    return OK;
}

static void add_recipient(struct plan *plan, struct group *group, struct item_recipient recipient)
{
    struct item *item = &group->item;
    item->recipients = arena_grow(&plan->arena, item->recipients, item->recipient_count,
                                  sizeof(*item->recipients));
    item->recipients[item->recipient_count++] = recipient;
}

static struct group *group_for(struct plan *plan, struct text name, const struct item *facts)
{
    struct group *group = map_get(plan->groups, name);
    if (group != NULL && group->item.recipient_count < ITEM_RECIPIENTS_MAX)
        return group;
    group = arena_alloc(&plan->arena, sizeof(*group));
    group->item = *facts;
    list_append(&plan->group_list, &group->link);
    map_put(plan->groups, name, group);
    return group;
}

void plan_add_item(struct plan *plan, const struct item *item, struct item_recipient recipient)
{
    struct group *group = arena_alloc(&plan->arena, sizeof(*group));
    group->item = *item;
    list_append(&plan->group_list, &group->link);
    add_recipient(plan, group, recipient);
}

/* Of those in one group's place nobody else hears who he is. */
static struct text shown_of(const struct plan *plan, const struct directory_target *target)
{
    const struct directory_group *group = plan_group_of(plan, target);
    bool is_hidden = group != NULL && group->hides_members;
    return is_hidden ? plan->recipients[target->recipient].address : TEXT("");
}

/* What has no sender is told to nobody: sent on in the owner's name it could come back, and go
 * round without end. */
static struct text owner_of(const struct plan *plan, const struct directory_target *target)
{
    const struct directory_group *group = plan_group_of(plan, target);
    return group == NULL || text_is_empty(plan->sender) ? TEXT("") : group->owner;
}

static bool nobody_hears_of(const struct plan *plan, const struct directory_target *target)
{
    const struct directory_group *group = plan_group_of(plan, target);
    return group != NULL && group->nobody_hears;
}

/* RFC 3461 5.2.7.1: what became of several addresses can't be told in the name of one; so success
 * ends here, told as "expanded". */
static bool is_expanded(const struct plan *plan, unsigned recipient)
{
    return plan->targets_of[recipient] > 1;
}

static unsigned notify_of(const struct plan *plan, unsigned recipient)
{
    unsigned notify = plan->recipients[recipient].notify;
    if ((notify & NOTIFY_SUCCESS) == 0 || !is_expanded(plan, recipient))
        return notify;
    notify &= ~(unsigned)NOTIFY_SUCCESS;
    return notify != 0 ? notify : NOTIFY_NEVER;
}

/* Outside our domains the key's folded local part is not ours to send: RFC 5321 2.4. What was
 * rewritten for a bounce to come back by is as it was before. */
static struct text address_of(const struct plan *plan, const struct directory_target *target,
                              struct arena *arena)
{
    struct text asked = plan->recipients[target->recipient].address, original;
    struct mail_address address;
    if (text_equals(target->address, plan->keys[target->recipient]))
        return asked;
    if (target->kind != TARGET_REMOTE || !srs_is_rewritten(asked) ||
        !srs_read(asked, arena, &original))
        return target->address;
    check(mail_address_parse(original, arena, &address) == OK);
    bool is_his = text_equals(mail_address_key(&address, arena), target->address);
    return is_his ? original : target->address;
}

struct item_recipient plan_recipient(struct plan *plan, const struct directory_target *target)
{
    const struct queue_recipient *asked = &plan->recipients[target->recipient];
    return (struct item_recipient){
        .address = address_of(plan, target, &plan->arena),
        .original_recipient = asked->original_recipient,
        .notify = nobody_hears_of(plan, target) ? NOTIFY_NEVER : notify_of(plan, target->recipient),
        .shown = shown_of(plan, target)};
}

/* owner "": the sender is told. */
static void add_report(struct plan *plan, struct item_recipient recipient, struct text owner,
                       int64_t now)
{
    bool may_report = plan->sender.length + owner.length > 0;
    struct item facts = {
        .kind = may_report ? ITEM_REPORT : ITEM_BAD, .next_try_ms = now, .owner = owner};
    /* No hop has an empty name, or begins so. */
    struct text name =
        owner.length == 0 ? TEXT("") : arena_printf(&plan->arena, "\n%.*s", TEXT_ARG(owner));
    add_recipient(plan, group_for(plan, name, &facts), recipient);
}

void plan_add_report(struct plan *plan, struct item_recipient recipient, int64_t now)
{
    add_report(plan, recipient, TEXT(""), now);
}

static bool hears_of_success(const struct plan *plan, unsigned notify)
{
    return !text_is_empty(plan->sender) && decide_wants_notice(notify, NOTICE_SUCCESS);
}

bool plan_may_tell(struct plan *plan)
{
    return plan->stories++ < STORIES_MOST;
}

/* Items of a hop wait together when they also leave in the same name. */
static struct text group_name(struct plan *plan, const struct item *facts)
{
    struct text hop = item_hop_name(facts, &plan->arena);
    if (facts->sender.length + facts->forwarder.length + facts->owner.length +
            facts->origin.domain.length ==
        0)
        return hop;
    return arena_printf(&plan->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s", TEXT_ARG(hop),
                        TEXT_ARG(facts->sender), TEXT_ARG(facts->forwarder), TEXT_ARG(facts->owner),
                        TEXT_ARG(facts->origin.domain));
}

static void fill_forwarding(const struct plan *plan, const struct directory_target *target,
                            struct item *facts)
{
    if (plan->senders != NULL)
        facts->sender = plan->senders[target - plan->targets];
    if (target->recipient >= plan->asked_count)
        facts->forwarder = plan->forwards[target->recipient - plan->asked_count].by->owner;
    /* RFC 5321 3.9.2: what comes back from members is for who answers for the group. */
    facts->owner = owner_of(plan, target);
    if (facts->owner.length > 0)
        facts->sender = facts->owner;
    if (nobody_hears_of(plan, target))
        facts->sender = ITEM_NO_SENDER;
}

static void report_failed(struct plan *plan, const struct directory_target *target,
                          struct text enhanced, struct text reply, int64_t now)
{
    struct item_recipient recipient = plan_recipient(plan, target);
    recipient.action = REPORT_FAILED;
    recipient.enhanced = enhanced;
    recipient.reply = reply;
    add_report(plan, recipient, owner_of(plan, target), now);
    if (plan_may_tell(plan))
        change_story(&plan->change, plan->id, "failed",
                     "recipient=%.*s status=%.*s reason=\"%.*s\"", TEXT_ARG(recipient.address),
                     TEXT_ARG(enhanced), TEXT_ARG(reply));
}

static struct text domain_of(struct text address)
{
    return text_from_position(address, text_find_last(address, '@') + 1);
}

static void plan_remote(struct plan *plan, const struct directory_target *target,
                        struct text domain, int64_t now)
{
    struct item facts = {.kind = ITEM_SEND, .next_try_ms = now};
    fill_forwarding(plan, target, &facts);
    struct route_facts asked = route_facts_of(plan, domain);
    if (!text_is_empty(facts.forwarder))
        asked.login = facts.forwarder; /* whose script sends it on */
    struct route route = decide_route(&asked);
    if (route.is_refused) {
        report_failed(plan, target, TEXT("5.7.1"),
                      TEXT("no connector for the domain admits this message"), now);
        return;
    }
    struct item_recipient recipient = plan_recipient(plan, target);
    route_fill_item(&route, domain, &facts);
    facts.origin.server = plan->server;
    if (asked.links != NULL)
        facts.origin = (struct item_origin){
            plan->server, asked.login, plan->from_member,
            text_equals_nocase(domain, domain_of(target->address)) ? TEXT("") : domain};
    add_recipient(plan, group_for(plan, group_name(plan, &facts), &facts), recipient);
    if (plan_may_tell(plan))
        route_tell(&plan->change, "routed", &asked, &route, recipient.address, facts.sender);
}

bool plan_is_known_elsewhere(const struct plan *plan, const struct directory_target *target)
{
    const struct setting_domain *own =
        settings_domain_find(plan->queue->settings, domain_of(target->address));
    return target->kind == TARGET_UNKNOWN && own != NULL && !text_is_empty(own->forward);
}

static void plan_failed(struct plan *plan, const struct directory_target *target, int64_t now)
{
    struct text status = TEXT("5.1.1"), reason = TEXT("no such user here");
    if (target->kind == TARGET_LOOP) {
        status = TEXT("5.4.6");
        reason = TEXT("the alias or group contains itself, or is nested too deep");
    } else if (target->kind == TARGET_REFUSED) {
        status = target->status;
        reason = target->reason;
    }
    if (plan->targets_of[target->recipient] == 1) {
        plan->refusals[target->recipient] =
            target->kind == TARGET_UNKNOWN
                ? reason
                : arena_printf(&plan->arena, QUEUE_STATUS_REASON "%.*s %.*s", TEXT_ARG(status),
                               TEXT_ARG(reason));
        /* RFC 2033 4.2: the client hears of each recipient, and reports itself. */
        if (plan->client_hears)
            return;
    }
    report_failed(plan, target, status, reason, now);
}

/* What RCPT let in goes in, though the message may lift the mailbox above its limit; that once. */
static bool is_full(const struct plan *plan, const struct directory_target *target)
{
    return quota_admit(&plan->queue->accounts, target->address, 1, 0) != OK;
}

void plan_delivered(struct plan *plan, struct item_recipient recipient, int64_t now)
{
    if (!hears_of_success(plan, recipient.notify))
        return;
    recipient.action = REPORT_DELIVERED;
    recipient.enhanced = TEXT("2.1.5");
    recipient.reply = TEXT("delivered to the mailbox");
    recipient.last_attempt_ms = now;
    plan_add_report(plan, recipient, now);
}

static enum status plan_mailbox(struct plan *plan, const struct directory_target *target,
                                int64_t now)
{
    struct mailbox *box = mailbox_find_or_make(plan->queue->store, target->address, TEXT("INBOX"));
    struct message_entry *entry = &plan->entries[plan->entry_count];
    *entry = (struct message_entry){.date_ms = now};
    if (box == NULL || !mailbox_compose(box, &plan->change, entry))
        return refused("the mailbox of %.*s takes no more messages", TEXT_ARG(target->address));
    plan->entry_count++;
    struct item_recipient recipient = plan_recipient(plan, target);
    if (plan_may_tell(plan))
        change_story(&plan->change, plan->id, "delivered", "recipient=%.*s mailbox=%.*s uid=%u",
                     TEXT_ARG(recipient.address), TEXT_ARG(target->address), entry->uid);
    plan_delivered(plan, recipient, now);
    return OK;
}

/* By which group, when it is one, the recipient is several. */
static const struct directory_group *group_of_recipient(const struct plan *plan, unsigned recipient)
{
    unsigned i = 0;
    for (; plan->targets[i].recipient != recipient; i++)
        check(i + 1 < plan->target_count);
    return plan_group_of(plan, &plan->targets[i]);
}

static void tell_expanded(struct plan *plan, unsigned recipient)
{
    const struct directory_group *group = group_of_recipient(plan, recipient);
    if (!plan_may_tell(plan))
        return;
    struct text by =
        group == NULL
            ? TEXT("")
            : arena_printf(&plan->arena, " group=%.*s%s%.*s%s", TEXT_ARG(group->address),
                           group->owner.length > 0 ? " reports-to=" : "", TEXT_ARG(group->owner),
                           group->nobody_hears ? " reports-to=nobody" : "");
    change_story(&plan->change, plan->id, "expanded", "recipient=%.*s targets=%u%.*s",
                 TEXT_ARG(plan->recipients[recipient].address), plan->targets_of[recipient],
                 TEXT_ARG(by));
}

/* RFC 3461 5.2.7: whom the sender wants to know reached, and who turned out to be several. */
static void plan_expanded(struct plan *plan, int64_t now)
{
    for (unsigned i = 0; i < plan->asked_count; i++) {
        const struct queue_recipient *asked = &plan->recipients[i];
        if (!is_expanded(plan, i))
            continue;
        const struct directory_group *group = group_of_recipient(plan, i);
        tell_expanded(plan, i);
        if (!hears_of_success(plan, asked->notify) || (group != NULL && group->hides_members))
            continue;
        struct item_recipient recipient = {.address = asked->address,
                                           .original_recipient = asked->original_recipient,
                                           .notify = asked->notify,
                                           .action = REPORT_EXPANDED,
                                           .enhanced = TEXT("2.1.5"),
                                           .reply = TEXT("expanded to its members"),
                                           .last_attempt_ms = now};
        plan_add_report(plan, recipient, now);
    }
}

static const struct filtered *filtered_of(const struct plan *plan, unsigned i)
{
    return plan->filtered == NULL ? NULL : plan->filtered[i];
}

/* A script may send it elsewhere, however full the mailbox is. */
static bool is_for_mailbox(const struct plan *plan, unsigned i)
{
    const struct filtered *filtered = filtered_of(plan, i);
    return filtered == NULL || filtered->copy_count > 0;
}

static unsigned entries_most(const struct plan *plan)
{
    unsigned most = plan->target_count;
    for (unsigned i = 0; i < plan->target_count; i++)
        if (filtered_of(plan, i) != NULL)
            most += plan->filtered[i]->copy_count;
    return most;
}

/* The domain whose mail is written into a folder, when the target is in one. */
static const struct setting_domain *dropping_domain(const struct plan *plan,
                                                    const struct directory_target *target)
{
    struct text address = target->address;
    const struct setting_domain *domain = settings_domain_find(
        plan->queue->settings, text_from_position(address, text_find_last(address, '@') + 1));
    return domain != NULL && domain->drops ? domain : NULL;
}

static void plan_drop(struct plan *plan, const struct directory_target *target,
                      const struct setting_domain *domain, int64_t now)
{
    struct item facts = {.kind = ITEM_DROP,
                         .domain = domain->name,
                         .next_try_ms = now,
                         .origin = {.server = plan->server}};
    struct text name = item_hop_name(&facts, &plan->arena);
    struct item_recipient recipient = plan_recipient(plan, target);
    add_recipient(plan, group_for(plan, name, &facts), recipient);
    if (plan_may_tell(plan))
        change_story(&plan->change, plan->id, "to-folder", "recipient=%.*s folder=%.*s",
                     TEXT_ARG(recipient.address), TEXT_ARG(domain->drop_folder));
}

static enum status plan_targets(struct plan *plan, int64_t now)
{
    plan->entries = arena_array(&plan->arena, entries_most(plan), sizeof(*plan->entries));
    for (unsigned i = 0; i < plan->target_count; i++) {
        const struct directory_target *target = &plan->targets[i];
        enum status status = OK;
        switch (target->kind) {
        case TARGET_MAILBOX:
            if (dropping_domain(plan, target) != NULL)
                plan_drop(plan, target, dropping_domain(plan, target), now);
            else if (is_for_mailbox(plan, i) && is_full(plan, target))
                report_failed(plan, target, TEXT("5.2.2"), TEXT("the mailbox is full"), now);
            else if (filtered_of(plan, i) != NULL)
                status = filter_compose(plan, i, now);
            else
                status = plan_mailbox(plan, target, now);
            break;
        case TARGET_REMOTE:
            plan_remote(plan, target, domain_of(target->address), now);
            break;
        case TARGET_EXPAND_AT:
            plan_remote(plan, target, target->reason, now);
            break;
        case TARGET_UNKNOWN:
        case TARGET_LOOP:
        case TARGET_REFUSED:
            if (plan_is_known_elsewhere(plan, target))
                plan_remote(plan, target, domain_of(target->address), now);
            else
                plan_failed(plan, target, now);
            break;
        }
        if (status != OK)
            return status;
    }
    return OK;
}

static enum status plan_items(struct plan *plan)
{
    unsigned groups = 0;
    struct buffer value;
    list_each(counted, &plan->group_list) groups++;
    plan->items = arena_array(&plan->arena, groups, sizeof(*plan->items));
    buffer_init(&value, ITEM_BYTES_MAX);
    list_each(link, &plan->group_list)
    {
        buffer_reset(&value, ITEM_BYTES_MAX);
        item_encode(&list_entry(link, struct group, link)->item, &value);
        plan->items[plan->item_count] =
            (struct message_item){.number = plan->first_number + plan->item_count,
                                  .value = arena_copy(&plan->arena, buffer_text(&value))};
        plan->item_count++;
        if (value.overflowed)
            break;
    }
    bool fits = !value.overflowed;
    buffer_finish(&value);
    return fits ? OK : refused("the recipients are too much for one item");
}

enum status plan_compose(struct plan *plan, int64_t now)
{
    enum status status = plan_targets(plan, now);
    if (status != OK)
        return status;
    plan_expanded(plan, now);
    if (plan->stories > STORIES_MOST)
        change_story(&plan->change, plan->id, "recipients", "not-told=%u",
                     plan->stories - STORIES_MOST);
    filter_edits_compose(plan, now);
    return plan_items(plan);
}

enum status plan_hold(struct plan *plan, enum item_kind kind, int64_t until_ms)
{
    struct item facts = {
        .kind = kind, .next_try_ms = until_ms, .connector = plan->server, .domain = plan->login};
    facts.origin.member = plan->from_member;
    char until[CLOCK_TEXT_BYTES];
    for (unsigned i = 0; i < plan->recipient_count; i++) {
        const struct queue_recipient *asked = &plan->recipients[i];
        struct item_recipient recipient = {.address = asked->address,
                                           .original_recipient = asked->original_recipient,
                                           .notify = asked->notify};
        add_recipient(plan, group_for(plan, TEXT(""), &facts), recipient);
    }
    if (kind == ITEM_LOOKUP)
        change_story(&plan->change, plan->id, "awaits-lookup",
                     "recipients=%u reason=\"the directory does not answer\"",
                     plan->recipient_count);
    else
        change_story(&plan->change, plan->id, "held", "until=%s", clock_rfc3339(until_ms, until));
    return plan_items(plan);
}

enum status plan_archive(struct plan *plan, int64_t now)
{
    struct item facts = {.kind = ITEM_DROP, .next_try_ms = now};
    for (unsigned i = 0; i < plan->recipient_count; i++) {
        struct item_recipient recipient = {.address = plan->recipients[i].address,
                                           .notify = NOTIFY_NEVER};
        add_recipient(plan, group_for(plan, TEXT(""), &facts), recipient);
    }
    return plan_items(plan);
}
