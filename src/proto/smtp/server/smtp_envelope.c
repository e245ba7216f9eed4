/* MAIL and RCPT: who sends, who shall get it, and whether we take it. */
#include <string.h>

#include "base/memory.h"
#include "proto/smtp/server/smtp_checks.h"
#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_filter.h"
#include "proto/smtp/server/smtp_limits.h"
#include "proto/smtp/server/smtp_refusal.h"
#include "proto/smtp/server/smtp_session.h"

void smtp_server_transaction_init(struct smtp_session *session)
{
    session->transaction = (struct smtp_server_transaction){.state = SMTP_READY};
    arena_init(&session->transaction.arena);
}

void smtp_server_transaction_finish(struct smtp_session *session)
{
    smtp_intake_drop(session);
    arena_finish(&session->transaction.arena);
}

void smtp_server_transaction_reset(struct smtp_session *session)
{
    struct smtp_server_transaction *transaction = &session->transaction;
    smtp_intake_drop(session);
    struct arena arena = transaction->arena;
    arena_reset(&arena);
    *transaction = (struct smtp_server_transaction){.state = SMTP_READY, .arena = arena};
}

static void answer_syntax(struct smtp_session *session, enum smtp_syntax syntax,
                          enum smtp_answer bad_address)
{
    enum smtp_answer answer = SMTP_BAD_ARGUMENTS;
    if (syntax == SMTP_SYNTAX_ADDRESS)
        answer = bad_address;
    else if (syntax == SMTP_SYNTAX_UNKNOWN)
        answer = SMTP_UNKNOWN_PARAMETER;
    smtp_answer(session, answer, text_from(fail_reason()));
}

static bool needs_login(const struct smtp_session *session)
{
    enum service service = session->service;
    return service == SERVICE_SUBMISSION || service == SERVICE_SMTPS ||
           (service == SERVICE_SMTP && session->server->needs_login);
}

/* What he may do; while the directory is away what everybody may, unless the server has lists.
 * False when MAIL was answered. YIELDS. */
static bool find_rights(struct smtp_session *session, struct directory_rights *rights)
{
    const struct setting_server *server = session->server;
    struct decision_reason reason = {.rule = "directory-unavailable"};
    *rights = (struct directory_rights){true, true, DIRECTORY_NO_LIMIT, DIRECTORY_NO_LIMIT};
    if (session->login[0] == '\0')
        return true;
    enum status status =
        directory_cache_rights(session->front->directory, session->front->role->auth,
                               text_from(session->login), server->name, rights);
    bool has_lists = server->submitters.place.line > 0 || server->relayers.place.line > 0;
    if (status == OK || !has_lists) {
        if (status != OK)
            *rights = (struct directory_rights){true, true, DIRECTORY_NO_LIMIT, DIRECTORY_NO_LIMIT};
        return true;
    }
    reason.fact = text_from(fail_reason());
    smtp_answer_because(session, SMTP_NOT_NOW, TEXT(""), &reason, 1);
    return false;
}

/* False when MAIL was answered with a refusal. YIELDS. */
static bool user_may_send(struct smtp_session *session, const struct smtp_mail *mail)
{
    struct directory_rights *rights = &session->transaction.rights;
    if (!find_rights(session, rights))
        return false;
    if (!rights->may_submit) {
        struct decision_reason reason = {.rule = "submit",
                                         .place = session->server->submitters.place,
                                         .fact = text_from(session->login)};
        smtp_answer_because(session, SMTP_MAY_NOT_SUBMIT, TEXT(""), &reason, 1);
        return false;
    }
    uint64_t most = rights->send_bytes == DIRECTORY_NO_LIMIT ? session->settings->max_sent_bytes
                                                             : rights->send_bytes;
    if (session->login[0] == '\0' || most == 0 || mail->size <= most)
        return true;
    struct decision_reason reason = {.rule = "send-limit", .fact = text_from(session->login)};
    smtp_answer_because(session, SMTP_LIMITED, TEXT(""), &reason, 1);
    return false;
}

/* False when MAIL was answered with a refusal. YIELDS. */
static bool sender_is_welcome(struct smtp_session *session, const struct smtp_mail *mail)
{
    struct decision_reason server = {.rule = "login-required", .place = session->server->place};
    if (needs_login(session) && session->login[0] == '\0') {
        smtp_answer_because(session, SMTP_LOGIN_FIRST, TEXT(""), &server, 1);
        return false;
    }
    if (mail->sender.is_international && !mail->terms.is_international) {
        smtp_answer(session, SMTP_NEEDS_SMTPUTF8, TEXT(""));
        return false;
    }
    return user_may_send(session, mail) && smtp_limits_allow(session, mail->size);
}

static struct smtp_style style_of(const struct smtp_session *session)
{
    return (struct smtp_style){.without = smtp_extensions_not_offered(session),
                               .takes_bare = session->server->takes_bare_addresses};
}

/* False when it was answered so: there is no memory for what begins, or goes on, now. */
static bool has_memory(struct smtp_session *session, enum memory_for what)
{
    struct decision_reason reason = {.rule = "memory"};
    if (memory_ask(what, 0) == OK)
        return true;
    smtp_answer_because(session, SMTP_NO_SPACE, TEXT(""), &reason, 1);
    return false;
}

