/* ManageSieve before the login (RFC 5804 1, 2.1 to 2.4). */
#include "proto/imap/imap_lex.h"
#include "proto/line/login.h"
#include "proto/managesieve/managesieve.h"
#include "proto/managesieve/managesieve_write.h"

enum { LINE_MAX_BYTES = SASL_LINE_MAX, LITERALS_MAX = SASL_LINE_MAX };

struct front_session {
    struct login_session login;
    struct imap_lex lex; /* of the command being served */
};

/* Answers */

static struct stream *stream_of(const struct front_session *session)
{
    return session->login.line.stream;
}

static void answer(struct front_session *session, const char *condition, const char *text)
{
    managesieve_answer(stream_of(session), condition, "", text_from(text));
}

static void answer_bad(struct front_session *session, const char *text)
{
    answer(session, "NO", text);
    line_count_error(&session->login.line);
}

static bool takes_no_more(struct front_session *session)
{
    if (imap_lex_end(&session->lex))
        return true;
    answer_bad(session, session->lex.error);
    return false;
}

static const char *const refusals[LOGIN_REFUSALS] = {
    [LOGIN_BAD_ADDRESS] = "Your address is refused here",
    [LOGIN_TOO_MANY] = "Too many connections",
    [LOGIN_UNKNOWN_HOST] = "Your host's name can't be looked up now",
    [LOGIN_TLS_FIRST] = "STARTTLS first",
    [LOGIN_MECHANISM_IN_CLEAR] = "Not without TLS",
    [LOGIN_WRONG] = "User name or password is wrong",
    [LOGIN_SWITCHED_OFF] = "ManageSieve is switched off for this user",
    [LOGIN_NOT_NOW] = "Login is not possible at the moment",
    [LOGIN_TLS_IS_ON] = "TLS is on already",
    [LOGIN_NO_TLS] = "TLS is not available",
    [LOGIN_CANCELLED] = "Login cancelled",
    [LOGIN_MALFORMED] = "Malformed response",
    [LOGIN_RESPONSE_TOO_LONG] = "The response is too long",
    [LOGIN_MECHANISM_UNKNOWN] = "Mechanism not known",
};

/* RFC 5804 1.3 */
static const char *const codes[LOGIN_REFUSALS] = {
    [LOGIN_TOO_MANY] = "(TRYLATER)",
    [LOGIN_UNKNOWN_HOST] = "(TRYLATER)",
    [LOGIN_NOT_NOW] = "(TRYLATER)",
    [LOGIN_TLS_FIRST] = "(ENCRYPT-NEEDED)",
    [LOGIN_MECHANISM_IN_CLEAR] = "(ENCRYPT-NEEDED)",
};

static void say_refusal(struct login_session *login, enum login_refusal refusal,
                        const char *case_id)
{
    bool at_the_door = refusal <= LOGIN_AT_THE_DOOR;
    const char *code = codes[refusal] != NULL ? codes[refusal] : "";
    struct text text = text_from(refusals[refusal]);
    if (case_id[0] != '\0')
        text = arena_printf(&login->line.arena, "%s (mailroot %s)", refusals[refusal], case_id);
    managesieve_answer(login->line.stream, at_the_door ? "BYE" : "NO", code, text);
}

/* RFC 5804 1.2, 2.2, 2.4: at the start, after TLS began, and when asked. */
static void say_capabilities(struct front_session *session, const char *text)
{
    managesieve_put_capabilities(stream_of(session),
                                 sasl_offers(stream_of(session), session->login.server),
                                 login_offers_tls(&session->login), TEXT(""));
    answer(session, "OK", text);
}

static void greet(struct login_session *login)
{
    say_capabilities(login->line.context, "mailroot ManageSieve ready");
}

static void say_opened(struct login_session *login)
{
    answer(login->line.context, "OK", "Logged in");
}

static void say_goodbye(struct login_session *login)
{
    answer(login->line.context, "BYE", "Too many failed logins");
}

/* RFC 5804 2.1: a response is a string on a line of its own, as our challenge is. YIELDS. */
static enum status read_response(struct line_session *line, struct text *response,
                                 enum line_fault *fault)
{
    struct imap_lex lex;
    enum status status = line_read_why(line, &line->line, fault);
    if (status != OK)
        return status;
    *fault = LINE_BAD_BYTES;
    imap_lex_begin(&lex, line, LITERALS_MAX);
    *response = imap_lex_string(&lex);
    if (lex.ended)
        return try_later("the session is over");
    return imap_lex_end(&lex) ? OK : refused("%s", lex.error);
}

