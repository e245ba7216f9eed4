/* AUTH (RFC 4954). Secrets live on the stack of this one function, and nowhere in a log. */
#include "base/logline.h"
#include "proto/line/sasl.h"
#include "proto/smtp/smtp_session.h"

enum { LOGIN_TRIES_MAX = 3, LOGIN_DELAY_MS = 1000 };

bool smtp_offers_login(const struct smtp_session *session)
{
    bool is_safe = stream_is_tls(session->line.stream) || session->server->login_plain_without_tls;
    return session->service != SERVICE_LMTP && is_safe;
}

static bool may_log_in_now(struct smtp_session *session)
{
    if (session->login[0] != '\0')
        smtp_answer(session, SMTP_ALREADY_LOGGED_IN, TEXT(""));
    else if (session->transaction.state != SMTP_READY)
        smtp_answer(session, SMTP_IN_TRANSACTION, TEXT(""));
    else if (!smtp_offers_login(session))
        smtp_answer(session, SMTP_MECHANISM_NEEDS_TLS, TEXT(""));
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

static void check_login(struct smtp_session *session, const struct sasl_credentials *credentials)
{
    struct directory_login login = {
        .user = text_from(credentials->user),
        .password = text_from(credentials->password),
        .service = session->service,
        .session = session->id,
        .peer = text_from(session->peer),
    };
    switch (directory_login(session->front->role->auth, &login, -1, session->login)) {
    case OK:
        log_info("smtp.login", "peer=%s user=%s", log_text(login.peer),
                 log_text(text_from(session->login)));
        smtp_answer(session, SMTP_LOGGED_IN, TEXT(""));
        return;
    case REFUSED:
        session->login[0] = '\0';
        login_failed(session);
        return;
    case TRY_LATER:
        session->login[0] = '\0';
        smtp_answer(session, SMTP_LOGIN_LATER, TEXT(""));
        return;
    }
}

void smtp_command_auth(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct sasl_credentials credentials;
    if (!may_log_in_now(session))
        return;
    switch (sasl_exchange(line, arguments, "334 ", &credentials)) {
    case SASL_DONE:
        check_login(session, &credentials);
        break;
    case SASL_CANCELLED:
        smtp_answer(session, SMTP_LOGIN_CANCELLED, TEXT(""));
        break;
    case SASL_MALFORMED:
        smtp_answer(session, SMTP_BAD_BASE64, TEXT(""));
        break;
    case SASL_UNKNOWN:
        smtp_answer(session, SMTP_UNKNOWN_MECHANISM, TEXT(""));
        break;
    case SASL_ENDED:
        break;
    }
    sasl_forget(&credentials);
}