void smtp_command_mail(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct smtp_server_transaction *transaction = &session->transaction;
    struct smtp_style style = style_of(session);
    struct smtp_mail mail;
    enum smtp_syntax syntax = smtp_parse_mail(arguments, &style, &transaction->arena, &mail);
    if (syntax != SMTP_SYNTAX_FINE) {
        answer_syntax(session, syntax, SMTP_BAD_SENDER);
        smtp_server_transaction_reset(session);
        return;
    }
    bool is_urgent = mail.terms.priority > 0;
    if (!has_memory(session, MEMORY_FOR_MESSAGE) || !sender_is_welcome(session, &mail) ||
        !smtp_filter_sender(session, mail.is_null ? NULL : &mail.sender) ||
        !smtp_terms_settle(session, &mail)) {
        smtp_server_transaction_reset(session);
        return;
    }
    transaction->mail = mail;
    transaction->has_international_address = mail.sender.is_international;
    transaction->state = SMTP_SENDING;
    transaction->envelope.sender =
        mail.is_null ? TEXT("") : mail_address_text(&mail.sender, &transaction->arena);
    bool is_lowered = is_urgent && mail.terms.priority == 0;
    smtp_answer(session, is_lowered ? SMTP_PRIORITY_CHANGED : SMTP_SENDER_OK, TEXT(""));
}

/* RFC 5321 4.5.1: postmaster without a domain is a person all the same. */
static enum status name_postmaster(struct smtp_session *session, struct smtp_rcpt *rcpt)
{
    struct text postmaster = session->settings->postmaster;
    return mail_address_parse(postmaster, &session->line.arena, &rcpt->recipient);
}

/* Who has no limits of his own as to what he may send. */
static bool is_stranger(const struct smtp_session *session)
{
    const struct smtp_mail *mail = &session->transaction.mail;
    return session->login[0] == '\0' &&
           (mail->is_null ||
            settings_domain_find(session->settings, mail->sender.domain_ascii) == NULL);
}

/* False when RCPT was answered. YIELDS. */
static bool recipient_has_room(struct smtp_session *session, struct text key)
{
    struct reason reason;
    const struct smtp_server_transaction *transaction = &session->transaction;
    struct queue_room_question question = {.recipient = key,
                                           .sender = transaction->envelope.sender,
                                           .login = text_from(session->login),
                                           .bytes = transaction->mail.size,
                                           .is_stranger = is_stranger(session)};
    enum status status =
        room_cache_ask(session->front->rooms, session->front->role->store, &question, &reason);
    if (status == OK)
        return true;
    struct text why = text_from(reason.text), words;
    enum smtp_answer answer = smtp_refusal(why, SMTP_MAILBOX_STAYS_FULL, &words);
    bool is_quota = answer == SMTP_MAILBOX_STAYS_FULL;
    struct decision_reason rule = {.rule = is_quota ? "quota" : "recipient", .fact = why};
    smtp_answer_because(session, status == REFUSED ? answer : SMTP_MAILBOX_FULL, words, &rule, 1);
    return false;
}

/* `unresolved forward`: another system shares the domain, and knows him or will refuse him. */
static bool is_known_elsewhere(const struct smtp_session *session,
                               const struct mail_address *recipient)
{
    const struct setting_domain *domain =
        settings_domain_find(session->settings, recipient->domain_ascii);
    return session->service != SERVICE_LMTP && domain != NULL && !text_is_empty(domain->forward);
}

/* `unknown-recipients report`. */
static bool hears_by_report(const struct smtp_session *session)
{
    return session->server->reports_unknown && session->login[0] != '\0' &&
           session->service != SERVICE_LMTP;
}

/* Ask the directory about one of our addresses. False when RCPT was answered. YIELDS. */
static bool recipient_exists(struct smtp_session *session, const struct mail_address *recipient,
                             const struct relay_decision *decision)
{
    struct text key = mail_address_key(recipient, &session->line.arena);
    switch (directory_cache_check(session->front->directory, session->front->role->auth, key)) {
    case OK:
        return recipient_has_room(session, key);
    case REFUSED:
        if (is_known_elsewhere(session, recipient) || hears_by_report(session))
            return true;
        smtp_answer_because(session, SMTP_NO_SUCH_USER, TEXT(""), decision->reasons,
                            decision->reason_count);
        return false;
    case TRY_LATER:
        break;
    }
    struct decision_reason reason = {.rule = "directory-unavailable",
                                     .fact = text_from(fail_reason())};
    smtp_answer_because(session, SMTP_NOT_NOW, TEXT(""), &reason, 1);
    return false;
}

