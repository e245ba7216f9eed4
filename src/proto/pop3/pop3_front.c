/* POP3 before the login: AUTHORIZATION state. */
#include "base/check.h"
#include "base/clock.h"
#include "proto/line/login.h"
#include "proto/pop3/pop3.h"

enum { LINE_MAX_BYTES = SASL_LINE_MAX };
enum { STATE_AUTHORIZATION = 1 };

struct pop3_front {
    struct login_session login;
    char user[DIRECTORY_USER_MAX]; /* from USER, or "" */
};

static struct pop3_front *pop3_front(struct line_session *line)
{
    return line->context;
}

/* Answers */

static void say_ok(struct pop3_front *session, const char *text)
{
    stream_printf(session->login.line.stream, "+OK %s\r\n", text);
}

static void say_error(struct pop3_front *session, const char *text)
{
    stream_printf(session->login.line.stream, "-ERR %s\r\n", text);
}

/* Codes: RFC 2449 8, RFC 3206 4. */
static const char *const refusals[LOGIN_REFUSALS] = {
    [LOGIN_BAD_ADDRESS] = "[SYS/PERM] Your address is refused here",
    [LOGIN_TOO_MANY] = "[SYS/TEMP] Too many connections",
    [LOGIN_UNKNOWN_HOST] = "[SYS/TEMP] Your host's name can't be looked up now",
    [LOGIN_PASSWORD_IN_CLEAR] = "[AUTH] Passwords are taken under TLS only",
    [LOGIN_MECHANISM_IN_CLEAR] = "[AUTH] Not without TLS",
    [LOGIN_WRONG] = "[AUTH] User name or password is wrong",
    [LOGIN_SWITCHED_OFF] = "[SYS/PERM] POP3 is switched off for this user",
    [LOGIN_NOT_NOW] = "[SYS/TEMP] Login is not possible at the moment, try later",
    [LOGIN_TLS_IS_ON] = "TLS is on already",
    [LOGIN_NO_TLS] = "TLS is not available",
    [LOGIN_CANCELLED] = "Login cancelled",
    [LOGIN_MALFORMED] = "Malformed response",
    [LOGIN_RESPONSE_TOO_LONG] = "Malformed response",
    [LOGIN_MECHANISM_UNKNOWN] = "Mechanism not known",
};

static void say_refusal(struct login_session *login, enum login_refusal refusal,
                        const char *case_id)
{
    struct pop3_front *session = login->line.context;
    session->user[0] = '\0'; /* the login begins anew */
    if (case_id[0] != '\0')
        stream_printf(login->line.stream, "-ERR %s (mailroot %s)\r\n", refusals[refusal], case_id);
    else
        say_error(session, refusals[refusal]);
}

static void greet(struct login_session *login)
{
    say_ok(login->line.context, "mailroot POP3 ready");
}

/* The store tells how many messages there are. */
static void opened(struct login_session *login)
{
    stream_set_deadline(login->line.stream, login->line.ends_ms);
}

/* Commands */

static void command_user(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    if (!login_takes_passwords(&session->login))
        login_refuse(&session->login, LOGIN_PASSWORD_IN_CLEAR, "no TLS");
    else if (text_is_empty(arguments) || !text_copy(arguments, session->user, DIRECTORY_USER_MAX))
        say_error(session, "USER needs a name");
    else
        say_ok(session, "Password?"); /* the same for every name: who exists is not told */
}

static void command_pass(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    if (session->user[0] == '\0')
        say_error(session, "USER first");
    else if (text_is_empty(arguments))
        say_error(session, "PASS needs a password");
    else /* RFC 1939 7: the argument is one, spaces included */
        login_by_password(&session->login, text_from(session->user), arguments);
}

/* RFC 5034 4: AUTH alone lists the mechanisms, as older clients ask. */
static void list_mechanisms(struct pop3_front *session)
{
    uint32_t offers = sasl_offers(session->login.line.stream, session->login.server);
    say_ok(session, "Mechanisms follow");
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++)
        if ((offers & MECHANISM_BIT(i)) != 0)
            stream_printf(session->login.line.stream, "%s\r\n", mechanism_rows[i].name);
    stream_write(session->login.line.stream, TEXT(".\r\n"));
}

static void command_auth(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    if (text_is_empty(text_trim(arguments)))
        list_mechanisms(session);
    else
        login_by_sasl(&session->login, arguments);
}

static void list_sasl(struct pop3_front *session)
{
    uint32_t offers = sasl_offers(session->login.line.stream, session->login.server);
    struct buffer names;
    buffer_init(&names, 500);
    mechanism_write(offers, &names);
    if (offers != 0)
        stream_printf(session->login.line.stream, "SASL %.*s\r\n", (int)names.length, names.data);
    buffer_finish(&names);
}

