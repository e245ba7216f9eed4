/* Telling the sender: an ITEM_REPORT becomes a delivery status notification. The report enters by
 * the same door as any message, and its record also removes the item: both or neither. */
#include <stdio.h>

#include "account/preference.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "decide/notice.h"
#include "decide/retry.h"
#include "directory/recent.h"
#include "mail/address.h"
#include "mail/body_scan.h"
#include "mail/header.h"
#include "mail/words.h"
#include "queue/internal.h"
#include "queue/notice_language.h"

enum {
    HEADER_MOST = 64 << 10,
    WORDS_BYTES = 80,
    RETRY_MS = 10 * SECOND,
    READABLE_MS = HOUR, /* a file of the log may come back until then; after it the report goes */
};

struct telling {
    struct queue *queue;
    struct queued_item *queued;
    struct arena *arena;
    struct message message;
    struct item item;
    struct text to; /* the sender, or the owner of the group */
    struct report_recipient *recipients;
    unsigned recipient_count;
    bool header_only, any_failed;
    bool original_is_lost; /* it could not be read for so long that the report goes without */
    bool is_denied;        /* a policy kept something back */
    struct setting_place denied_by;
    bool is_international; /* RFC 6533: the reader's address is, and so must all be on its way */
};

/* Until when a recipient's mail will be tried: one of ours whose mail is late waits for a folder.
 */
static int64_t tried_until(const struct telling *telling, struct text address)
{
    const struct settings *settings = telling->queue->settings;
    struct text domain = text_from_position(address, text_find_last(address, '@') + 1);
    struct wait wait = schedule_wait(telling->queued);
    wait.is_local = settings_domain_find(settings, domain) != NULL;
    return decide_last_try(pace_retry(telling->queue, telling->queued->message->pace), &wait);
}

/* RFC 3461 4.1: whom the sender wants to hear of, as far as the policy for his domain lets him. */
static void choose(struct telling *telling)
{
    unsigned count = telling->item.recipient_count;
    telling->recipients = arena_array(telling->arena, count, sizeof(*telling->recipients));
    for (unsigned i = 0; i < count; i++) {
        const struct item_recipient *from = &telling->item.recipients[i];
        bool failed = from->action == REPORT_FAILED;
        if (failed && !decide_wants_notice(from->notify, NOTICE_FAILURE))
            continue;
        if (!decide_notice_allowed(telling->queue->settings, telling->to,
                                   decide_notice_of(from->action), &telling->denied_by)) {
            telling->is_denied = true;
            continue;
        }
        telling->any_failed |= failed;
        bool is_hidden = from->shown.length > 0;
        struct text address = is_hidden ? from->shown : from->address;
        telling->recipients[telling->recipient_count++] = (struct report_recipient){
            .address = address,
            .original_recipient = from->original_recipient,
            .action = from->action,
            .status = from->enhanced,
            /* A peer's words may name him who is not to be named. */
            .diagnostic = is_hidden ? TEXT("a member could not be reached") : from->reply,
            .remote_host = is_hidden ? TEXT("") : from->remote_host,
            .last_attempt_ms = from->last_attempt_ms,
            .will_retry_until_ms =
                from->action == REPORT_DELAYED ? tried_until(telling, from->address) : 0};
    }
}

/* RFC 3461 4.3: the whole message comes back for failures alone, and when RET did not say HDRS. A
 * binary one can't stand in a report: RFC 2046 5.2.1 lets nothing encode it there. */
static enum status read_original(struct telling *telling, struct buffer *out)
{
    const struct message *message = &telling->message;
    uint64_t original_most = telling->queue->settings->report_original_bytes;
    telling->header_only = !telling->any_failed || message->size > original_most ||
                           message->terms.return_headers_only ||
                           message->terms.body == MAIL_BODY_BINARY;
    uint32_t most = telling->header_only ? HEADER_MOST : (uint32_t)original_most;
    enum status status = store_read(telling->queue->store, message->id, 0, most, out);
    /* Nothing wrote the item since its fate was known. */
    bool may_come_back = clock_wall_ms() - telling->item.next_try_ms < READABLE_MS;
    if (status == OK || (status == TRY_LATER && may_come_back))
        return status;
    log_warning("queue.original_lost", "reason=%s", log_text(text_from(fail_reason())));
    buffer_reset(out, CHANGE_BODY_INLINE_MAX);
    telling->original_is_lost = true;
    return OK;
}

static struct text subject_of(struct telling *telling, struct text header)
{
    uint8_t charset = preference_charset(&telling->queue->accounts, telling->to);
    struct charset_guess guess = {.charset = charset};
    struct header_field field;
    return header_find(header, TEXT("Subject"), &field)
               ? mail_words_decode(header_unfold(field.body, telling->arena), &guess,
                                   telling->arena)
               : TEXT("");
}

