/* What a script decided becomes entries, items, memories and stories of the message's record. */
#include "base/clock.h"
#include "base/logline.h"
#include "decide/notice.h"
#include "mail/address.h"
#include "queue/filter/answer.h"
#include "queue/filter/filter.h"
#include "queue/filter/memory.h"
#include "store/mailbox.h"

enum { TROUBLE_AGAIN_MS = DAY, REFUSAL_MOST = 400 };

struct composing {
    struct plan *plan;
    struct filtered *filtered;
    const struct directory_target *target;
    struct item_recipient recipient;
    int64_t now;
};

static void tell(struct composing *composing, unsigned line, const char *action, struct text facts)
{
    struct plan *plan = composing->plan;
    const struct filtered *filtered = composing->filtered;
    if (!plan_may_tell(plan))
        return;
    struct text where = line == 0 ? TEXT("") : arena_printf(&plan->arena, " line=%u", line);
    change_story(&plan->change, plan->id, "filtered",
                 "recipient=%.*s script=\"%.*s\"%.*s action=%s%s%.*s",
                 TEXT_ARG(composing->recipient.address), TEXT_ARG(filtered->script),
                 TEXT_ARG(where), action, facts.length > 0 ? " " : "", TEXT_ARG(facts));
}

/* Flags as the mailbox has them; keywords that it has no room for are left out. */
static uint64_t flags_in(struct mailbox *box, const struct sieve_action *action)
{
    static const struct {
        const char *name;
        enum mailbox_flags flag;
    } rows[] = {{"\\Seen", FLAG_SEEN},
                {"\\Answered", FLAG_ANSWERED},
                {"\\Flagged", FLAG_FLAGGED},
                {"\\Deleted", FLAG_DELETED},
                {"\\Draft", FLAG_DRAFT}};
    uint64_t flags = 0;
    for (unsigned i = 0; i < action->flag_count; i++) {
        struct text name = action->flags[i];
        bool is_system = text_starts_with(name, TEXT("\\"));
        if (!is_system)
            flags |= mailbox_keyword_add(box, name);
        for (size_t k = 0; is_system && k < sizeof(rows) / sizeof(*rows); k++)
            if (text_equals_nocase(name, text_from(rows[k].name)))
                flags |= rows[k].flag;
    }
    return flags;
}

static struct mailbox *box_of(const struct composing *composing, const struct filter_copy *copy)
{
    struct store *store = composing->plan->queue->store;
    struct mailbox *box = copy->mailbox == 0 ? NULL : mailbox_find_id(store, copy->mailbox);
    /* Deleted since. */
    if (box == NULL || mailbox_is_deleted(box))
        box = mailbox_find_or_make(store, composing->filtered->owner, TEXT("INBOX"));
    return box;
}

static struct message_entry *next_entry(struct composing *composing)
{
    struct edited *edited = composing->filtered->edited;
    struct plan *plan = composing->plan;
    return edited != NULL ? &edited->entries[edited->entry_count++]
                          : &plan->entries[plan->entry_count++];
}

static enum status compose_copy(struct composing *composing, const struct filter_copy *copy)
{
    struct plan *plan = composing->plan;
    struct mailbox *box = box_of(composing, copy);
    struct message_entry entry = {.date_ms = composing->now};
    if (box != NULL)
        entry.flags = flags_in(box, copy->action);
    if (box == NULL || !mailbox_compose(box, &plan->change, &entry))
        return refused("the mailbox of %.*s takes no more messages",
                       TEXT_ARG(composing->filtered->owner));
    *next_entry(composing) = entry;
    struct text name = mailbox_name(box);
    struct text note = copy->note.length == 0 ? TEXT("")
                                              : arena_printf(&plan->arena, " reason=\"%.*s\"",
                                                             TEXT_ARG(text_head(copy->note, 200)));
    tell(composing, copy->action->line, copy->action->kind == SIEVE_KEEP ? "keep" : "fileinto",
         arena_printf(&plan->arena, "mailbox=\"%.*s\" uid=%u%s%.*s", TEXT_ARG(name), entry.uid,
                      composing->filtered->edited != NULL ? " header=edited" : "", TEXT_ARG(note)));
    return OK;
}

static void remember(struct composing *composing, enum memory_kind kind, struct text key,
                     int64_t until_ms)
{
    struct plan *plan = composing->plan;
    struct memory memory = {composing->filtered->owner, kind, key};
    struct remembered *remembered = arena_alloc(&plan->arena, sizeof(*remembered));
    remembered->name = memory_compose(plan->queue, &plan->change, &plan->arena, &memory, until_ms);
    list_append(&plan->remembered, &remembered->link);
}

static bool remembers(const struct composing *composing, enum memory_kind kind, struct text key)
{
    struct memory memory = {composing->filtered->owner, kind, key};
    return memory_has(composing->plan->queue, &memory, composing->now);
}

