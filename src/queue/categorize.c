/* What the directory says of a message's recipients and of its sender, and the limits that follow.
 */
#include <inttypes.h>

#include "mail/address.h"
#include "queue/plan.h"

static bool is_ours(const struct plan *plan, struct text key)
{
    struct text domain = text_from_position(key, text_find_last(key, '@') + 1);
    return settings_domain_find(plan->queue->settings, domain) != NULL;
}

/* "" for the null path. */
static struct text key_of(struct text address, struct arena *arena)
{
    struct mail_address parsed;
    if (text_is_empty(address) || mail_address_parse(address, arena, &parsed) != OK)
        return TEXT("");
    return mail_address_key(&parsed, arena);
}

enum status plan_ask(struct plan *plan, const struct text *keys, unsigned count,
                     struct directory_answer *out)
{
    struct queue *queue = plan->queue;
    struct directory_facts facts = {.sender = key_of(plan->sender, &plan->arena),
                                    .login = key_of(plan->login, &plan->arena),
                                    .size = plan->size,
                                    .is_internal = plan->is_internal};
    facts.is_ours = facts.login.length > 0 || is_ours(plan, facts.sender);
    struct directory_question question = {keys, count, &facts, queue->settings};
    if (queue->auth == NULL)
        return try_later("the directory is not there");
    return directory_cache_expand(queue->cache, queue->auth, &question, &plan->arena, out);
}

const struct directory_group *plan_group_of(const struct plan *plan,
                                            const struct directory_target *target)
{
    return target->group == 0 ? NULL : &plan->groups_met[target->group - 1];
}

static void refuse(struct directory_target *target, struct text status, struct text reason)
{
    target->kind = TARGET_REFUSED;
    target->status = status;
    target->reason = reason;
}

static void refuse_all(struct plan *plan, struct text status, struct text reason)
{
    for (unsigned i = 0; i < plan->target_count; i++)
        refuse(&plan->targets[i], status, reason);
    plan->refusal = arena_printf(&plan->arena, QUEUE_STATUS_REASON "%.*s %.*s", TEXT_ARG(status),
                                 TEXT_ARG(reason));
}

static uint64_t own_or(uint64_t own, uint64_t standard)
{
    return own == DIRECTORY_NO_LIMIT ? standard : own;
}

static void limit_sender(struct plan *plan, const struct directory_answer *answer)
{
    const struct settings *settings = plan->queue->settings;
    uint64_t bytes = own_or(answer->send_bytes, settings->max_sent_bytes);
    uint64_t recipients = own_or(answer->recipients, settings->max_addressed);
    if (text_is_empty(answer->user) && text_is_empty(plan->login))
        return;
    if (bytes > 0 && plan->size > bytes)
        refuse_all(plan, TEXT("5.2.3"),
                   arena_printf(&plan->arena,
                                "larger than the sender may send: %" PRIu64 " of %" PRIu64 " bytes",
                                plan->size, bytes));
    else if (recipients > 0 && plan->target_count > recipients && !text_is_empty(plan->login))
        refuse_all(plan, TEXT("5.5.3"),
                   /* Not how many there are: a group may hide its members. */
                   arena_printf(&plan->arena,
                                "more recipients than the sender may address, which is %" PRIu64,
                                recipients));
}

static void limit_mailbox(struct plan *plan, struct directory_target *target)
{
    uint64_t most = own_or(target->receive_bytes, plan->queue->settings->max_received_bytes);
    if (target->kind == TARGET_MAILBOX && most > 0 && plan->size > most)
        refuse(target, TEXT("5.2.3"),
               arena_printf(&plan->arena,
                            "larger than the recipient takes: %" PRIu64 " of %" PRIu64 " bytes",
                            plan->size, most));
}

void plan_limit(struct plan *plan, const struct directory_answer *answer)
{
    if (plan->is_internal)
        return;
    limit_sender(plan, answer);
    for (unsigned i = 0; i < plan->target_count && text_is_empty(plan->refusal); i++)
        limit_mailbox(plan, &plan->targets[i]);
}
