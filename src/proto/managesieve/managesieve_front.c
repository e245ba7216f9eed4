/* ManageSieve before the login (RFC 5804 1, 2.1 to 2.4). */
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "directory/client.h"
#include "proto/imap/imap_lex.h"
#include "proto/line/sasl.h"
#include "proto/managesieve/managesieve.h"
#include "proto/managesieve/managesieve_write.h"
#include "queue/client.h"

enum {
    LINE_MAX_BYTES = SASL_LINE_MAX,
    LITERALS_MAX = SASL_LINE_MAX,
    LOGIN_TRIES_MAX = 3,
    LOGIN_DELAY_MS = 1000,
    STORY_MAX = 4096
};

struct front_session {
    struct line_session line;
    struct line_front *front;
    struct settings *settings; /* held */
    struct tls_context *tls;   /* held, or NULL */
    const struct setting_server *server;
    uint64_t id;
    char peer[NET_ADDRESS_TEXT_BYTES];
    unsigned failed_logins;
    struct imap_lex lex; /* of the command being served */
    const char *verb;    /* as the table has it; "?" for an unknown one */
};

/* Answers */

static void answer(struct front_session *session, const char *condition, const char *text)
{
    managesieve_answer(session->line.stream, condition, "", text_from(text));
}

static void answer_bad(struct front_session *session, const char *text)
{
    answer(session, "NO", text);
    line_count_error(&session->line);
}

static bool takes_no_more(struct front_session *session)
{
    if (imap_lex_end(&session->lex))
        return true;
    answer_bad(session, session->lex.error);
    return false;
}

/* A refusal that is no slip of the client carries a case id, under which the log and `mailroot
 * trace` have the story. */
static void refuse(struct front_session *session, const char *condition, const char *code,
                   const char *text, const char *why)
{
    char session_id[ID_TEXT_BYTES], case_id[ID_TEXT_BYTES];
    uint64_t id = line_front_id(session->front);
    struct buffer story;
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s peer=%s command=%s reply=%s reason=%s",
                  id_format(session->id, session_id), log_text(text_from(session->peer)),
                  session->verb, log_text(text_from(text)), log_text(text_from(why)));
    queue_story(session->front->role->store, id, TEXT("managesieve.refused"), buffer_text(&story));
    log_info("managesieve.refused", "case=%s %.*s", id_format(id, case_id), (int)story.length,
             story.data);
    buffer_finish(&story);
    managesieve_answer(
        session->line.stream, condition, code,
        arena_printf(&session->line.arena, "%s (mailroot %s)", text, id_format(id, case_id)));
}

/* What can be done now */

static bool offers_tls(const struct front_session *session)
{
    return session->tls != NULL && session->server->tls != TLS_NONE &&
           !stream_is_tls(session->line.stream);
}

/* RFC 5804 1.2, 2.2, 2.4: at the start, after TLS began, and when asked. */
static void say_capabilities(struct front_session *session, const char *text)
{
    managesieve_put_capabilities(session->line.stream,
                                 sasl_offers(session->line.stream, session->server),
                                 offers_tls(session), TEXT(""));
    answer(session, "OK", text);
}

/* The login */

/* From here on bytes are only copied; see imap_front.c. YIELDS. */
static void open_scripts(struct front_session *session, const char *user, int fd)
{
    struct stream *scripts = stream_new(fd, NULL);
    log_info("managesieve.login", "peer=%s user=%s", log_text(text_from(session->peer)),
             log_text(text_from(user)));
    answer(session, "OK", "Logged in");
    stream_set_deadline(session->line.stream, NO_DEADLINE);
    stream_flush(session->line.stream);
    stream_relay(session->line.stream, scripts);
    stream_close(&scripts);
    session->line.ended = true;
}

static void login_failed(struct front_session *session)
{
    session->failed_logins++;
    task_sleep(LOGIN_DELAY_MS * (int64_t)session->failed_logins);
    refuse(session, "NO", "", "User name or password is wrong", "authentication failed");
    if (session->failed_logins < LOGIN_TRIES_MAX)
        return;
    answer(session, "BYE", "Too many failed logins");
    session->line.ended = true;
}

static void login_not_now(struct front_session *session)
{
    if (directory_service_is_off())
        refuse(session, "NO", "", "ManageSieve is switched off for this user", fail_reason());
    else
        refuse(session, "NO", "(TRYLATER)", "Login is not possible at the moment", fail_reason());
}

/* YIELDS. */
static void hand_over(struct front_session *session, const struct sasl_login *login)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        try_later("no socket pair: %m");
        login_not_now(session);
    } else if (directory_sasl_session(session->front->role->auth, login->exchange, pair[1]) == OK) {
        open_scripts(session, login->user, pair[0]);
    } else {
        close(pair[0]);
        login_not_now(session);
    }
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

