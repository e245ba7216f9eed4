/* IMAP before the login: the not authenticated state (RFC 9051 3.1). */
#include "proto/imap/imap.h"

#include "base/check.h"
#include "proto/imap/imap_capability.h"
#include "proto/imap/imap_lex.h"
#include "proto/line/login.h"

enum { LINE_MAX_BYTES = SASL_LINE_MAX, LITERALS_MAX = 4096, CAPABILITIES_MAX = 4096 };

struct imap_front {
    struct login_session login;
    /* of the command being served */
    struct imap_lex lex;
    struct text tag;
};

/* Answers */

static struct stream *stream_of(const struct imap_front *session)
{
    return session->login.line.stream;
}

static void answer(struct imap_front *session, const char *condition, const char *text)
{
    stream_printf(stream_of(session), "%.*s %s %s\r\n", TEXT_ARG(session->tag), condition, text);
}

static void answer_bad(struct imap_front *session, const char *text)
{
    answer(session, "BAD", text);
    line_count_error(&session->login.line);
}

/* Nothing may follow. False when answered. */
static bool takes_no_more(struct imap_front *session)
{
    if (imap_lex_end(&session->lex))
        return true;
    answer_bad(session, session->lex.error);
    return false;
}

/* Codes: RFC 5530 3. */
static const char *const refusals[LOGIN_REFUSALS] = {
    [LOGIN_BAD_ADDRESS] = "Your address is refused here",
    [LOGIN_TOO_MANY] = "[UNAVAILABLE] Too many connections",
    [LOGIN_UNKNOWN_HOST] = "[UNAVAILABLE] Your host's name can't be looked up now",
    [LOGIN_TLS_FIRST] = "[PRIVACYREQUIRED] STARTTLS first",
    [LOGIN_PASSWORD_IN_CLEAR] = "[PRIVACYREQUIRED] Passwords are taken under TLS only",
    [LOGIN_MECHANISM_IN_CLEAR] = "[PRIVACYREQUIRED] Not without TLS",
    [LOGIN_WRONG] = "[AUTHENTICATIONFAILED] User name or password is wrong",
    [LOGIN_SWITCHED_OFF] = "[CONTACTADMIN] IMAP is switched off for this user",
    [LOGIN_NOT_NOW] = "[UNAVAILABLE] Login is not possible at the moment, try later",
    [LOGIN_TLS_IS_ON] = "TLS is on already",
    [LOGIN_NO_TLS] = "TLS is not available",
    [LOGIN_CANCELLED] = "Login cancelled",
    [LOGIN_MALFORMED] = "Malformed response",
    [LOGIN_RESPONSE_TOO_LONG] = "Malformed response",
    [LOGIN_MECHANISM_UNKNOWN] = "[CANNOT] Mechanism not known",
};

static void say_refusal(struct login_session *login, enum login_refusal refusal,
                        const char *case_id)
{
    struct imap_front *session = login->line.context;
    const char *text = refusals[refusal];
    if (refusal <= LOGIN_AT_THE_DOOR)
        stream_printf(login->line.stream, "* BYE %s (mailroot %s)\r\n", text, case_id);
    else if (case_id[0] != '\0')
        stream_printf(login->line.stream, "%.*s NO %s (mailroot %s)\r\n", TEXT_ARG(session->tag),
                      text, case_id);
    else
        answer(session, refusal == LOGIN_MECHANISM_UNKNOWN ? "NO" : "BAD", text);
}

/* Write "CAPABILITY ..." between before and after. */
static void say_capabilities(struct imap_front *session, const char *before, const char *after,
                             bool is_logged_in)
{
    const struct login_session *login = &session->login;
    unsigned situation = IMAP_BEFORE_LOGIN | (login_offers_tls(login) ? IMAP_MAY_START_TLS : 0u) |
                         (login_takes_passwords(login) ? 0u : IMAP_REFUSES_LOGIN);
    struct imap_offer offer = {.situation = is_logged_in ? IMAP_AFTER_LOGIN : situation,
                               .append_bytes = login->server->max_append_bytes};
    if (!is_logged_in)
        offer.mechanisms = sasl_offers(login->line.stream, login->server);
    struct buffer out;
    buffer_init(&out, CAPABILITIES_MAX);
    imap_capability_put(&out, &offer);
    stream_printf(login->line.stream, "%s%.*s%s\r\n", before, (int)out.length, out.data, after);
    buffer_finish(&out);
}

static void greet(struct login_session *login)
{
    say_capabilities(login->line.context, "* OK [", "] mailroot IMAP ready", false);
}

static void say_opened(struct login_session *login)
{
    struct imap_front *session = login->line.context;
    struct text before = arena_printf(&login->line.arena, "%.*s OK [", TEXT_ARG(session->tag));
    say_capabilities(session, before.data, "] Logged in", true);
    session->tag = session->lex.rest = TEXT("");
}