/* Commands */

static void command_authenticate(struct front_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct text initial = TEXT("");
    session->login.line.met_secret = true;
    imap_lex_space(lex);
    struct text mechanism = imap_lex_string(lex);
    bool has_initial = imap_lex_more(lex);
    if (has_initial)
        initial = imap_lex_string(lex);
    if (!takes_no_more(session))
        return;
    /* An initial response of no bytes, as sasl_exchange wants it told. */
    if (has_initial && text_is_empty(initial))
        initial = TEXT("=");
    login_by_sasl(&session->login, arena_printf(&session->login.line.arena, "%.*s %.*s",
                                                TEXT_ARG(mechanism), TEXT_ARG(initial)));
}

static void command_starttls(struct front_session *session)
{
    struct login_session *login = &session->login;
    if (!takes_no_more(session))
        return;
    if (!login_offers_tls(login)) {
        login_refuse(login, stream_is_tls(stream_of(session)) ? LOGIN_TLS_IS_ON : LOGIN_NO_TLS, "");
        return;
    }
    answer(session, "OK", "Begin TLS");
    if (login_start_tls(login))
        say_capabilities(session, "TLS is on");
}

static void command_capability(struct front_session *session)
{
    if (takes_no_more(session))
        say_capabilities(session, "That is what is offered");
}

/* RFC 5804 2.13: what the client sends along comes back. */
static void command_noop(struct front_session *session)
{
    struct text tag = TEXT("");
    bool has_tag = imap_lex_more(&session->lex);
    if (has_tag)
        tag = imap_lex_string(&session->lex);
    if (takes_no_more(session))
        managesieve_answer_noop(stream_of(session), has_tag, tag);
}

static void command_logout(struct front_session *session)
{
    if (!takes_no_more(session))
        return;
    answer(session, "OK", "Goodbye");
    session->login.line.ended = true;
}

static const struct {
    const char *verb;
    bool before_tls; /* also where the server asks for TLS first */
    void (*action)(struct front_session *session);
} commands[] = {
    {"AUTHENTICATE", false, command_authenticate},
    {"STARTTLS", true, command_starttls},
    {"CAPABILITY", true, command_capability},
    {"NOOP", true, command_noop},
    {"LOGOUT", true, command_logout},
};

static void run_command(struct front_session *session, struct text verb)
{
    bool needs_tls = session->login.line.tls_first != 0 && !stream_is_tls(stream_of(session));
    for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (!text_equals_nocase(verb, text_from(commands[i].verb)))
            continue;
        session->login.verb = commands[i].verb;
        if (needs_tls && !commands[i].before_tls)
            login_refuse(&session->login, LOGIN_TLS_FIRST, "no TLS");
        else
            commands[i].action(session);
        return;
    }
    answer_bad(session, "Command not known, or not before the login");
}

static void serve(struct line_session *line)
{
    struct front_session *session = line->context;
    session->login.verb = "?";
    imap_lex_begin(&session->lex, line, LITERALS_MAX);
    run_command(session, imap_lex_atom(&session->lex));
    imap_lex_skip(&session->lex);
}

static const struct line_dialect dialect = {
    .max_line = LINE_MAX_BYTES,
    .fault = managesieve_say_fault,
    .serve = serve,
    .loggable = login_loggable,
};

static const struct login_protocol protocol = {
    .name = "managesieve",
    .texts = refusals,
    .dialect = &dialect,
    .tls_service = -1,
    .prompt = "\"",
    .prompt_end = "\"",
    .read = read_response,
    .succeeded = "OK",
    .greet = greet,
    .refuse = say_refusal,
    .opened = say_opened,
    .part = say_goodbye,
};

void managesieve_serve_front(struct line_front *front, const struct setting_server *server,
                             struct stream *stream)
{
    struct front_session session = {.login = {.protocol = &protocol,
                                              .front = front,
                                              .server = server,
                                              .service = SERVICE_MANAGESIEVE,
                                              .verb = "none"}};
    login_serve(&session.login, stream);
}