static void exchange(struct front_session *session, struct text arguments)
{
    const struct setting_server *server = session->server;
    struct sasl_session sasl = {.line = &session->line,
                                .auth = session->front->role->auth,
                                .server = server,
                                .service = SERVICE_MANAGESIEVE,
                                .id = session->id,
                                .peer = text_from(session->peer),
                                .host = text_is_empty(server->host) ? session->settings->host
                                                                    : server->host,
                                .prompt = "\"",
                                .prompt_end = "\"",
                                .read = read_response};
    struct sasl_login login;
    switch (sasl_exchange(&sasl, arguments, &login)) {
    case SASL_DONE:
        hand_over(session, &login);
        break;
    case SASL_CANCELLED:
        answer_bad(session, "Login cancelled");
        break;
    case SASL_MALFORMED:
        answer_bad(session, "Malformed response");
        break;
    case SASL_TOO_LONG:
        answer_bad(session, "The response is too long");
        break;
    case SASL_UNKNOWN:
        answer_bad(session, "Mechanism not known");
        break;
    case SASL_NEEDS_TLS:
        refuse(session, "NO", "(ENCRYPT-NEEDED)", "Not without TLS", "no TLS");
        break;
    case SASL_FAILED:
        login_failed(session);
        break;
    case SASL_LATER:
        login_not_now(session);
        break;
    case SASL_ENDED:
        break;
    }
}

/* Commands */

static void command_authenticate(struct front_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct text initial = TEXT("");
    session->line.met_secret = true;
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
    exchange(session, arena_printf(&session->line.arena, "%.*s %.*s", TEXT_ARG(mechanism),
                                   TEXT_ARG(initial)));
}

static void command_starttls(struct front_session *session)
{
    size_t discarded = 0;
    if (!takes_no_more(session))
        return;
    if (!offers_tls(session)) {
        answer_bad(session, stream_is_tls(session->line.stream) ? "TLS is on already"
                                                                : "TLS is not available");
        return;
    }
    answer(session, "OK", "Begin TLS");
    if (stream_start_tls(session->line.stream, session->tls, "managesieve", &discarded) != OK) {
        log_info("managesieve.tls-failed", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 log_text(text_from(fail_reason())));
        session->line.ended = true;
        return;
    }
    if (discarded > 0)
        log_warning("managesieve.injection", "peer=%s discarded=%zu",
                    log_text(text_from(session->peer)), discarded);
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
        managesieve_answer_noop(session->line.stream, has_tag, tag);
}

static void command_logout(struct front_session *session)
{
    if (!takes_no_more(session))
        return;
    answer(session, "OK", "Goodbye");
    session->line.ended = true;
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
    bool needs_tls = session->line.tls_first != 0 && !stream_is_tls(session->line.stream);
    for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (!text_equals_nocase(verb, text_from(commands[i].verb)))
            continue;
        session->verb = commands[i].verb;
        if (needs_tls && !commands[i].before_tls)
            refuse(session, "NO", "(ENCRYPT-NEEDED)", "STARTTLS first", "no TLS");
        else
            commands[i].action(session);
        return;
    }
    answer_bad(session, "Command not known, or not before the login");
}

static void serve(struct line_session *line)
{
    struct front_session *session = line->context;
    session->verb = "?";
    imap_lex_begin(&session->lex, line, LITERALS_MAX);
    run_command(session, imap_lex_atom(&session->lex));
    imap_lex_skip(&session->lex);
}

static const struct line_dialect dialect = {
    .max_line = LINE_MAX_BYTES,
    .fault = managesieve_say_fault,
    .serve = serve,
};

/* The session */

static bool is_refused(const struct front_session *session)
{
    const struct setting_server *server = session->server;
    for (unsigned i = 0; i < server->refused_network_count; i++)
        if (net_network_contains(&server->refused_networks[i], stream_peer(session->line.stream)))
            return true;
    return false;
}

static void turn_away(struct front_session *session, const char *code, const char *text,
                      const char *why)
{
    session->verb = "none";
    refuse(session, "BYE", code, text, why);
    line_part(&session->line);
}

static void serve_peer(struct front_session *session)
{
    struct line_seat seat;
    const struct net_address *peer = stream_peer(session->line.stream);
    if (is_refused(session)) {
        turn_away(session, "", "Your address is refused here", "refuse network");
    } else if (!line_seat_take(&seat, session->front, session->server, peer)) {
        turn_away(session, "(TRYLATER)", "Too many connections", fail_reason());
    } else {
        say_capabilities(session, "mailroot ManageSieve ready");
        line_run(&session->line);
        line_seat_give_back(&seat);
    }
}

void managesieve_serve_front(struct line_front *front, const struct setting_server *server,
                             struct stream *stream)
{
    struct role_context *role = front->role;
    struct front_session session = {
        .front = front,
        .settings = settings_hold(role->settings),
        .tls = tls_hold(role_server_tls(role, server)),
        .server = server,
        .id = line_front_id(front),
    };
    net_address_text(stream_peer(stream), session.peer);
    line_init(&session.line, stream, &dialect, &session);
    session.line.idle_ms = server->idle_ms;
    session.line.max_errors = server->max_errors;
    session.line.tls_first = line_tls_first(server) != 0 ? LINE_TLS_FIRST : 0;
    if (server->session_ms > 0)
        session.line.ends_ms = clock_monotonic_ms() + server->session_ms;
    serve_peer(&session);
    line_finish(&session.line);
    tls_release(&session.tls);
    settings_release(&session.settings);
}