/* False when RCPT was answered with a refusal. YIELDS. */
static bool recipient_is_welcome(struct smtp_session *session, struct smtp_rcpt *rcpt)
{
    struct relay_facts facts = {
        .settings = session->settings,
        .server = session->server,
        .service = session->service,
        .peer = stream_peer(session->line.stream),
        .login = text_from(session->login),
        .domain = rcpt->recipient.domain_ascii,
        .may_not_relay = !session->transaction.rights.may_relay,
    };
    struct relay_decision decision = decide_relay(&facts);
    if (decision.verdict == RELAY_DENIED) {
        smtp_answer_because(session, SMTP_NO_RELAY, TEXT(""), decision.reasons,
                            decision.reason_count);
        return false;
    }
    bool without_domain = text_is_empty(rcpt->recipient.domain);
    if (without_domain && name_postmaster(session, rcpt) != OK) {
        smtp_answer(session, SMTP_NO_SUCH_USER, TEXT(""));
        return false;
    }
    if (rcpt->recipient.is_international && !session->transaction.mail.terms.is_international) {
        smtp_answer(session, SMTP_NEEDS_SMTPUTF8, TEXT(""));
        return false;
    }
    if (!smtp_filter_recipient(session, &rcpt->recipient))
        return false;
    /* The postmaster of the settings may live elsewhere; then the queue finds the way. */
    bool is_ours = !without_domain ||
                   settings_domain_find(session->settings, rcpt->recipient.domain_ascii) != NULL;
    if (decision.verdict == RELAY_LOCAL && is_ours &&
        !recipient_exists(session, &rcpt->recipient, &decision))
        return false;
    return smtp_filter_lists(session, &rcpt->recipient) && smtp_checks_sender(session);
}

/* All that is kept of the recipients is one record, whatever becomes of each: what it takes at most
 * for one that is delivered, with a mailbox that is new and a report. The rest comes in a further
 * transaction: RFC 5321 4.5.3.1.10. */
enum { RECIPIENT_BYTES_MAX = 2816 << 10, RECIPIENT_FIXED_BYTES = 170 };

static void add_recipient(struct smtp_server_transaction *transaction, const struct smtp_rcpt *rcpt)
{
    struct queue_envelope *envelope = &transaction->envelope;
    if (envelope->recipient_count == transaction->recipient_capacity) {
        unsigned capacity =
            transaction->recipient_capacity == 0 ? 4 : 2 * envelope->recipient_count;
        struct queue_recipient *more =
            arena_array(&transaction->arena, capacity, sizeof(*envelope->recipients));
        if (envelope->recipient_count > 0)
            memcpy(more, envelope->recipients,
                   envelope->recipient_count * sizeof(*envelope->recipients));
        envelope->recipients = more;
        transaction->recipient_capacity = capacity;
    }
    envelope->recipients[envelope->recipient_count++] = (struct queue_recipient){
        .address = mail_address_text(&rcpt->recipient, &transaction->arena),
        .original_recipient = arena_copy(&transaction->arena, rcpt->original_recipient),
        .notify = rcpt->notify,
    };
    const struct queue_recipient *added = &envelope->recipients[envelope->recipient_count - 1];
    transaction->recipient_bytes +=
        2 * added->address.length + added->original_recipient.length + RECIPIENT_FIXED_BYTES;
    if (rcpt->recipient.is_international)
        transaction->has_international_address = true;
    transaction->state = SMTP_ADDRESSED;
}

/* One more recipient would be more than the user may address. */
static bool is_over_own_limit(const struct smtp_session *session)
{
    const struct smtp_server_transaction *transaction = &session->transaction;
    uint64_t own = transaction->rights.recipients;
    uint64_t most = own == DIRECTORY_NO_LIMIT ? session->settings->max_addressed : own;
    return session->login[0] != '\0' && most > 0 && transaction->envelope.recipient_count >= most;
}

void smtp_command_rcpt(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct smtp_server_transaction *transaction = &session->transaction;
    struct smtp_rcpt rcpt;
    if (transaction->envelope.recipient_count >= session->server->max_recipients ||
        transaction->recipient_bytes >= RECIPIENT_BYTES_MAX) {
        struct decision_reason reason = {.rule = "limit-recipients",
                                         .place = session->server->place};
        smtp_answer_because(session, SMTP_MANY_RECIPIENTS, TEXT(""), &reason, 1);
        return;
    }
    if (is_over_own_limit(session)) {
        struct decision_reason reason = {.rule = "recipient-limit",
                                         .fact = text_from(session->login)};
        smtp_answer_because(session, SMTP_MANY_ADDRESSED, TEXT(""), &reason, 1);
        return;
    }
    /* Parsed in the command's arena: a thousand refused recipients leave nothing behind. */
    struct smtp_style style = style_of(session);
    enum smtp_syntax syntax = smtp_parse_rcpt(arguments, &style, &line->arena, &rcpt);
    if (syntax != SMTP_SYNTAX_FINE) {
        answer_syntax(session, syntax, SMTP_BAD_RECIPIENT);
        return;
    }
    /* RFC 6533 3: an original recipient too. */
    if (body_has_8bit(arguments) && !transaction->mail.terms.is_international) {
        smtp_answer(session, SMTP_NEEDS_SMTPUTF8, TEXT(""));
        return;
    }
    if (!has_memory(session, MEMORY_FOR_REST) || !recipient_is_welcome(session, &rcpt))
        return;
    add_recipient(transaction, &rcpt);
    smtp_answer(session, SMTP_RECIPIENT_OK, TEXT(""));
}
