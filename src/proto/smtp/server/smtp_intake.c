/* A message between the wire and the queue: counted, looked at, stamped, and passed on in pieces,
 * so that its size costs no memory. DATA and BDAT both end here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "mail/auth_results.h"
#include "net/stream_tls.h"
#include "proto/smtp/server/smtp_checks.h"
#include "proto/smtp/server/smtp_filter.h"
#include "proto/smtp/server/smtp_limits.h"
#include "proto/smtp/server/smtp_refusal.h"
#include "proto/smtp/server/smtp_session.h"
#include "proto/smtp/server/smtp_stamp.h"

enum { HEADER_HELD_MAX = 64 << 10, STAMP_MAX = 4096, CERTIFICATE_NAME_MAX = 200 };

/* What a stranger's certificate says of him, as it may stand in a comment (RFC 5322 3.2.2). */
static struct text plain_comment(struct text text, struct arena *arena)
{
    struct text copy = arena_copy(arena, text);
    char *bytes = (char *)(uintptr_t)copy.data;
    for (size_t i = 0; i < copy.length; i++)
        if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '(' || bytes[i] == ')' ||
            bytes[i] == '\\')
            bytes[i] = '?';
    return copy;
}

static struct text tls_text(struct smtp_session *session, struct arena *arena)
{
    const struct stream *stream = session->line.stream;
    if (!stream_is_tls(stream))
        return TEXT("");
    struct text session_words =
        arena_printf(arena, "%s %s", stream_tls_version(stream), stream_tls_cipher(stream));
    struct tls_peer peer;
    if (!stream_tls_peer(stream, arena, &peer))
        return session_words;
    struct text name = plain_comment(text_head(peer.subject, CERTIFICATE_NAME_MAX), arena);
    return arena_printf(arena, "%.*s client %.*s %s", TEXT_ARG(session_words), TEXT_ARG(name),
                        peer.is_verified ? "verified" : "not verified");
}

static void note_trouble(struct smtp_intake *intake, enum smtp_trouble trouble)
{
    if (intake->trouble == SMTP_NO_TROUBLE)
        intake->trouble = trouble;
    queue_abandon(&intake->queued);
    buffer_finish(&intake->header);
    intake->holds_header = false;
}

static void append(struct smtp_intake *intake, struct text bytes)
{
    if (intake->trouble != SMTP_NO_TROUBLE || intake->queued == NULL || bytes.length == 0)
        return;
    if (queue_append(intake->queued, bytes) != OK)
        note_trouble(intake, SMTP_TROUBLE_QUEUE);
}

static struct smtp_stamp stamp_of(const struct smtp_session *session)
{
    const struct queue_envelope *envelope = &session->transaction.envelope;
    return (struct smtp_stamp){
        .helo = text_from(session->helo),
        .peer = stream_peer(session->line.stream),
        .known = &session->known,
        .host = session->host,
        .tls = envelope->tls,
        .is_lmtp = session->service == SERVICE_LMTP,
        .is_extended = session->is_extended,
        .is_tls = stream_is_tls(session->line.stream),
        .is_logged_in = session->login[0] != '\0',
        .is_international = session->transaction.mail.terms.is_international,
        .id = envelope->id,
        .recipient = envelope->recipient_count == 1 ? envelope->recipients[0].address : TEXT(""),
        .now_ms = clock_wall_ms(),
    };
}

static void fill_envelope(struct smtp_session *session)
{
    struct smtp_server_transaction *transaction = &session->transaction;
    struct queue_envelope *envelope = &transaction->envelope;
    envelope->id = line_front_id(session->front);
    envelope->session = session->id;
    envelope->terms = transaction->mail.terms;
    envelope->service = session->service;
    envelope->server = session->server->name;
    envelope->peer = text_from(session->peer);
    envelope->helo = text_from(session->helo);
    envelope->login = text_from(session->login);
    envelope->tls = tls_text(session, &transaction->arena);
    envelope->settings_version = session->settings->version;
    envelope->is_unwanted = smtp_filter_archives(session);
}

static void put_received(struct smtp_session *session)
{
    struct smtp_stamp stamp = stamp_of(session);
    struct buffer received;
    buffer_init(&received, STAMP_MAX);
    smtp_stamp_received(&stamp, &received);
    append(&session->transaction.intake, buffer_text(&received));
    buffer_finish(&received);
}

