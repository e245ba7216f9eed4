#include "queue/filter/answer.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/wire.h"
#include "mail/answer.h"
#include "mail/body_scan.h"
#include "mail/header.h"
#include "queue/internal.h"

enum { HEADER_MOST = 256 << 10, RETRY_MS = 10 * SECOND, IS_MIME = 1, IS_IMPORTANT = 2 };

void answer_encode(const struct answer_facts *facts, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)facts->kind);
    wire_put_u8(out, (facts->is_mime ? IS_MIME : 0) | (facts->is_important ? IS_IMPORTANT : 0));
    wire_put_text(out, facts->owner);
    wire_put_text(out, facts->from);
    wire_put_text(out, facts->subject);
    wire_put_text(out, facts->text);
}

/* Texts are lent by the bytes. */
static bool facts_decode(struct text bytes, struct answer_facts *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t kind = wire_get_u8(&in), flags = wire_get_u8(&in);
    *out = (struct answer_facts){.kind = (enum answer_kind)kind,
                                 .is_mime = (flags & IS_MIME) != 0,
                                 .is_important = (flags & IS_IMPORTANT) != 0};
    out->owner = wire_get_text(&in);
    out->from = wire_get_text(&in);
    out->subject = wire_get_text(&in);
    out->text = wire_get_text(&in);
    return wire_end(&in) && kind >= ANSWER_VACATION && kind <= ANSWER_TROUBLE;
}

/* Writing it */

struct writing {
    struct queue *queue;
    struct queued_item *queued;
    struct arena *arena;
    struct message message;
    struct item item;
    struct answer_facts facts;
};

static struct text field_of(struct writing *writing, struct text header, const char *name)
{
    struct header_field field;
    return header_find(header, text_from(name), &field) ? header_unfold(field.body, writing->arena)
                                                        : TEXT("");
}

/* How it is marked as a machine's: RFC 3834 5, RFC 5436 2.7.1. */
static const char *submitted(struct writing *writing)
{
    switch (writing->facts.kind) {
    case ANSWER_VACATION:
        return "auto-replied";
    case ANSWER_NOTIFY:
        return arena_printf(writing->arena, "auto-notified; owner-email=\"%.*s\"",
                            TEXT_ARG(writing->facts.owner))
            .data;
    case ANSWER_TROUBLE:
        break;
    }
    return "auto-generated";
}

static bool compose(struct writing *writing, struct text header, uint64_t id, struct buffer *out)
{
    const struct answer_facts *facts = &writing->facts;
    struct answer answer = {.from = facts->from,
                            .to = writing->item.recipients[0].address,
                            .subject = facts->subject,
                            .text = facts->text,
                            .is_mime = facts->is_mime,
                            .submitted = submitted(writing),
                            .is_important = facts->is_important,
                            .host = writing->queue->settings->host,
                            .id = id,
                            .now_ms = clock_wall_ms()};
    if (facts->kind == ANSWER_VACATION) {
        answer.in_reply_to = field_of(writing, header, "Message-ID");
        answer.references = field_of(writing, header, "References");
        if (text_is_empty(answer.references))
            answer.references = field_of(writing, header, "In-Reply-To");
    } else if (facts->kind == ANSWER_TROUBLE) {
        answer.from_name = TEXT("Mail filter");
    }
    return answer_compose(&answer, out);
}

/* Nobody takes it. An answer is a courtesy: its end is told in the story and nowhere else. */
static enum status give_up(struct writing *writing, const char *why)
{
    struct change change;
    uint64_t id = writing->message.id;
    change_init(&change);
    change_story(&change, id, "not-answered", "to=%.*s reason=\"%s\"",
                 TEXT_ARG(writing->item.recipients[0].address), why);
    change_item_gone(&change, id, writing->queued->number);
    enum status status = store_commit(writing->queue->store, &change);
    change_finish(&change);
    return status;
}

static enum status commit_answer(struct writing *writing, uint64_t id, struct text body)
{
    struct queue *queue = writing->queue;
    struct change change;
    struct queue_recipient recipient = {.address = writing->item.recipients[0].address,
                                        .notify = NOTIFY_NEVER};
    bool is_international = body_has_8bit(recipient.address) || body_has_8bit(writing->facts.from);
    struct queue_envelope envelope = {
        .id = id,
        .sender = TEXT(""),
        .terms = {.body = body_has_8bit(body) ? MAIL_BODY_8BIT : MAIL_BODY_7BIT,
                  .is_international = is_international},
        .service = SERVICE_SUBMISSION,
        .server = TEXT("(sieve)"),
        .subject = text_head(writing->facts.subject, 100),
        .settings_version = queue->settings->version,
        .recipients = &recipient,
        .recipient_count = 1};
    struct acceptance acceptance = {
        .envelope = &envelope, .body = body, .size = body.length, .change = &change};
    char text[ID_TEXT_BYTES];
    change_init(&change);
    change_story(&change, writing->message.id, "answered", "answer=%s to=%.*s owner=%.*s",
                 id_format(id, text), TEXT_ARG(recipient.address), TEXT_ARG(writing->facts.owner));
    change_item_gone(&change, writing->message.id, writing->queued->number);
    enum status status = accept_message(queue, &acceptance);
    change_finish(&change);
    return status;
}

static enum status write_answer(struct writing *writing)
{
    struct buffer header, body;
    struct queue *queue = writing->queue;
    buffer_init(&header, HEADER_MOST);
    buffer_init(&body, CHANGE_BODY_INLINE_MAX);
    uint64_t id = queue->last_id = id_new(queue->last_id);
    enum status status = store_read(queue->store, writing->message.id, 0, HEADER_MOST, &header);
    if (status == OK)
        status = compose(writing, header_section(buffer_text(&header)), id, &body)
                     ? commit_answer(writing, id, buffer_text(&body))
                     : refused("it is too long");
    buffer_finish(&header);
    buffer_finish(&body);
    return status;
}

static enum status send_one(struct writing *writing)
{
    struct queue *queue = writing->queue;
    if (!store_message(queue->store, writing->queued->message->id, writing->arena,
                       &writing->message) ||
        !item_read(queue, writing->queued, writing->arena, &writing->item))
        return OK;
    if (writing->item.recipient_count != 1 || !facts_decode(writing->item.answer, &writing->facts))
        return outcome_give_up(queue, writing->queued, "5.6.0", "the item is malformed", false);
    enum status status = write_answer(writing);
    return status == REFUSED ? give_up(writing, fail_reason()) : status;
}

void answer_send(struct queue *queue, struct queued_item *item)
{
    struct arena arena;
    arena_init(&arena);
    struct writing writing = {.queue = queue, .queued = item, .arena = &arena};
    struct work work = schedule_begin_work(queue, item);
    enum status status = send_one(&writing);
    arena_finish(&arena);
    if (status != OK)
        log_warning("sieve.answer_put_off", "reason=%s", log_text(text_from(fail_reason())));
    named_note(queue, NAMED_REPORTS, status == OK ? NULL : fail_reason());
    schedule_end_work(queue, work, RETRY_MS);
}
