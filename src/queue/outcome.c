/* What becomes of recipients: delivered, put off, given up. Every outcome is one record, written
 * before anything else follows from it; what the sender has to hear goes into an item of its own
 * in the same record, so that no failure can be silent. */
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "decide/retry.h"
#include "queue/internal.h"
#include "store/key.h"

bool item_read(struct queue *queue, const struct queued_item *item, struct arena *arena,
               struct item *out)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, ITEM_BYTES_MAX);
    bool found = index_get(store_index(queue->store),
                           key_item(&key, item->message->id, item->number), &value) &&
                 item_decode(arena_copy(arena, buffer_text(&value)), arena, out);
    buffer_finish(&value);
    return found;
}

void change_item(struct change *change, uint64_t id, uint32_t number, const struct item *item)
{
    struct buffer value;
    buffer_init(&value, ITEM_BYTES_MAX);
    item_encode(item, &value);
    struct operation operation = {
        .type = OPERATION_ITEM, .item = {.id = id, .number = number, .value = buffer_text(&value)}};
    if (value.overflowed)
        change->operations.overflowed = true;
    else
        change_add(change, &operation);
    buffer_finish(&value);
}

void change_item_gone(struct change *change, uint64_t id, uint32_t number)
{
    struct operation operation = {.type = OPERATION_ITEM, .item = {.id = id, .number = number}};
    change_add(change, &operation);
}

/* An item being decided: who goes on waiting, and who is reported. */
struct verdict {
    struct queue *queue;
    struct queued_item *queued;
    struct arena arena;
    struct message message;
    struct item item, waiting, reports, sent;
    struct change change;
    int64_t now;
    struct text tls; /* of the connection of the recipient being judged, for the story */
    struct queue_counters counted;
};

static bool verdict_init(struct verdict *verdict, struct queue *queue, struct queued_item *queued)
{
    *verdict = (struct verdict){.queue = queue, .queued = queued, .now = clock_wall_ms()};
    arena_init(&verdict->arena);
    change_init(&verdict->change);
    if (!store_message(queue->store, queued->message->id, &verdict->arena, &verdict->message) ||
        !item_read(queue, queued, &verdict->arena, &verdict->item))
        return false;
    /* What is written does not follow a clock that is set; what waits does. */
    verdict->item.next_try_ms = queued->next_try_ms;
    unsigned count = verdict->item.recipient_count;
    verdict->waiting = verdict->reports = verdict->item;
    verdict->waiting.recipient_count = verdict->reports.recipient_count = 0;
    verdict->waiting.recipients =
        arena_array(&verdict->arena, count, sizeof(struct item_recipient));
    verdict->reports.recipients =
        arena_array(&verdict->arena, count, sizeof(struct item_recipient));
    verdict->reports.connector = verdict->reports.domain = TEXT("");
    verdict->reports.is_frozen = false;
    verdict->reports.origin = (struct item_origin){.server = TEXT("")};
    verdict->sent = verdict->reports;
    verdict->sent.kind = ITEM_SENT;
    verdict->sent.recipients = arena_array(&verdict->arena, count, sizeof(struct item_recipient));
    return true;
}

static void verdict_finish(struct verdict *verdict)
{
    change_finish(&verdict->change);
    arena_finish(&verdict->arena);
}

static void keep_waiting(struct verdict *verdict, const struct item_recipient *recipient)
{
    verdict->waiting.recipients[verdict->waiting.recipient_count++] = *recipient;
}

static void report(struct verdict *verdict, const struct item_recipient *recipient,
                   enum report_action action)
{
    struct item_recipient *reported =
        &verdict->reports.recipients[verdict->reports.recipient_count++];
    *reported = *recipient;
    reported->action = action;
}

/* There is somebody to tell: the sender, or the owner of the group it went to. */
static bool has_hearer(const struct verdict *verdict)
{
    return verdict->message.sender.length + verdict->item.owner.length > 0;
}

/* All parts as operations: the item as it is now, and new ones for what is to be told and what is
 * kept. */