static bool compose(struct telling *telling, struct text original, uint64_t id, struct buffer *out)
{
    const struct message *message = &telling->message;
    struct text host = telling->queue->settings->host;
    struct notice_language language = notice_language(
        telling->queue, &(struct notice_reader){.address = telling->to,
                                                .original = telling->item.owner.length > 0
                                                                ? TEXT("")
                                                                : header_section(original)});
    struct report report = {.reporting_host = host,
                            .to = telling->to,
                            .texts = language.texts,
                            .more_texts = language.more_texts,
                            .subject = subject_of(telling, header_section(original)),
                            .message_id_host = host,
                            .id = id,
                            .original_id = message->id,
                            .envelope_id = message->terms.envelope_id,
                            .arrival_ms = message->received_ms,
                            .now_ms = clock_wall_ms(),
                            .recipients = telling->recipients,
                            .recipient_count = telling->recipient_count,
                            .original = telling->header_only ? header_section(original) : original,
                            .original_is_header_only = telling->header_only,
                            .original_is_lost = telling->original_is_lost,
                            .deliver_by_ms =
                                message->terms.by == MAIL_BY_NONE ? 0 : message->terms.by_ms,
                            .hold_until_ms = message->terms.hold_until_ms,
                            .tls_is_optional = message->terms.tls_is_optional,
                            .original_is_international = message->terms.is_international,
                            .is_international = telling->is_international};
    return report_compose(&report, out);
}

/* Nobody can or wants to be told. What failed is kept for the administrator when there was nobody
 * (a bounce of a bounce), and forgotten when the sender asked for that (NOTIFY=NEVER). */
static enum status end_untold(struct telling *telling, bool keep, const char *why)
{
    struct change change;
    uint64_t id = telling->message.id;
    change_init(&change);
    change_story(&change, id, keep ? "badmail" : "not-reported", "reason=\"%s\"", why);
    if (keep) {
        telling->item.kind = ITEM_BAD;
        change_item(&change, id, telling->queued->number, &telling->item);
    } else {
        change_item_gone(&change, id, telling->queued->number);
    }
    enum status status = store_commit(telling->queue->store, &change);
    change_finish(&change);
    return status;
}

/* A report tells as much as its message, so it is guarded like that (RFC 8689 5), and as urgent
 * (RFC 6710 5). */
static struct mail_terms terms_of(const struct telling *telling, struct text body)
{
    const struct mail_terms *original = &telling->message.terms;
    return (struct mail_terms){.body = body_has_8bit(body) ? MAIL_BODY_8BIT : MAIL_BODY_7BIT,
                               .is_international = telling->is_international,
                               .requires_tls = original->requires_tls,
                               .tls_is_optional = original->tls_is_optional,
                               .priority = original->priority};
}

static enum status commit_report(struct telling *telling, uint64_t id, struct text body)
{
    struct queue *queue = telling->queue;
    struct change change;
    /* Copied, for the settings may change while the directory is asked. */
    struct text copy = arena_copy(telling->arena, queue->settings->report_copy);
    struct queue_recipient recipients[] = {{.address = telling->to, .notify = NOTIFY_NEVER},
                                           {.address = copy, .notify = NOTIFY_NEVER}};
    bool is_copied = telling->any_failed && !text_is_empty(copy);
    struct mail_terms terms = terms_of(telling, body);
    struct queue_envelope envelope = {.id = id,
                                      .sender = TEXT(""),
                                      .terms = terms,
                                      .service = SERVICE_SUBMISSION,
                                      .server = QUEUE_REPORT_SERVER,
                                      .subject = TEXT("Delivery status"),
                                      .settings_version = queue->settings->version,
                                      .recipients = recipients,
                                      .recipient_count = is_copied ? 2 : 1};
    struct acceptance acceptance = {.envelope = &envelope,
                                    .body = body,
                                    .size = body.length,
                                    .change = &change,
                                    .is_internal = true};
    char text[ID_TEXT_BYTES];
    change_init(&change);
    change_story(&change, telling->message.id, "reported", "report=%s to=<%.*s> recipients=%u%s",
                 id_format(id, text), TEXT_ARG(telling->to), telling->recipient_count,
                 telling->any_failed ? " kind=failure" : "");
    change_item_gone(&change, telling->message.id, telling->queued->number);
    enum status status = accept_message(queue, &acceptance);
    queue->counters.reports += status == OK;
    change_finish(&change);
    return status;
}

/* Of a thousand recipients their hosts' words can be too many. */
static void shorten_words(struct telling *telling)
{
    for (unsigned i = 0; i < telling->recipient_count; i++)
        telling->recipients[i].diagnostic =
            text_head(telling->recipients[i].diagnostic, WORDS_BYTES);
}