/* Whose terms they are is not known yet; RFC 2449 6.7, 6.8: the strictest of any user, as far as
 * domains set them. */
static int64_t least_expiry(const struct pop3_front *session)
{
    const struct settings *settings = session->login.settings;
    int64_t least = 0;
    for (unsigned i = 0; i < settings->domain_count; i++) {
        int64_t expiry = settings->domains[i].pop3_expire_ms;
        if (expiry > 0 && (least == 0 || expiry < least))
            least = expiry;
    }
    return least;
}

static int64_t most_delay(const struct pop3_front *session)
{
    const struct settings *settings = session->login.settings;
    int64_t most = 0;
    for (unsigned i = 0; i < settings->domain_count; i++)
        most =
            settings->domains[i].pop3_delay_ms > most ? settings->domains[i].pop3_delay_ms : most;
    return most;
}

static void command_capa(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    unused(arguments);
    say_ok(session, "Capabilities follow");
    stream_write(line->stream, TEXT("TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                                    "PIPELINING\r\n"));
    pop3_put_terms(line->stream, least_expiry(session), most_delay(session), true);
    if (login_offers_tls(&session->login))
        stream_write(line->stream, TEXT("STLS\r\n"));
    if (login_takes_passwords(&session->login))
        stream_write(line->stream, TEXT("USER\r\n"));
    list_sasl(session);
    stream_write(line->stream, TEXT("IMPLEMENTATION mailroot\r\n.\r\n"));
}

/* RFC 2595 4. What was said in plain text, the user's name included, is forgotten. */
static void command_stls(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    unused(arguments);
    session->user[0] = '\0';
    if (!login_offers_tls(&session->login)) {
        login_refuse(&session->login, stream_is_tls(line->stream) ? LOGIN_TLS_IS_ON : LOGIN_NO_TLS,
                     "");
        return;
    }
    say_ok(session, "Begin TLS");
    login_start_tls(&session->login);
}

static void command_quit(struct line_session *line, struct text arguments)
{
    unused(arguments);
    line->ended = true;
    say_ok(pop3_front(line), "Goodbye");
}

static const struct line_command commands[] = {
    {"CAPA", STATE_AUTHORIZATION, 0, command_capa},
    {"STLS", STATE_AUTHORIZATION, 0, command_stls},
    {"USER", STATE_AUTHORIZATION, LINE_TLS_FIRST, command_user},
    {"PASS", STATE_AUTHORIZATION, LINE_TLS_FIRST | LINE_SECRET, command_pass},
    {"AUTH", STATE_AUTHORIZATION, LINE_TLS_FIRST | LINE_SECRET, command_auth},
    {"QUIT", STATE_AUTHORIZATION, 0, command_quit},
};

static unsigned current_state(const struct line_session *line)
{
    unused(line);
    return STATE_AUTHORIZATION;
}

static void say_fault(struct line_session *line, enum line_fault fault,
                      const struct line_command *command)
{
    static const char *const texts[] = {
        [LINE_TOO_LONG] = "Line too long",
        [LINE_BAD_BYTES] = "A line ends with CRLF and holds no control bytes",
        [LINE_UNKNOWN] = "Command not known, or not before the login",
        [LINE_WRONG_STATE] = "Not now",
        [LINE_NEEDS_TLS] = "[AUTH] STLS first",
        [LINE_MANY_ERRORS] = "[SYS/PERM] Too many errors, closing",
        [LINE_SILENT] = "[SYS/TEMP] Nothing heard for too long, closing",
        [LINE_TOO_OLD] = "[SYS/TEMP] The session took too long, closing",
        [LINE_SHUTTING_DOWN] = "[SYS/TEMP] Shutting down, come back soon",
    };
    unused(command);
    say_error(pop3_front(line), texts[fault]);
}

static const struct line_dialect dialect = {
    .commands = commands,
    .command_count = sizeof(commands) / sizeof(commands[0]),
    .max_line = LINE_MAX_BYTES,
    .state = current_state,
    .fault = say_fault,
};

static const struct login_protocol protocol = {
    .name = "pop3",
    .texts = refusals,
    .dialect = &dialect,
    .tls_service = SERVICE_POP3S,
    .least_idle_ms = 10 * MINUTE, /* RFC 1939 3 */
    .prompt = "+ ",
    .succeeded = "+OK",
    .greet = greet,
    .refuse = say_refusal,
    .opened = opened,
};

void pop3_serve_front(struct line_front *front, const struct setting_server *server,
                      enum service service, struct stream *stream)
{
    struct pop3_front session = {
        .login = {.protocol = &protocol, .front = front, .server = server, .service = service}};
    login_serve(&session.login, stream);
}