static void compose(struct verdict *verdict)
{
    uint64_t id = verdict->message.id;
    if (verdict->reports.recipient_count > 0) {
        bool may_report = has_hearer(verdict);
        verdict->reports.kind = may_report ? ITEM_REPORT : ITEM_BAD;
        verdict->reports.next_try_ms = verdict->now;
        change_item(&verdict->change, id, verdict->queued->message->next_number++,
                    &verdict->reports);
    }
    if (verdict->sent.recipient_count > 0) {
        verdict->sent.next_try_ms = verdict->now + verdict->queue->settings->sent_keep_ms;
        change_item(&verdict->change, id, verdict->queued->message->next_number++, &verdict->sent);
    }
    if (verdict->waiting.recipient_count > 0)
        change_item(&verdict->change, id, verdict->queued->number, &verdict->waiting);
    else
        change_item_gone(&verdict->change, id, verdict->queued->number);
}

static const struct queue_outcome *outcome_of(const struct queue_report_request *request,
                                              uint32_t number)
{
    for (unsigned i = 0; i < request->count; i++)
        if (request->outcomes[i].number == number)
            return &request->outcomes[i];
    return NULL;
}

static void tell(struct verdict *verdict, const struct item_recipient *recipient, const char *event)
{
    change_story(&verdict->change, verdict->message.id, event,
                 "recipient=%.*s attempt=%u remote=%.*s tls=\"%.*s\" status=%.*s reply=\"%.*s\"",
                 TEXT_ARG(recipient->address), verdict->item.attempts + 1,
                 TEXT_ARG(recipient->remote_host), TEXT_ARG(verdict->tls),
                 TEXT_ARG(recipient->enhanced), TEXT_ARG(recipient->reply));
}

static bool is_unreachable(const struct verdict *verdict)
{
    return verdict->queued->hop != NULL && verdict->queued->hop->is_unreachable;
}

/* RFC 3463 4: a failure for good is class 5 whatever was said before. That TLS was not what it had
 * to be stays the reason; else it is the time. */
static void expire(struct verdict *verdict, struct item_recipient *recipient, enum wait_verdict why)
{
    if (text_starts_with(recipient->enhanced, TEXT("4.7.")))
        recipient->enhanced = arena_printf(&verdict->arena, "5%.*s",
                                           TEXT_ARG(text_from_position(recipient->enhanced, 1)));
    else
        recipient->enhanced = is_unreachable(verdict) ? TEXT("5.4.4") : TEXT("5.4.7");
    const char *what =
        why == WAIT_RETURN ? "not delivered by the time the sender set" : "delivery time expired";
    bool was_tried = !text_is_empty(recipient->reply);
    recipient->reply = arena_printf(&verdict->arena, "%s%s%.*s", what, was_tried ? "; last: " : "",
                                    TEXT_ARG(text_head(recipient->reply, 900)));
    verdict->counted.expired++;
    tell(verdict, recipient, "expired");
    report(verdict, recipient, REPORT_FAILED);
}

static bool is_told_relayed(const struct verdict *verdict, const struct item_recipient *recipient,
                            const struct queue_outcome *outcome)
{
    struct relayed_facts facts = {.notify = recipient->notify,
                                  .by = verdict->message.terms.by,
                                  .by_trace = verdict->message.terms.by_trace,
                                  .peer_reports_success = outcome->peer_reports_success,
                                  .peer_keeps_time = outcome->peer_keeps_time};
    return !text_is_empty(verdict->message.sender) && decide_tells_relayed(&facts);
}

static const struct setting_retry *retry_of(const struct verdict *verdict)
{
    return pace_retry(verdict->queue, verdict->queued->message->pace);
}

static enum wait_verdict wait_verdict_of(const struct verdict *verdict)
{
    struct wait wait = schedule_wait(verdict->queued);
    return decide_wait(retry_of(verdict), &wait, verdict->now);
}