static void say_goodbye(struct login_session *login)
{
    stream_write(login->line.stream, TEXT("* BYE Too many failed logins\r\n"));
}

/* Commands */

static void command_capability(struct imap_front *session)
{
    if (!takes_no_more(session))
        return;
    say_capabilities(session, "* ", "", false);
    answer(session, "OK", "That is what is offered");
}

static void command_noop(struct imap_front *session)
{
    if (takes_no_more(session))
        answer(session, "OK", "Nothing done");
}

static void command_logout(struct imap_front *session)
{
    if (!takes_no_more(session))
        return;
    stream_write(stream_of(session), TEXT("* BYE Goodbye\r\n"));
    answer(session, "OK", "Logged out");
    session->login.line.ended = true;
}

static void command_id(struct imap_front *session)
{
    imap_lex_id(&session->lex);
    if (!takes_no_more(session))
        return;
    stream_write(stream_of(session), TEXT("* ID (\"name\" \"mailroot\")\r\n"));
    answer(session, "OK", "Pleased to meet you");
}

static void command_starttls(struct imap_front *session)
{
    struct login_session *login = &session->login;
    if (!takes_no_more(session))
        return;
    if (!login_offers_tls(login)) {
        login_refuse(login, stream_is_tls(stream_of(session)) ? LOGIN_TLS_IS_ON : LOGIN_NO_TLS, "");
        return;
    }
    answer(session, "OK", "Begin TLS");
    login_start_tls(login);
}

static void command_login(struct imap_front *session)
{
    struct imap_lex *lex = &session->lex;
    session->login.line.met_secret = true;
    if (!login_takes_passwords(&session->login)) {
        login_refuse(&session->login, LOGIN_PASSWORD_IN_CLEAR, "no TLS");
        return;
    }
    imap_lex_space(lex);
    struct text user = imap_lex_astring(lex);
    imap_lex_space(lex);
    struct text password = imap_lex_astring(lex);
    if (takes_no_more(session))
        login_by_password(&session->login, user, password);
}

static void command_authenticate(struct imap_front *session)
{
    session->login.line.met_secret = true;
    imap_lex_space(&session->lex);
    struct text arguments = session->lex.rest;
    session->lex.rest = TEXT("");
    if (takes_no_more(session))
        login_by_sasl(&session->login, arguments);
}

static const struct {
    const char *verb;
    bool before_tls; /* also where the server asks for TLS first */
    void (*action)(struct imap_front *session);
} commands[] = {
    {"CAPABILITY", true, command_capability},
    {"NOOP", true, command_noop},
    {"LOGOUT", true, command_logout},
    {"ID", true, command_id},
    {"STARTTLS", true, command_starttls},
    {"LOGIN", false, command_login},
    {"AUTHENTICATE", false, command_authenticate},
};

static void run_command(struct imap_front *session, struct text verb)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (!text_equals_nocase(verb, text_from(commands[i].verb)))
            continue;
        session->login.verb = commands[i].verb;
        if (session->login.line.tls_first != 0 && !stream_is_tls(stream_of(session)) &&
            !commands[i].before_tls)
            login_refuse(&session->login, LOGIN_TLS_FIRST, "no TLS");
        else
            commands[i].action(session);
        return;
    }
    answer_bad(session, "Command not known, or not before the login");
}

static void serve(struct line_session *line)
{
    struct imap_front *session = line->context;
    struct text verb;
    session->login.verb = "?";
    imap_lex_begin(&session->lex, line, LITERALS_MAX);
    if (imap_lex_command(&session->lex, &session->tag, &verb)) {
        run_command(session, verb);
    } else {
        stream_write(line->stream, TEXT("* BAD A command begins with a tag\r\n"));
        line_count_error(line);
    }
    imap_lex_skip(&session->lex);
}

static void say_fault(struct line_session *line, enum line_fault fault,
                      const struct line_command *command)
{
    unused(command);
    imap_say_fault(line, fault);
}

static const struct line_dialect dialect = {
    .max_line = LINE_MAX_BYTES,
    .fault = say_fault,
    .serve = serve,
    .loggable = login_loggable,
};

static const struct login_protocol protocol = {
    .name = "imap",
    .texts = refusals,
    .dialect = &dialect,
    .tls_service = SERVICE_IMAPS,
    .prompt = "+ ",
    .succeeded = "OK",
    .greet = greet,
    .refuse = say_refusal,
    .opened = say_opened,
    .part = say_goodbye,
};

void imap_serve_front(struct line_front *front, const struct setting_server *server,
                      enum service service, struct stream *stream)
{
    struct imap_front session = {.login = {.protocol = &protocol,
                                           .front = front,
                                           .server = server,
                                           .service = service,
                                           .verb = "none"}};
    login_serve(&session.login, stream);
}