void smtp_intake_begin(struct smtp_session *session)
{
    struct smtp_intake *intake = &session->transaction.intake;
    fill_envelope(session);
    *intake = (struct smtp_intake){0};
    header_facts_init(&intake->facts);
    buffer_init(&intake->header, HEADER_HELD_MAX);
    buffer_init(&intake->seen, HEADER_HELD_MAX);
    /* RFC 6409 8: a submission server completes the header; a relay leaves it alone. */
    intake->is_checked = smtp_checks_stamp(session);
    intake->holds_header =
        session->login[0] != '\0' || smtp_resolves_sender(session) || intake->is_checked;
    if (smtp_filter_discards(session) || smtp_checks_action(session) == CHECK_DISCARD)
        return;
    intake->queued = queue_begin(session->front->role->store, &session->transaction.envelope);
    if (!intake->is_checked)
        put_received(session);
}

/* What the header lacks is added. */
static void complete_header(struct smtp_session *session)
{
    struct smtp_intake *intake = &session->transaction.intake;
    struct smtp_stamp stamp = stamp_of(session);
    struct buffer added;
    buffer_init(&added, STAMP_MAX);
    bool completes = intake->facts.ended && session->login[0] != '\0';
    if (completes && !intake->facts.has_date)
        smtp_stamp_date(&stamp, &added);
    if (completes && !intake->facts.has_message_id) {
        smtp_stamp_message_id(&stamp, &added);
        char id[ID_TEXT_BYTES];
        snprintf(intake->facts.message_id, sizeof(intake->facts.message_id), "<%s@%.*s>",
                 id_format(stamp.id, id), TEXT_ARG(text_head(session->host, 200)));
    }
    append(intake, buffer_text(&added));
    if (intake->facts.ended)
        smtp_resolve_sender(session);
    append(intake, buffer_text(&intake->header));
    buffer_finish(&added);
}

/* RFC 8601 5, RFC 7208 9.1: the outcome stands above all, and nobody else's claims to be ours.
 * YIELDS. */
static void check_header(struct smtp_session *session)
{
    struct smtp_intake *intake = &session->transaction.intake;
    struct buffer checked;
    smtp_checks_header(session, header_section(buffer_text(&intake->header)));
    if (smtp_checks_action(session) == CHECK_DISCARD)
        queue_abandon(&intake->queued);
    if (smtp_checks_action(session) == CHECK_REFUSE) {
        note_trouble(intake, SMTP_TROUBLE_CHECKS);
        return;
    }
    smtp_resolve_sender(session);
    session->transaction.envelope.checked = smtp_checks_text(session);
    struct text held = buffer_text(&intake->header), section = header_section(held);
    buffer_init(&checked, STAMP_MAX + section.length);
    smtp_checks_write(session, &checked);
    append(intake, buffer_text(&checked));
    put_received(session);
    buffer_reset(&checked, 0);
    (void)auth_results_strip(section, session->host, &checked);
    append(intake, buffer_text(&checked));
    append(intake, text_from_position(held, section.length));
    buffer_finish(&checked);
}

/* The header is known: let it go. YIELDS. */
static void release_header(struct smtp_session *session)
{
    struct smtp_intake *intake = &session->transaction.intake;
    if (!intake->holds_header)
        return;
    intake->holds_header = false;
    if (intake->is_checked)
        check_header(session);
    else
        complete_header(session);
    buffer_finish(&intake->header);
}

/* How many of the bytes are of the header section. */
static size_t look_at_header(struct smtp_session *session, struct text bytes)
{
    struct smtp_intake *intake = &session->transaction.intake;
    if (intake->facts.ended)
        return 0;
    size_t length = header_facts_feed(&intake->facts, bytes);
    if (smtp_filter_wants_header(session))
        buffer_append(&intake->seen, text_head(bytes, length));
    if (intake->facts.received_count >= session->server->max_hops)
        note_trouble(intake, SMTP_TROUBLE_HOPS);
    return length;
}

