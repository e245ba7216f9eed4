/* Where scripts send a message on, and in whose name what is forwarded leaves. */
#include <string.h>

#include "base/check.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/srs.h"
#include "queue/filter/filter.h"

enum { RECIPIENTS_MOST = 2000 };

/* Redirections of one round. */
struct round {
    struct plan *plan;
    struct text *keys;
    unsigned first_recipient, count;
    struct directory_target *targets;
    unsigned target_count;
    struct directory_group *groups;
    unsigned first_group, group_count;
};

/* It came by this mailbox already (RFC 9228 has a field for that): forwarded there and back. */
static bool has_been_here(const struct plan *plan, struct text owner, struct arena *arena)
{
    struct text section = header_section(plan->seen_text);
    struct header_field field;
    while (header_next_valid(&section, &field))
        if (text_equals_nocase(field.name, TEXT("Delivered-To")) &&
            text_equals_nocase(header_unfold(field.body, arena), owner))
            return true;
    return false;
}

static unsigned count_redirects(const struct filtered *filtered)
{
    unsigned count = 0;
    for (unsigned i = 0; filtered != NULL && i < filtered->result.action_count; i++)
        count += filtered->result.actions[i].kind == SIEVE_REDIRECT;
    return count;
}

static void *grown(struct plan *plan, const void *old, size_t count, size_t more, size_t size)
{
    char *bytes = arena_array(&plan->arena, count + more, size);
    if (count > 0)
        memcpy(bytes, old, count * size);
    return bytes;
}

static void make_room(struct plan *plan, unsigned more)
{
    unsigned count = plan->recipient_count;
    unsigned forwards = count - plan->asked_count;
    plan->recipients = grown(plan, plan->recipients, count, more, sizeof(*plan->recipients));
    plan->keys = grown(plan, plan->keys, count, more, sizeof(*plan->keys));
    plan->targets_of = grown(plan, plan->targets_of, count, more, sizeof(*plan->targets_of));
    plan->refusals = grown(plan, plan->refusals, count, more, sizeof(*plan->refusals));
    plan->forwards = grown(plan, plan->forwards, forwards, more, sizeof(*plan->forwards));
}

/* RFC 3461 5.2.7: the copy of what is kept is nobody's business; what went to several can't be told
 * of as delivered. */
static unsigned notify_for(const struct plan *plan, unsigned target, unsigned redirects)
{
    const struct filtered *filtered = plan->filtered[target];
    unsigned notify = plan->recipients[plan->targets[target].recipient].notify;
    if (filtered->copy_count > 0)
        return NOTIFY_NEVER;
    if (redirects == 1 || (notify & NOTIFY_SUCCESS) == 0)
        return notify;
    notify &= ~(unsigned)NOTIFY_SUCCESS;
    return notify != 0 ? notify : NOTIFY_NEVER;
}

static void add_redirects(struct round *round, unsigned target, unsigned redirects)
{
    struct plan *plan = round->plan;
    struct filtered *filtered = plan->filtered[target];
    const struct queue_recipient *asked = &plan->recipients[plan->targets[target].recipient];
    /* make_room has made these ours. */
    struct queue_recipient *recipients = (struct queue_recipient *)plan->recipients;
    for (unsigned i = 0; i < filtered->result.action_count; i++) {
        const struct sieve_action *action = &filtered->result.actions[i];
        struct mail_address address;
        if (action->kind != SIEVE_REDIRECT)
            continue;
        /* The run saw to that. */
        check(mail_address_parse(action->address, &plan->arena, &address) == OK);
        unsigned place = plan->recipient_count++;
        recipients[place] =
            (struct queue_recipient){.address = mail_address_text(&address, &plan->arena),
                                     .original_recipient = asked->original_recipient,
                                     .notify = notify_for(plan, target, redirects)};
        plan->keys[place] = mail_address_key(&address, &plan->arena);
        plan->forwards[place - plan->asked_count] = (struct forward){filtered, action};
        round->count++;
    }
}

static const struct directory_target *find_target(const struct plan *plan,
                                                  const struct directory_target *target,
                                                  unsigned *place)
{
    for (unsigned i = 0; i < plan->target_count; i++)
        if (plan->targets[i].kind == target->kind &&
            text_equals(plan->targets[i].address, target->address)) {
            *place = i;
            return &plan->targets[i];
        }
    return NULL;
}

/* The message gets somewhere by this target, whose own script was run before. */
static bool arrives(const struct plan *plan, unsigned place)
{
    const struct filtered *filtered = plan->filtered[place];
    return filtered == NULL || filtered->copy_count > 0;
}

static void adopt(struct round *round, const struct directory_target *found)
{
    struct plan *plan = round->plan;
    struct directory_target target = *found;
    unsigned place;
    target.recipient += round->first_recipient;
    if (target.group != 0)
        target.group += round->first_group;
    struct filtered *by = plan->forwards[target.recipient - plan->asked_count].by;
    if (target.kind == TARGET_UNKNOWN || target.kind == TARGET_LOOP ||
        target.kind == TARGET_REFUSED) {
        filter_keep(by, arena_printf(&plan->arena, "%.*s takes no mail", TEXT_ARG(target.address)));
    } else if (find_target(plan, &target, &place) != NULL) {
        if (!arrives(plan, place))
            filter_keep(by, TEXT("the redirection goes round"));
    } else {
        plan->targets_of[target.recipient]++;
        plan->targets[plan->target_count++] = target;
    }
}