static void judge(struct verdict *verdict, struct item_recipient *recipient,
                  const struct queue_outcome *outcome)
{
    enum status status = outcome == NULL ? TRY_LATER : outcome->status;
    if (outcome != NULL) {
        recipient->enhanced = outcome->enhanced;
        recipient->reply = outcome->reply;
        recipient->remote_host = outcome->remote_host;
        verdict->tls = outcome->tls;
        recipient->last_attempt_ms = verdict->now;
    }
    enum wait_verdict wait = wait_verdict_of(verdict);
    switch (status) {
    case OK:
        verdict->counted.sent++;
        if (verdict->queue->settings->sent_keep_ms > 0)
            verdict->sent.recipients[verdict->sent.recipient_count++] = *recipient;
        tell(verdict, recipient, "sent");
        if (is_told_relayed(verdict, recipient, outcome))
            report(verdict, recipient, REPORT_RELAYED);
        break;
    case REFUSED:
        if (text_is_empty(recipient->enhanced) || recipient->enhanced.data[0] != '5')
            recipient->enhanced = TEXT("5.0.0");
        verdict->counted.refused++;
        tell(verdict, recipient, "refused");
        report(verdict, recipient, REPORT_FAILED);
        break;
    case TRY_LATER:
        if (wait == WAIT_GIVE_UP || wait == WAIT_RETURN) {
            expire(verdict, recipient, wait);
            break;
        }
        verdict->counted.put_off++;
        tell(verdict, recipient, "deferred");
        keep_waiting(verdict, recipient);
        break;
    }
}

/* It is durable, so it happened. */
static void count(struct queue *queue, const struct verdict *verdict)
{
    struct queue_counters *counters = &queue->counters;
    counters->sent += verdict->counted.sent;
    counters->sent_bytes += verdict->counted.sent > 0 ? verdict->message.size : 0;
    counters->put_off += verdict->counted.put_off;
    counters->refused += verdict->counted.refused;
    counters->expired += verdict->counted.expired;
    counters->dropped += verdict->counted.dropped;
    counters->deleted += verdict->counted.deleted;
}

/* No recipient got further than the connection: that is the hop's trouble, not the message's. */
static bool never_connected(const struct queue_report_request *request)
{
    for (unsigned i = 0; i < request->count; i++)
        if (request->outcomes[i].status != TRY_LATER || !request->outcomes[i].no_connection)
            return false;
    return request->count > 0;
}

/* The outcome happened, whatever our disk says: forgetting it would deliver twice. */
static enum status commit_stubbornly(struct queue *queue, const struct verdict *verdict)
{
    for (;;) {
        struct change copy;
        change_init(&copy);
        buffer_append(&copy.operations, buffer_text(&verdict->change.operations));
        copy.operations.overflowed = verdict->change.operations.overflowed;
        copy.is_patient = verdict->change.is_patient;
        enum status status = store_commit(queue->store, &copy);
        change_finish(&copy);
        if (status != TRY_LATER || !queue->serving || task_sleep(SECOND) != OK)
            return status;
    }
}

enum status outcome_record(struct queue *queue, struct queued_item *item,
                           const struct queue_report_request *request)
{
    struct verdict verdict;
    if (!verdict_init(&verdict, queue, item)) {
        verdict_finish(&verdict);
        return refused("the message is gone");
    }
    /* While nothing else is being sent nobody waits for this, and what comes next brings a sync. */
    verdict.change.is_patient = map_count(queue->leases) == 1;
    bool connected = !never_connected(request);
    for (unsigned i = 0; i < verdict.item.recipient_count; i++)
        judge(&verdict, &verdict.item.recipients[i], outcome_of(request, i));
    for (unsigned i = 0; i < request->count; i++)
        if (request->outcomes[i].status == TRY_LATER)
            hop_note_error(item->hop, request->outcomes[i].enhanced, request->outcomes[i].reply);
    hop_note_result(queue, item, connected);
    verdict.waiting.attempts++;
    if (connected)
        verdict.waiting.next_try_ms =
            verdict.now + decide_message_wait(retry_of(&verdict), verdict.waiting.attempts);
    else if (verdict.waiting.next_try_ms > verdict.now)
        verdict.waiting.next_try_ms = verdict.now; /* it was due; the clock was set back since */
    compose(&verdict);
    enum status status = commit_stubbornly(queue, &verdict);
    if (status == OK)
        count(queue, &verdict);
    verdict_finish(&verdict);
    return status;
}

