/* AUTH (RFC 4954). Secrets are in the buffers of the exchange alone, and nowhere in a log. */
#include "base/logline.h"
#include "proto/line/sasl.h"
#include "proto/smtp/server/smtp_session.h"

enum { LOGIN_TRIES_MAX = 3, LOGIN_DELAY_MS = 1000 };

static struct sasl_session sasl_session_of(struct smtp_session *session)
{
    return (struct sasl_session){.line = &session->line,
                                 .auth = session->front->role->auth,
                                 .server = session->server,
                                 .service = session->service,
                                 .id = session->id,
                                 .peer = text_from(session->peer),
                                 .host = session->host,
                                 .prompt = "334 "};
}

bool smtp_offers_login(const struct smtp_session *session)
{
    bool tls_first = (session->line.tls_first & (LINE_TLS_FIRST | LINE_SECRET)) != 0;
    return session->service != SERVICE_LMTP && session->service != SERVICE_FETCHED &&
           (!tls_first || stream_is_tls(session->line.stream)) &&
           sasl_offers(session->line.stream, session->server) != 0;
}

static bool may_log_in_now(struct smtp_session *session)
{
    if (session->login[0] != '\0')
        smtp_answer(session, SMTP_ALREADY_LOGGED_IN, TEXT(""));
    else if (session->transaction.state != SMTP_READY)
        smtp_answer(session, SMTP_IN_TRANSACTION, TEXT(""));
    else
        return true;
    return false;
}

/* Each guess costs more than the one before, and the third is the last. YIELDS. */
static void login_failed(struct smtp_session *session)
{
    session->failed_logins++;
    task_sleep(LOGIN_DELAY_MS * (int64_t)session->failed_logins);
    smtp_answer(session, SMTP_LOGIN_FAILED, TEXT(""));
    if (session->failed_logins < LOGIN_TRIES_MAX)
        return;
    session->line.ended = true;
    smtp_answer(session, SMTP_MANY_LOGINS, TEXT(""));
}

static void logged_in(struct smtp_session *session, const struct sasl_login *login)
{
    text_copy(text_from(login->user), session->login, sizeof(session->login));
    log_info("smtp.login", "peer=%s user=%s verb=%s mechanism=%s",
             log_text(text_from(session->peer)), log_text(text_from(login->user)),
             session->line.command->verb, mechanism_rows[login->mechanism].name);
    smtp_answer(session, SMTP_LOGGED_IN, TEXT(""));
}

static void login_later(struct smtp_session *session)
{
    struct decision_reason reason = {.rule = "login", .fact = text_from(fail_reason())};
    reason.fact = arena_copy(&session->line.arena, reason.fact);
    smtp_answer_because(session, SMTP_LOGIN_LATER, TEXT(""), &reason, 1);
}

/* YIELDS. */
static void exchange(struct smtp_session *session, const struct sasl_session *sasl,
                     struct text arguments)
{
    struct sasl_login login;
    switch (sasl_exchange(sasl, arguments, &login)) {
    case SASL_DONE:
        logged_in(session, &login);
        break;
    case SASL_CANCELLED:
        smtp_answer(session, SMTP_LOGIN_CANCELLED, TEXT(""));
        break;
    case SASL_TOO_LONG:
        smtp_answer(session, SMTP_LOGIN_TOO_LONG, TEXT(""));
        break;
    case SASL_MALFORMED:
        smtp_answer(session, SMTP_BAD_BASE64, TEXT(""));
        break;
    case SASL_UNKNOWN:
        smtp_answer(session, SMTP_UNKNOWN_MECHANISM, TEXT(""));
        break;
    case SASL_NEEDS_TLS:
        smtp_answer(session, SMTP_MECHANISM_NEEDS_TLS, TEXT(""));
        break;
    case SASL_FAILED:
        login_failed(session);
        break;
    case SASL_LATER:
        login_later(session);
        break;
    case SASL_ENDED:
        break;
    }
}

void smtp_command_auth(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct sasl_session sasl = sasl_session_of(session);
    if (may_log_in_now(session))
        exchange(session, &sasl, arguments);
}

/* What Exchange has there. Whether it makes the peer one of ours the settings say (smtp_peer.h). */
static const uint32_t exps_mechanisms = MECHANISM_BIT(MECHANISM_GSSAPI) |
                                        MECHANISM_BIT(MECHANISM_NTLM) |
                                        MECHANISM_BIT(MECHANISM_LOGIN);

uint32_t smtp_exps_mechanisms(const struct smtp_session *session)
{
    return smtp_offers_login(session)
               ? sasl_offers(session->line.stream, session->server) & exps_mechanisms
               : 0;
}

void smtp_command_exps(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct sasl_session sasl = sasl_session_of(session);
    sasl.only = exps_mechanisms;
    sasl.is_exps = true;
    if (may_log_in_now(session))
        exchange(session, &sasl, arguments);
}