/* The directory names an address once, for the first that leads to it: whoever else sent it there
 * relies on that. */
static void keep_what_leads_nowhere(struct round *round)
{
    struct plan *plan = round->plan;
    for (unsigned i = 0; i < round->count; i++) {
        unsigned recipient = round->first_recipient + i, place;
        struct directory_target box = {.kind = TARGET_MAILBOX, .address = plan->keys[recipient]};
        struct directory_target remote = {.kind = TARGET_REMOTE, .address = plan->keys[recipient]};
        if (plan->targets_of[recipient] == 0 && find_target(plan, &box, &place) == NULL &&
            find_target(plan, &remote, &place) == NULL)
            filter_keep(plan->forwards[recipient - plan->asked_count].by,
                        TEXT("the redirection leads nowhere else"));
    }
}

static enum status expand(struct round *round)
{
    struct plan *plan = round->plan;
    struct directory_answer answer;
    enum status status = plan_ask(plan, &plan->keys[round->first_recipient], round->count, &answer);
    if (status != OK)
        return status;
    round->targets = answer.targets;
    round->target_count = answer.target_count;
    round->groups = answer.groups;
    round->group_count = answer.group_count;
    return OK;
}

enum status filter_follow(struct plan *plan, unsigned first, unsigned end, bool too_deep)
{
    struct round round = {.plan = plan, .first_recipient = plan->recipient_count};
    for (unsigned i = first; i < end; i++) {
        unsigned redirects = count_redirects(plan->filtered[i]);
        if (redirects == 0)
            continue;
        if (too_deep || plan->recipient_count + redirects > RECIPIENTS_MOST ||
            has_been_here(plan, plan->filtered[i]->owner, &plan->arena)) {
            filter_keep(plan->filtered[i], TEXT("it has been redirected here before"));
            continue;
        }
        make_room(plan, redirects);
        add_redirects(&round, i, redirects);
    }
    if (round.count == 0)
        return OK;
    enum status status = expand(&round);
    if (status != OK)
        return status;
    plan->targets =
        grown(plan, plan->targets, plan->target_count, round.target_count, sizeof(*plan->targets));
    plan->filtered = grown(plan, plan->filtered, plan->target_count, round.target_count,
                           sizeof(struct filtered *));
    round.first_group = plan->group_met_count;
    plan->groups_met = grown(plan, plan->groups_met, plan->group_met_count, round.group_count,
                             sizeof(*plan->groups_met));
    if (round.group_count > 0)
        memcpy(plan->groups_met + round.first_group, round.groups,
               round.group_count * sizeof(*round.groups));
    plan->group_met_count += round.group_count;
    for (unsigned i = 0; i < round.target_count; i++)
        adopt(&round, &round.targets[i]);
    keep_what_leads_nowhere(&round);
    return OK;
}

/* In whose name */

/* The address of ours that sent it on; "" when the sender named this recipient himself. */
static struct text forwarder_of(const struct plan *plan, unsigned i)
{
    const struct directory_target *target = &plan->targets[i];
    if (target->recipient >= plan->asked_count)
        return plan->forwards[target->recipient - plan->asked_count].by->owner;
    bool is_asked = text_equals(target->address, plan->keys[target->recipient]);
    bool is_bounce = srs_is_rewritten(plan->keys[target->recipient]);
    return is_asked || is_bounce ? TEXT("") : plan->keys[target->recipient];
}

static struct text domain_of(struct text address)
{
    return text_from_position(address, text_find_last(address, '@') + 1);
}

static enum status rewrite(struct plan *plan, unsigned i, struct text forwarder)
{
    const struct settings *settings = plan->queue->settings;
    struct text domain =
        settings->forward_domain.length > 0 ? settings->forward_domain : domain_of(forwarder);
    for (unsigned k = 0; k < i; k++)
        if (text_equals(domain_of(plan->senders[k]), domain) &&
            srs_is_rewritten(plan->senders[k])) {
            plan->senders[i] = plan->senders[k];
            return OK;
        }
    enum status status =
        directory_forward(plan->queue->auth, plan->sender, domain, &plan->arena, &plan->senders[i]);
    if (status != REFUSED)
        return status;
    /* Too long to be rewritten: what bounces is for who forwards, if that is a mailbox. */
    bool is_mailbox = plan->targets[i].recipient >= plan->asked_count;
    plan->senders[i] = is_mailbox ? forwarder : TEXT("");
    return OK;
}

enum status filter_senders(struct plan *plan)
{
    const struct settings *settings = plan->queue->settings;
    enum status status = OK;
    if (!settings->forward_srs || text_is_empty(plan->sender) ||
        settings_domain_find(settings, domain_of(plan->sender)) != NULL)
        return OK;
    for (unsigned i = 0; i < plan->target_count && status == OK; i++) {
        struct text forwarder = forwarder_of(plan, i);
        if (plan->targets[i].kind != TARGET_REMOTE || text_is_empty(forwarder))
            continue;
        if (plan->senders == NULL)
            plan->senders = arena_array(&plan->arena, plan->target_count, sizeof(*plan->senders));
        status = rewrite(plan, i, forwarder);
    }
    return status;
}
