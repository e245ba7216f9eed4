/* The way in: one record says all of a message: where its body is, who has it in his mailbox, what
 * waits for whom. When it is durable the message is delivered, locally, and queued. */
#include "account/preference.h"
#include "base/clock.h"
#include "base/id.h"
#include "queue/filter/filter.h"
#include "queue/routing.h"

/* What the sender asked for, each with a space before it; most ask for nothing. */
static struct text facts_of_terms(const struct mail_terms *terms, struct arena *arena)
{
    char until[CLOCK_TEXT_BYTES], by[CLOCK_TEXT_BYTES];
    struct text facts = TEXT("");
    if (terms->body == MAIL_BODY_BINARY)
        facts = TEXT(" body=binary");
    if (terms->requires_tls || terms->tls_is_optional)
        facts = arena_printf(arena, "%.*s tls-required=%s", TEXT_ARG(facts),
                             terms->requires_tls ? "yes" : "no");
    if (terms->by != MAIL_BY_NONE)
        facts =
            arena_printf(arena, "%.*s by=%s;%s%s", TEXT_ARG(facts), clock_rfc3339(terms->by_ms, by),
                         terms->by == MAIL_BY_RETURN ? "R" : "N", terms->by_trace ? "T" : "");
    if (terms->hold_until_ms != 0)
        facts = arena_printf(arena, "%.*s hold-until=%s", TEXT_ARG(facts),
                             clock_rfc3339(terms->hold_until_ms, until));
    if (terms->priority != 0)
        facts = arena_printf(arena, "%.*s priority=%d", TEXT_ARG(facts), terms->priority);
    if (!text_is_empty(terms->submitter))
        facts =
            arena_printf(arena, "%.*s submitter=%.*s", TEXT_ARG(facts), TEXT_ARG(terms->submitter));
    if (!text_is_empty(terms->properties))
        facts =
            arena_printf(arena, "%.*s properties=%zu", TEXT_ARG(facts), terms->properties.length);
    return facts;
}

static void story_of_arrival(struct plan *plan, const struct acceptance *acceptance, int64_t now)
{
    const struct queue_envelope *envelope = acceptance->envelope;
    char session[ID_TEXT_BYTES];
    struct text terms = facts_of_terms(&envelope->terms, &plan->arena);
    struct text facts = arena_printf(
        &plan->arena,
        "from=<%.*s> size=%llu recipients=%u peer=%.*s helo=%.*s login=%.*s tls=\"%.*s\" "
        "server=%.*s session=%s settings=%llu message-id=%.*s%s%.*s%.*s",
        TEXT_ARG(envelope->sender), (unsigned long long)acceptance->size, envelope->recipient_count,
        TEXT_ARG(envelope->peer), TEXT_ARG(envelope->helo), TEXT_ARG(envelope->login),
        TEXT_ARG(envelope->tls), TEXT_ARG(envelope->server),
        envelope->session == 0 ? "none" : id_format(envelope->session, session),
        (unsigned long long)envelope->settings_version, TEXT_ARG(envelope->message_id),
        text_is_empty(envelope->checked) ? "" : " ", TEXT_ARG(envelope->checked), TEXT_ARG(terms));
    struct operation story = {
        .type = OPERATION_STORY,
        .story = {.id = envelope->id,
                  .wall_ms = now,
                  .message_id_hash = store_message_id_hash(envelope->message_id),
                  .event = TEXT("accepted"),
                  .text = facts}};
    change_add(&plan->change, &story);
}

static struct message facts_of(const struct acceptance *acceptance)
{
    const struct queue_envelope *envelope = acceptance->envelope;
    return (struct message){.id = envelope->id,
                            .session = envelope->session,
                            .size = acceptance->size,
                            .terms = envelope->terms,
                            .sender = envelope->sender,
                            .message_id = envelope->message_id,
                            .subject = envelope->subject};
}

/* Unless scripts threw it away: then only what else they did is left. */
static enum status add_message(struct plan *plan, const struct acceptance *acceptance, int64_t now)
{
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = facts_of(acceptance),
                                              .body_follows = acceptance->upload == NULL,
                                              .entries = plan->entries,
                                              .entry_count = plan->entry_count,
                                              .items = plan->items,
                                              .item_count = plan->item_count}};
    struct message *message = &operation.message.message;
    message->received_ms = now;
    if (plan->entry_count + plan->item_count == 0)
        return OK;
    if (acceptance->upload != NULL) {
        message->extents = upload_extents(acceptance->upload, &message->extent_count);
        if (message->extents == NULL)
            return try_later("a part of the message could not be written");
    }
    change_add(&plan->change, &operation);
    plan->change.body = acceptance->body;
    return OK;
}

static bool is_refused(const struct plan *plan, unsigned recipient)
{
    return plan->refusals[recipient].length > 0;
}

/* `unknown-recipients report`: who is logged in does not hear of them by the reply. */
static bool hears_by_report(const struct queue *queue, const struct queue_envelope *envelope)
{
    if (text_is_empty(envelope->login))
        return false;
    const struct setting_server *server = settings_server_find(queue->settings, envelope->server);
    return server != NULL && server->reports_unknown;
}

/* Why, when every recipient refuses it: the first one's reason; "" when somebody takes it. */
static struct text refusal_of_all(const struct plan *plan, const struct acceptance *acceptance)
{
    for (unsigned i = 0; i < plan->asked_count; i++)
        if (!is_refused(plan, i))
            return TEXT("");
    /* Our own report stays, for the administrator. */
    return acceptance->is_internal || hears_by_report(plan->queue, acceptance->envelope)
               ? TEXT("")
               : plan->refusals[0];
}