static void add_answer(struct composing *composing, const struct answer_facts *facts,
                       struct text to)
{
    struct plan *plan = composing->plan;
    struct buffer bytes;
    buffer_init(&bytes, ITEM_BYTES_MAX);
    answer_encode(facts, &bytes);
    struct item item = {.kind = ITEM_ANSWER,
                        .next_try_ms = composing->now,
                        .answer = arena_copy(&plan->arena, buffer_text(&bytes))};
    buffer_finish(&bytes);
    plan_add_item(plan, &item, (struct item_recipient){.address = to, .notify = NOTIFY_NEVER});
}

/* RFC 5230 5.1: nobody may answer in another's name. The owner has his address, and the one that he
 * was written to. */
static struct text answer_from(const struct composing *composing, struct text wanted)
{
    struct plan *plan = composing->plan;
    struct text asked = plan->recipients[composing->target->recipient].address;
    bool is_his = plan->targets_of[composing->target->recipient] == 1;
    if (is_his && text_equals_nocase(wanted, asked))
        return wanted;
    if (is_his && text_is_empty(wanted) && composing->target->recipient < plan->asked_count)
        return asked;
    return composing->filtered->owner;
}

static bool is_denied(const struct composing *composing, const struct sieve_action *action)
{
    struct setting_place place;
    enum policy_word what = action->line == 0 ? POLICY_OUT_OF_OFFICE : POLICY_AUTOMATIC_REPLY;
    return !decide_notice_allowed(composing->plan->queue->settings, action->address, what, &place);
}

static void compose_vacation(struct composing *composing, const struct sieve_action *action)
{
    struct plan *plan = composing->plan;
    struct text owner = composing->filtered->owner;
    struct text key =
        arena_printf(&plan->arena, "%.*s\n%.*s", TEXT_ARG(action->address), TEXT_ARG(action->key));
    /* Without a line: it is of no script of his. */
    struct text to = arena_printf(&plan->arena, "to=%.*s%s", TEXT_ARG(action->address),
                                  action->line == 0 ? " by=absence" : "");
    if (is_denied(composing, action)) {
        tell(composing, action->line, "vacation",
             arena_printf(&plan->arena, "%.*s reason=\"a policy denies it to the domain\"",
                          TEXT_ARG(to)));
        return;
    }
    if (action->seconds > 0 && remembers(composing, MEMORY_ANSWERED, key)) {
        tell(composing, action->line, "vacation",
             arena_printf(&plan->arena, "%.*s reason=\"answered not long ago\"", TEXT_ARG(to)));
        return;
    }
    struct answer_facts facts = {.kind = ANSWER_VACATION,
                                 .owner = owner,
                                 .from = answer_from(composing, action->from),
                                 .subject = action->subject,
                                 .text = action->text,
                                 .is_mime = action->is_mime};
    add_answer(composing, &facts, action->address);
    if (action->seconds > 0)
        remember(composing, MEMORY_ANSWERED, key, composing->now + action->seconds * SECOND);
    tell(composing, action->line, "vacation", to);
}

static void compose_notify(struct composing *composing, const struct sieve_action *action)
{
    struct plan *plan = composing->plan;
    struct answer_facts facts = {.kind = ANSWER_NOTIFY,
                                 .owner = composing->filtered->owner,
                                 .from = answer_from(composing, action->from),
                                 .subject = action->text,
                                 .text = action->text,
                                 .is_important = action->is_important};
    add_answer(composing, &facts, action->address);
    tell(composing, action->line, "notify",
         arena_printf(&plan->arena, "to=%.*s", TEXT_ARG(action->address)));
}

/* Control bytes and line ends become spaces: it is said in one line of a reply. */
static struct text one_line(struct text text, struct arena *arena)
{
    struct text copy = arena_copy(arena, text_trim(text_head(text, REFUSAL_MOST)));
    char *bytes = (char *)copy.data;
    size_t length = 0;
    for (size_t i = 0; i < copy.length; i++) {
        bool is_space = (unsigned char)bytes[i] <= ' ' || bytes[i] == 127;
        if (is_space && length > 0 && bytes[length - 1] == ' ')
            continue;
        bytes[length++] = is_space ? ' ' : bytes[i];
    }
    return text_of(bytes, length);
}

