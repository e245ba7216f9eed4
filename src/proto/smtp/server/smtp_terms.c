/* The terms of a message: what MAIL asked for, made into what is kept and passed on. */
#include "base/clock.h"
#include "proto/smtp/server/smtp_session.h"

static bool peer_is_trusted(const struct smtp_session *session)
{
    struct relay_facts facts = {
        .settings = session->settings,
        .server = session->server,
        .service = session->service,
        .peer = stream_peer(session->line.stream),
        .login = text_from(session->login),
    };
    return decide_is_trusted(&facts);
}

static int64_t hold_until(const struct smtp_mail *mail, int64_t now)
{
    int64_t until =
        mail->hold_seconds > 0 ? now + mail->hold_seconds * SECOND : mail->hold_until_ms;
    return until > now ? until : 0; /* RFC 4865 5.1: an instant that has passed holds nothing */
}

static int64_t at_least_1970(int64_t wall_ms)
{
    return wall_ms > 0 ? wall_ms : 1;
}

bool smtp_terms_settle(struct smtp_session *session, struct smtp_mail *mail)
{
    struct mail_terms *terms = &mail->terms;
    struct decision_reason reason = {.place = session->server->place};
    int64_t now = clock_wall_ms();
    terms->hold_until_ms = hold_until(mail, now);
    if (terms->hold_until_ms > now + session->server->max_hold_ms) {
        reason.rule = "limit-hold";
        smtp_answer_because(session, SMTP_HELD_TOO_LONG, TEXT(""), &reason, 1);
        return false;
    }
    if (terms->by == MAIL_BY_RETURN && mail->by_seconds * SECOND < session->server->least_by_ms) {
        reason.rule = "limit-deliver-by";
        smtp_answer_because(session, SMTP_BY_TOO_SHORT, TEXT(""), &reason, 1);
        return false;
    }
    /* RFC 4865 5.2: the time to deliver begins when the hold ends. */
    int64_t begin = terms->hold_until_ms > 0 ? terms->hold_until_ms : now;
    if (terms->by != MAIL_BY_NONE)
        terms->by_ms = at_least_1970(begin + mail->by_seconds * SECOND);
    session->transaction.is_trusted = peer_is_trusted(session);
    if (session->transaction.is_trusted)
        return true;
    /* RFC 4954 5: strangers can't say who a message is from; RFC 6710 5: nor that it is urgent, but
     * that theirs can wait does no harm. */
    if (!text_is_empty(terms->submitter))
        terms->submitter = TEXT("<>");
    if (terms->priority > 0)
        terms->priority = 0;
    return true;
}

void smtp_terms_complete(struct smtp_server_transaction *transaction)
{
    const struct smtp_intake *intake = &transaction->intake;
    const struct header_facts *facts = &intake->facts;
    struct mail_terms *terms = &transaction->envelope.terms;
    const struct body_scan *scan = &intake->scan;
    /* What is binary by name alone is spared the conversion at a next hop without BINARYMIME. */
    if (terms->body == MAIL_BODY_BINARY &&
        !(scan->has_nul || scan->has_bare || scan->has_long_line))
        terms->body = MAIL_BODY_7BIT;
    if (terms->body == MAIL_BODY_7BIT && intake->is_8bit)
        terms->body = MAIL_BODY_8BIT;
    terms->is_international = transaction->mail.terms.is_international &&
                              (transaction->has_international_address || facts->has_8bit_header);
    /* RFC 8689 4.1: the field gives way to the parameter. */
    terms->tls_is_optional = facts->tls_is_optional && !terms->requires_tls;
    /* RFC 6758: a tunnel through systems without MT-PRIORITY, for those who may use that. */
    if (facts->has_priority && transaction->is_trusted && !transaction->mail.has_priority)
        terms->priority = facts->priority;
}