/* With the original as was meant, else its header, else nothing of it, at last with few words. */
static enum status compose_to_fit(struct telling *telling, struct text original, uint64_t id,
                                  struct buffer *body)
{
    if (compose(telling, original, id, body))
        return OK;
    telling->header_only = true;
    buffer_reset(body, 0);
    if (compose(telling, original, id, body))
        return OK;
    buffer_reset(body, 0);
    if (compose(telling, TEXT(""), id, body))
        return OK;
    shorten_words(telling);
    buffer_reset(body, 0);
    return compose(telling, TEXT(""), id, body) ? OK : refused("the report is too large");
}

static enum status write_report(struct telling *telling)
{
    struct buffer original, body;
    buffer_init(&original, CHANGE_BODY_INLINE_MAX);
    buffer_init(&body, CHANGE_BODY_INLINE_MAX);
    uint64_t id = telling->queue->last_id = id_new(telling->queue->last_id);
    enum status status = read_original(telling, &original);
    if (status == OK)
        status = compose_to_fit(telling, buffer_text(&original), id, &body);
    if (status == OK)
        status = commit_report(telling, id, buffer_text(&body));
    buffer_finish(&original);
    buffer_finish(&body);
    return status;
}

/* Nobody is told, by the administrator's will. */
static enum status keep_back(struct telling *telling, const char *why, struct setting_place place)
{
    char reason[REASON_BYTES];
    if (place.line > 0)
        snprintf(reason, sizeof(reason), "%s (%.*s:%u)", why, TEXT_ARG(text_head(place.file, 200)),
                 place.line);
    else
        snprintf(reason, sizeof(reason), "%s", why);
    enum status status = end_untold(telling, false, reason);
    telling->queue->counters.reports_kept_back += status == OK;
    return status;
}

static bool is_ours(const struct telling *telling)
{
    struct text domain = text_from_position(telling->to, text_find_last(telling->to, '@') + 1);
    return settings_domain_find(telling->queue->settings, domain) != NULL;
}

static struct notice_tally *tally_of(const struct telling *telling)
{
    char lower[MAIL_ADDRESS_MAX];
    size_t length = 0;
    for (; length < telling->to.length && length < sizeof(lower); length++) {
        char c = telling->to.data[length];
        lower[length] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
    return recent_take(telling->queue->reported, text_of(lower, length));
}

/* Mail with a forged sender must not make us flood him (backscatter). */
static bool is_flood(const struct telling *telling)
{
    if (is_ours(telling))
        return false;
    struct notice_tally *tally = tally_of(telling);
    if (!decide_notice_is_over(telling->queue->settings, tally, clock_wall_ms()))
        return false;
    if (tally->kept_back++ == 0)
        log_warning("queue.reports_limited",
                    "to=%s reports=%u remedy=\"refuse the mail that they are about, or set reports "
                    "limit\"",
                    log_text(telling->to), tally->count);
    return true;
}

static void note_told(const struct telling *telling)
{
    if (!is_ours(telling))
        tally_of(telling)->count++;
}

static enum status send_one(struct telling *telling)
{
    if (!store_message(telling->queue->store, telling->queued->message->id, telling->arena,
                       &telling->message) ||
        !item_read(telling->queue, telling->queued, telling->arena, &telling->item))
        return OK;
    telling->to = telling->item.owner.length > 0 ? telling->item.owner : telling->message.sender;
    telling->is_international = body_has_8bit(telling->to);
    choose(telling);
    if (text_is_empty(telling->to))
        return end_untold(telling, true, "a report can't be reported");
    if (telling->recipient_count == 0 && !telling->is_denied)
        return end_untold(telling, false, "the sender asked for no report");
    if (telling->recipient_count == 0)
        return keep_back(telling, "a policy denies reports to this domain", telling->denied_by);
    if (is_flood(telling))
        return keep_back(telling, "this address has been sent as many reports as may be",
                         settings_top_place(telling->queue->settings, "reports limit"));
    enum status status = write_report(telling);
    if (status == OK)
        note_told(telling);
    if (status != REFUSED)
        return status;
    log_warning("queue.report_refused", "sender=%s reason=%s", log_text(telling->to),
                log_text(text_from(fail_reason())));
    return end_untold(telling, true, "the sender's address takes no report");
}

void notice_send(struct queue *queue, struct queued_item *item)
{
    struct arena arena;
    arena_init(&arena);
    struct telling telling = {.queue = queue, .queued = item, .arena = &arena};
    struct work work = schedule_begin_work(queue, item);
    enum status status = send_one(&telling);
    arena_finish(&arena);
    if (status != OK)
        log_warning("queue.report_put_off", "reason=%s", log_text(text_from(fail_reason())));
    named_note(queue, NAMED_REPORTS, status == OK ? NULL : fail_reason());
    schedule_end_work(queue, work, RETRY_MS);
}