static enum status commit_once(struct verdict *verdict)
{
    compose(verdict);
    return store_commit(verdict->queue->store, &verdict->change);
}

/* The sender hears that it is late. RFC 3461 4.1, RFC 2852 4.2: whoever wants to hear of delays. */
static void tell_late(struct verdict *verdict, const struct item_recipient *recipient,
                      enum wait_verdict why)
{
    struct item_recipient told = *recipient;
    if (!has_hearer(verdict) || !decide_wants_notice(recipient->notify, NOTICE_DELAY))
        return;
    if (why == WAIT_TELL_DEADLINE) {
        told.enhanced = TEXT("4.4.7");
        tell(verdict, &told, "late");
    }
    report(verdict, &told, REPORT_DELAYED);
}

void outcome_look(struct queue *queue, struct queued_item *item)
{
    struct verdict verdict;
    if (!verdict_init(&verdict, queue, item)) {
        verdict_finish(&verdict);
        return;
    }
    enum wait_verdict why = wait_verdict_of(&verdict);
    for (unsigned i = 0; i < verdict.item.recipient_count; i++) {
        struct item_recipient *recipient = &verdict.item.recipients[i];
        if (why == WAIT_GIVE_UP || why == WAIT_RETURN) {
            expire(&verdict, recipient, why);
            continue;
        }
        keep_waiting(&verdict, recipient);
        tell_late(&verdict, recipient, why);
    }
    verdict.waiting.delay_told |= why == WAIT_TELL_DELAY;
    verdict.waiting.deadline_told |= why == WAIT_TELL_DEADLINE;
    if (why != WAIT_ON && commit_once(&verdict) != OK)
        log_warning("queue.look_failed", "reason=%s", log_text(text_from(fail_reason())));
    else
        count(queue, &verdict);
    verdict_finish(&verdict);
}

enum status outcome_dropped(struct queue *queue, struct queued_item *item, struct text file)
{
    struct verdict verdict;
    enum status status = OK;
    if (verdict_init(&verdict, queue, item)) {
        for (unsigned i = 0; i < verdict.item.recipient_count; i++) {
            struct item_recipient *recipient = &verdict.item.recipients[i];
            change_story(&verdict.change, verdict.message.id, "dropped", "recipient=%.*s file=%.*s",
                         TEXT_ARG(recipient->address), TEXT_ARG(file));
            verdict.counted.dropped++;
            recipient->enhanced = TEXT("2.1.5");
            recipient->reply = TEXT("written into the drop folder");
            recipient->last_attempt_ms = verdict.now;
            if (!text_is_empty(verdict.message.sender) &&
                decide_wants_notice(recipient->notify, NOTICE_SUCCESS))
                report(&verdict, recipient, REPORT_DELIVERED);
        }
        compose(&verdict);
        status = commit_stubbornly(queue, &verdict);
        if (status == OK)
            count(queue, &verdict);
    }
    verdict_finish(&verdict);
    return status;
}

enum status outcome_give_up(struct queue *queue, struct queued_item *item, const char *enhanced,
                            const char *reply, bool report_it)
{
    struct verdict verdict;
    enum status status = OK;
    if (verdict_init(&verdict, queue, item)) {
        for (unsigned i = 0; i < verdict.item.recipient_count; i++) {
            struct item_recipient *recipient = &verdict.item.recipients[i];
            recipient->enhanced = text_from(enhanced);
            recipient->reply = text_from(reply);
            verdict.counted.deleted++;
            tell(&verdict, recipient, "deleted");
            /* A bounce that an administrator deletes is not kept as bad mail. */
            if (report_it && has_hearer(&verdict))
                report(&verdict, recipient, REPORT_FAILED);
        }
        status = commit_once(&verdict);
        if (status == OK)
            count(queue, &verdict);
    }
    verdict_finish(&verdict);
    return status;
}