/* Hold the header back until it is whole. The bytes that may go on are left in *bytes. YIELDS. */
static void hold_header(struct smtp_session *session, size_t length, struct text *bytes)
{
    struct smtp_intake *intake = &session->transaction.intake;
    bool fits = buffer_append(&intake->header, text_head(*bytes, length));
    if (!fits && intake->is_checked) { /* what stands in the rest of it would not be known */
        note_trouble(intake, SMTP_TROUBLE_HEADER);
        return;
    }
    if (fits)
        *bytes = text_from_position(*bytes, length);
    if (!fits || intake->facts.ended)
        release_header(session);
}

static void take(struct smtp_session *session, struct text bytes)
{
    struct smtp_intake *intake = &session->transaction.intake;
    if (intake->trouble != SMTP_NO_TROUBLE)
        return;
    intake->size += bytes.length;
    bool fits_session = smtp_limits_count(session, bytes.length);
    if (intake->size > smtp_limit_message(session) || !fits_session) {
        note_trouble(intake, fits_session ? SMTP_TROUBLE_SIZE : SMTP_TROUBLE_SESSION);
        return;
    }
    intake->is_8bit = intake->is_8bit || body_has_8bit(bytes);
    size_t length = look_at_header(session, bytes);
    if (intake->holds_header)
        hold_header(session, length, &bytes);
    append(intake, bytes);
}

void smtp_intake_take(struct smtp_session *session, struct text bytes)
{
    /* RFC 5322 2.2.3: a first line that begins with a space would go on with the last field that
     * we put above it, which is ours to vouch for. So it is no header. */
    bool is_first = session->transaction.intake.size == 0 && bytes.length > 0;
    if (is_first && (bytes.data[0] == ' ' || bytes.data[0] == '\t'))
        take(session, TEXT("\r\n"));
    take(session, bytes);
}

static void note_bare_line_ends(struct smtp_server_transaction *transaction)
{
    /* A hop without BINARYMIME gets it by DATA, where a line end that is none smuggles. */
    if (transaction->intake.scan.has_bare && transaction->mail.terms.body != MAIL_BODY_BINARY)
        note_trouble(&transaction->intake, SMTP_TROUBLE_BARE);
}

void smtp_intake_take_chunk(struct smtp_session *session, struct text bytes)
{
    body_scan_feed(&session->transaction.intake.scan, bytes);
    note_bare_line_ends(&session->transaction);
    smtp_intake_take(session, bytes);
}

void smtp_intake_drop(struct smtp_session *session)
{
    struct smtp_intake *intake = &session->transaction.intake;
    queue_abandon(&intake->queued);
    buffer_finish(&intake->header);
    buffer_finish(&intake->seen);
    *intake = (struct smtp_intake){0};
}

/* Ends */

static void log_accepted(struct smtp_session *session)
{
    const struct smtp_server_transaction *transaction = &session->transaction;
    const struct queue_envelope *envelope = &transaction->envelope;
    char id[ID_TEXT_BYTES], session_id[ID_TEXT_BYTES];
    log_info("smtp.accepted",
             "id=%s session=%s from=%s to-count=%u size=%" PRIu64 " peer=%s tls=%s login=%s%s%.*s",
             id_format(envelope->id, id), id_format(session->id, session_id),
             log_text(envelope->sender), envelope->recipient_count, transaction->intake.size,
             log_text(envelope->peer), log_text(envelope->tls), log_text(envelope->login),
             text_is_empty(envelope->checked) ? "" : " ", TEXT_ARG(envelope->checked));
}

static void answer_trouble(struct smtp_session *session, enum smtp_trouble trouble)
{
    struct decision_reason reason = {.place = session->server->place};
    switch (trouble) {
    case SMTP_NO_TROUBLE:
        return;
    case SMTP_TROUBLE_SIZE:
        reason.rule = "limit-message";
        smtp_answer_because(session, SMTP_TOO_LARGE, TEXT(""), &reason, 1);
        return;
    case SMTP_TROUBLE_SESSION:
        session->line.ended = true;
        reason.rule = "limit-session-size";
        smtp_answer_because(session, SMTP_SESSION_TOO_LARGE, TEXT(""), &reason, 1);
        return;
    case SMTP_TROUBLE_HOPS:
        reason.rule = "limit-hops";
        smtp_answer_because(session, SMTP_LOOP, TEXT(""), &reason, 1);
        return;
    case SMTP_TROUBLE_BARE:
        smtp_answer(session, SMTP_BARE_LINE_END, TEXT(""));
        return;
    case SMTP_TROUBLE_HEADER:
        smtp_answer(session, SMTP_HEADER_TOO_LARGE, TEXT(""));
        return;
    case SMTP_TROUBLE_CHECKS:
        smtp_checks_answer(session);
        return;
    case SMTP_TROUBLE_QUEUE:
        smtp_answer_because(session, queue_commit_is_full() ? SMTP_NO_SPACE : SMTP_NOT_NOW,
                            TEXT(""), NULL, 0);
        return;
    }
}