static void fill_results(const struct plan *plan, const struct acceptance *acceptance)
{
    for (unsigned i = 0; acceptance->results != NULL && i < plan->asked_count; i++) {
        struct queue_result *result = &acceptance->results[i];
        if (!is_refused(plan, i) || !plan->client_hears)
            continue;
        result->status = REFUSED;
        result->reason = arena_copy(acceptance->results_arena, plan->refusals[i]);
    }
}

/* held: ITEM_LATER or ITEM_LOOKUP; ITEM_DROP: it is archived; ITEM_SEND: it goes at once. */
static enum status compose(struct plan *plan, const struct acceptance *acceptance,
                           enum item_kind held, int64_t now)
{
    if (held == ITEM_LATER)
        return plan_hold(plan, held, acceptance->envelope->terms.hold_until_ms);
    if (held == ITEM_LOOKUP)
        return plan_hold(plan, held, now + QUEUE_LOOKUP_MS);
    return held == ITEM_DROP ? plan_archive(plan, now) : plan_compose(plan, now);
}

/* From here to the append nothing yields: UIDs follow the order of the log. */
static enum status compose_and_commit(struct plan *plan, const struct acceptance *acceptance,
                                      enum item_kind held)
{
    schedule_heed_clock(plan->queue);
    int64_t now = clock_wall_ms();
    struct change *change = &plan->change;
    if (acceptance->change != NULL)
        buffer_append(&change->operations, buffer_text(&acceptance->change->operations));
    story_of_arrival(plan, acceptance, now);
    enum status status = compose(plan, acceptance, held, now);
    if (status != OK)
        return status;
    struct text refusal = refusal_of_all(plan, acceptance);
    if (refusal.length > 0)
        return refused("%.*s", TEXT_ARG(refusal));
    status = add_message(plan, acceptance, now);
    if (status == OK)
        status = store_commit(plan->queue->store, change);
    if (status == OK)
        fill_results(plan, acceptance);
    return status;
}

/* Taken all the same, and looked up when the directory is back: nobody is sent away for that.
 * returns: how often it had come back when it was asked. If it did since then, it is looked up at
 * once. */
static enum status await_lookup(struct plan *plan, const struct acceptance *acceptance,
                                uint64_t returns)
{
    enum status status = compose_and_commit(plan, acceptance, ITEM_LOOKUP);
    if (status == OK && returns != plan->queue->directory_returns)
        release_lookups(plan->queue);
    return status;
}

/* Expanding, filtering and composing. */
static enum status plan_and_commit(struct plan *plan, const struct acceptance *acceptance)
{
    const struct queue_envelope *envelope = acceptance->envelope;
    struct filter_source source = {.facts = facts_of(acceptance),
                                   .body = acceptance->body,
                                   .upload = acceptance->upload,
                                   .login = envelope->login,
                                   .peer = envelope->peer};
    uint64_t returns = plan->queue->directory_returns;
    enum status status = plan_expand(plan);
    if (status == TRY_LATER)
        return await_lookup(plan, acceptance, returns);
    if (status == OK && !text_is_empty(plan->refusal))
        return refused("%.*s", TEXT_ARG(plan->refusal));
    if (status == OK)
        status = plan_filter(plan, &source);
    if (status == OK)
        status = route_find_groups(plan);
    return status == OK ? compose_and_commit(plan, acceptance, ITEM_SEND) : status;
}

/* By the user's settings. Front knows none of them. */
static enum status admit_user(const struct queue *queue, struct text login)
{
    bool is_admitted =
        text_is_empty(login) || preference_get(&queue->accounts, login, PREFERENCE_SUBMISSION) != 0;
    return is_admitted ? OK : refused("sending is switched off for this user");
}

enum status accept_message(struct queue *queue, const struct acceptance *acceptance)
{
    const struct queue_envelope *envelope = acceptance->envelope;
    struct plan plan;
    plan_init(&plan, queue, envelope->recipients, envelope->recipient_count);
    plan.id = envelope->id;
    plan.sender = envelope->sender;
    plan.login = envelope->login;
    plan.server = envelope->server;
    plan.from_member = route_origin(queue->settings, envelope);
    plan.size = acceptance->size;
    plan.priority = envelope->terms.priority;
    plan.is_internal = acceptance->is_internal;
    plan.client_hears = acceptance->results != NULL &&
                        (envelope->service == SERVICE_LMTP || envelope->recipient_count == 1) &&
                        !hears_by_report(queue, envelope);
    /* Who is meant counts when it is released: RFC 4865 5. */
    bool is_held = envelope->terms.hold_until_ms > clock_wall_ms();
    struct arriving arriving = {.begun_ms = clock_wall_ms(), .size = acceptance->size};
    list_init(&arriving.link);
    if (!acceptance->is_internal)
        list_append(&queue->arriving, &arriving.link);
    enum status status = admit_user(queue, envelope->login);
    if (status == OK)
        status = envelope->is_unwanted ? compose_and_commit(&plan, acceptance, ITEM_DROP)
                 : is_held             ? compose_and_commit(&plan, acceptance, ITEM_LATER)
                                       : plan_and_commit(&plan, acceptance);
    list_remove(&arriving.link);
    if (status == OK) {
        queue->counters.accepted_messages++;
        queue->counters.accepted_bytes += acceptance->size;
        queue_note_unflushed(queue, acceptance->size);
        queue->counters.delivered += plan.entry_count;
    }
    plan_finish(&plan);
    return status;
}