/* RFC 5429 2.1: in the session when it is still to be had, else by a report (2.1.1). */
static void compose_rejection(struct composing *composing)
{
    struct plan *plan = composing->plan;
    const struct sieve_action *action = composing->filtered->rejects;
    unsigned recipient = composing->target->recipient;
    struct text why = one_line(action->text, &plan->arena);
    tell(composing, action->line, "reject", arena_printf(&plan->arena, "text=%s", log_text(why)));
    if (plan->client_hears && recipient < plan->asked_count && plan->targets_of[recipient] == 1) {
        plan->refusals[recipient] =
            arena_printf(&plan->arena, QUEUE_REJECTED_REASON "%.*s", TEXT_ARG(why));
        return;
    }
    if (text_is_empty(plan->sender))
        return;
    composing->recipient.action = REPORT_FAILED;
    composing->recipient.enhanced = TEXT("5.7.1");
    composing->recipient.reply = why;
    composing->recipient.last_attempt_ms = composing->now;
    plan_add_report(plan, composing->recipient, composing->now);
}

/* The message was kept; its owner hears of it, now and then. */
static void compose_trouble(struct composing *composing)
{
    struct plan *plan = composing->plan;
    const struct filtered *filtered = composing->filtered;
    struct text owner = filtered->owner, why = filtered->trouble;
    tell(composing, 0, "keep",
         arena_printf(&plan->arena, "reason=\"the script went wrong: %.*s\"",
                      TEXT_ARG(one_line(why, &plan->arena))));
    log_warning("sieve.failed", "owner=%s script=%s reason=%s", log_text(owner),
                log_text(filtered->script), log_text(why));
    if (remembers(composing, MEMORY_TROUBLE, TEXT("")))
        return;
    struct text domain = text_from_position(owner, text_find_last(owner, '@') + 1);
    struct answer_facts facts = {
        .kind = ANSWER_TROUBLE,
        .owner = owner,
        .from = arena_printf(&plan->arena, "postmaster@%.*s", TEXT_ARG(domain)),
        .subject = TEXT("Your mail filter went wrong")};
    facts.text = arena_printf(
        &plan->arena,
        "Your mail filter \"%.*s\" went wrong:\r\n\r\n    %.*s\r\n\r\n"
        "Messages are put into your inbox as they come until it is mended. You are told of\r\n"
        "this once a day at most.\r\n",
        TEXT_ARG(filtered->script), TEXT_ARG(one_line(why, &plan->arena)));
    add_answer(composing, &facts, owner);
    remember(composing, MEMORY_TROUBLE, TEXT(""), composing->now + TROUBLE_AGAIN_MS);
}

static void compose_redirect(struct composing *composing, const struct sieve_action *action)
{
    tell(composing, action->line, "redirect",
         arena_printf(&composing->plan->arena, "to=%.*s", TEXT_ARG(action->address)));
}

static void compose_action(struct composing *composing, const struct sieve_action *action)
{
    switch (action->kind) {
    case SIEVE_KEEP:
    case SIEVE_FILEINTO:
    case SIEVE_REJECT: /* these have been done */
        break;
    case SIEVE_REDIRECT:
        compose_redirect(composing, action);
        break;
    case SIEVE_DISCARD:
        tell(composing, action->line, "discard", TEXT(""));
        break;
    case SIEVE_VACATION:
        compose_vacation(composing, action);
        break;
    case SIEVE_NOTIFY:
        compose_notify(composing, action);
        break;
    }
}

static void compose_seen(struct composing *composing)
{
    const struct sieve_result *result = &composing->filtered->result;
    for (unsigned i = 0; i < result->seen_count; i++)
        remember(composing, MEMORY_SEEN, result->seen[i].key,
                 composing->now + result->seen[i].seconds * SECOND);
}

/* It has come to its owner, whatever he does with it; unless it only went on from here. */
static void compose_success(struct composing *composing)
{
    const struct filtered *filtered = composing->filtered;
    bool went_on = false;
    for (unsigned i = 0; i < filtered->result.action_count; i++)
        went_on |= filtered->result.actions[i].kind == SIEVE_REDIRECT;
    if (filtered->copy_count > 0 || !went_on)
        plan_delivered(composing->plan, composing->recipient, composing->now);
}

enum status filter_compose(struct plan *plan, unsigned target, int64_t now)
{
    struct filtered *filtered = plan->filtered[target];
    struct composing composing = {.plan = plan,
                                  .filtered = filtered,
                                  .target = &plan->targets[target],
                                  .recipient = plan_recipient(plan, &plan->targets[target]),
                                  .now = now};
    enum status status = OK;
    if (filtered->trouble.length > 0)
        compose_trouble(&composing);
    if (filtered->rejects != NULL) {
        compose_rejection(&composing);
        compose_seen(&composing);
        return OK;
    }
    for (unsigned i = 0; i < filtered->copy_count && status == OK; i++)
        status = compose_copy(&composing, &filtered->copies[i]);
    for (unsigned i = 0; i < filtered->result.action_count && status == OK; i++)
        compose_action(&composing, &filtered->result.actions[i]);
    compose_seen(&composing);
    if (status == OK)
        compose_success(&composing);
    return status;
}