/* RFC 5429 2.1.2: refused in the recipient's own words, or because there is none. */
static void answer_refused(struct smtp_session *session, struct text why,
                           enum smtp_answer otherwise)
{
    struct decision_reason reason = {.rule = "queue", .fact = why};
    struct text words;
    enum smtp_answer answer = smtp_refusal(why, otherwise, &words);
    smtp_answer_because(session, answer, words, &reason, 1);
}

static void answer_status(struct smtp_session *session, enum status status)
{
    char id[ID_TEXT_BYTES];
    struct text why = text_from(fail_reason());
    struct decision_reason reason = {.rule = "queue", .fact = why};
    switch (status) {
    case OK:
        smtp_answer(session, SMTP_MESSAGE_ACCEPTED,
                    text_from(id_format(session->transaction.envelope.id, id)));
        return;
    case TRY_LATER:
        smtp_answer_because(session, queue_commit_is_full() ? SMTP_NO_SPACE : SMTP_NOT_NOW,
                            TEXT(""), &reason, 1);
        return;
    case REFUSED:
        answer_refused(session, arena_copy(&session->transaction.arena, why), SMTP_REFUSED_MESSAGE);
        return;
    }
}

/* RFC 2033 4.2: after the data one reply for each accepted recipient, in their order. */
static unsigned replies_due(const struct smtp_session *session)
{
    return session->service == SERVICE_LMTP ? session->transaction.envelope.recipient_count : 1;
}

static void commit(struct smtp_session *session)
{
    struct smtp_server_transaction *transaction = &session->transaction;
    struct queue_envelope *envelope = &transaction->envelope;
    struct smtp_intake *intake = &transaction->intake;
    smtp_terms_complete(transaction);
    envelope->message_id = text_from(intake->facts.message_id);
    envelope->subject = text_from(intake->facts.subject);
    struct queue_result *results =
        arena_array(&transaction->arena, envelope->recipient_count, sizeof(*results));
    enum status status = queue_commit(&intake->queued, &transaction->arena, results);
    if (status == OK)
        log_accepted(session);
    if (status == OK && envelope->is_unwanted) {
        smtp_filter_answer_unwanted(session);
        return;
    }
    bool is_lmtp = session->service == SERVICE_LMTP;
    for (unsigned i = 0; i < replies_due(session); i++) {
        if (is_lmtp && status == OK && results[i].status == REFUSED)
            answer_refused(session, results[i].reason, SMTP_NO_SUCH_USER);
        else
            answer_status(session, is_lmtp && status == OK ? results[i].status : status);
    }
}

void smtp_intake_end(struct smtp_session *session)
{
    struct smtp_intake *intake = &session->transaction.intake;
    body_scan_end(&intake->scan);
    note_bare_line_ends(&session->transaction);
    if (intake->trouble == SMTP_NO_TROUBLE) {
        header_facts_end(&intake->facts);
        /* A message that is all header is complete too: nothing more will come. */
        intake->facts.ended = true;
        release_header(session);
    }
    line_log_about(&session->line, text_from(intake->facts.message_id));
    if (intake->trouble != SMTP_NO_TROUBLE)
        for (unsigned i = 0; i < replies_due(session); i++)
            answer_trouble(session, intake->trouble);
    else if (smtp_filter_discards(session))
        smtp_filter_answer_unwanted(session);
    else if (smtp_checks_action(session) == CHECK_DISCARD)
        smtp_checks_answer(session);
    else if (smtp_filter_message(session))
        commit(session);
    smtp_server_transaction_reset(session);
}
