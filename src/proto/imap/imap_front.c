/* IMAP before the login: the not authenticated state (RFC 9051 3.1). */
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "directory/client.h"
#include "proto/imap/imap.h"
#include "proto/imap/imap_capability.h"
#include "proto/imap/imap_lex.h"
#include "proto/line/line.h"
#include "proto/line/sasl.h"
#include "queue/client.h"

enum {
    LINE_MAX_BYTES = SASL_LINE_MAX,
    LITERALS_MAX = 4096,
    CAPABILITIES_MAX = 4096,
    LOGIN_TRIES_MAX = 3,
    LOGIN_DELAY_MS = 1000,
    STORY_MAX = 4096
};

struct imap_front {
    struct line_session line;
    struct line_front *front;
    struct settings *settings; /* held */
    struct tls_context *tls;   /* held, or NULL */
    const struct setting_server *server;
    enum service service;
    uint64_t id;
    char peer[NET_ADDRESS_TEXT_BYTES];
    unsigned failed_logins;
    /* of the command being served */
    struct imap_lex lex;
    struct text tag;
    const char *verb; /* as the table has it; "?" for an unknown one */
};

/* Answers */

static void answer(struct imap_front *session, const char *condition, const char *text)
{
    stream_printf(session->line.stream, "%.*s %s %s\r\n", TEXT_ARG(session->tag), condition, text);
}

static void answer_bad(struct imap_front *session, const char *text)
{
    answer(session, "BAD", text);
    line_count_error(&session->line);
}

/* Nothing may follow. False when answered. */
static bool takes_no_more(struct imap_front *session)
{
    if (imap_lex_end(&session->lex))
        return true;
    answer_bad(session, session->lex.error);
    return false;
}

/* A refusal that is not a slip of the client ends with a case id under which the log and `mailroot
 * trace` have the story. Returns it, in out. */
static const char *tell(struct imap_front *session, const char *text, const char *why,
                        char out[ID_TEXT_BYTES])
{
    char session_id[ID_TEXT_BYTES];
    uint64_t id = line_front_id(session->front);
    struct buffer story;
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s peer=%s command=%s reply=%s reason=%s",
                  id_format(session->id, session_id), log_text(text_from(session->peer)),
                  session->verb, log_text(text_from(text)), log_text(text_from(why)));
    queue_story(session->front->role->store, id, TEXT("imap.refused"), buffer_text(&story));
    log_info("imap.refused", "case=%s %.*s", id_format(id, out), (int)story.length, story.data);
    buffer_finish(&story);
    return out;
}

static void refuse(struct imap_front *session, const char *text, const char *why)
{
    char case_id[ID_TEXT_BYTES];
    tell(session, text, why, case_id);
    stream_printf(session->line.stream, "%.*s NO %s (mailroot %s)\r\n", TEXT_ARG(session->tag),
                  text, case_id);
}

/* What can be done now */

/* By the LOGIN command. */
static bool takes_passwords(const struct imap_front *session)
{
    return sasl_takes_passwords(session->line.stream, session->server);
}

static bool offers_tls(const struct imap_front *session)
{
    return session->tls != NULL && session->server->tls != TLS_NONE &&
           !stream_is_tls(session->line.stream);
}

/* Write "CAPABILITY ..." between before and after. */
static void say_capabilities(struct imap_front *session, const char *before, const char *after,
                             bool is_logged_in)
{
    unsigned situation = IMAP_BEFORE_LOGIN | (offers_tls(session) ? IMAP_MAY_START_TLS : 0u) |
                         (takes_passwords(session) ? 0u : IMAP_REFUSES_LOGIN);
    struct imap_offer offer = {.situation = is_logged_in ? IMAP_AFTER_LOGIN : situation,
                               .append_bytes = session->server->max_append_bytes};
    if (!is_logged_in)
        offer.mechanisms = sasl_offers(session->line.stream, session->server);
    struct buffer out;
    buffer_init(&out, CAPABILITIES_MAX);
    imap_capability_put(&out, &offer);
    stream_printf(session->line.stream, "%s%.*s%s\r\n", before, (int)out.length, out.data, after);
    buffer_finish(&out);
}

/* The login */

/* From here on bytes are only copied, what the client pipelined behind its password included. How
 * long a session may last and be silent is from now on the store's to say. YIELDS. */
static void open_mailboxes(struct imap_front *session, const char *user, int fd)
{
    struct stream *mailboxes = stream_new(fd, NULL);
    struct text before = arena_printf(&session->line.arena, "%.*s OK [", TEXT_ARG(session->tag));
    log_info("imap.login", "peer=%s user=%s", log_text(text_from(session->peer)),
             log_text(text_from(user)));
    say_capabilities(session, before.data, "] Logged in", true);
    stream_set_deadline(session->line.stream, NO_DEADLINE);
    stream_flush(session->line.stream);
    /* A session may idle for days: nothing of the login need stay in memory. */
    session->tag = session->lex.rest = TEXT("");
    arena_finish(&session->line.arena);
    task_trim_stack();
    stream_relay(session->line.stream, mailboxes);
    stream_close(&mailboxes);
    session->line.ended = true;
}

static void login_failed(struct imap_front *session)
{
    session->failed_logins++;
    task_sleep(LOGIN_DELAY_MS * (int64_t)session->failed_logins);
    refuse(session, "[AUTHENTICATIONFAILED] User name or password is wrong",
           "authentication failed");
    if (session->failed_logins < LOGIN_TRIES_MAX)
        return;
    stream_write(session->line.stream, TEXT("* BYE Too many failed logins\r\n"));
    session->line.ended = true;
}

static void login_not_now(struct imap_front *session)
{
    /* RFC 5530 3 */
    refuse(session,
           directory_service_is_off()
               ? "[CONTACTADMIN] IMAP is switched off for this user"
               : "[UNAVAILABLE] Login is not possible at the moment, try later",
           fail_reason());
}

static bool make_pair(struct imap_front *session, int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0)
        return true;
    try_later("no socket pair: %m");
    login_not_now(session);
    return false;
}

static void log_in(struct imap_front *session, struct text user, struct text password)
{
    char canonical[DIRECTORY_USER_MAX];
    int pair[2];
    struct directory_login login = {
        .user = user,
        .password = password,
        .service = session->service,
        .session = session->id,
        .peer = text_from(session->peer),
    };
    if (!make_pair(session, pair))
        return;
    enum status status = directory_login(session->front->role->auth, &login, pair[1], canonical);
    if (status == OK) {
        open_mailboxes(session, canonical, pair[0]);
        return;
    }
    close(pair[0]);
    if (status == REFUSED)
        login_failed(session);
    else
        login_not_now(session);
}

/* After SASL. YIELDS. */
static void hand_over(struct imap_front *session, const struct sasl_login *login)
{
    int pair[2];
    if (!make_pair(session, pair))
        return;
    if (directory_sasl_session(session->front->role->auth, login->exchange, pair[1]) == OK) {
        open_mailboxes(session, login->user, pair[0]);
        return;
    }
    close(pair[0]);
    login_not_now(session);
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
    stream_write(session->line.stream, TEXT("* BYE Goodbye\r\n"));
    answer(session, "OK", "Logged out");
    session->line.ended = true;
}

static void command_id(struct imap_front *session)
{
    imap_lex_id(&session->lex);
    if (!takes_no_more(session))
        return;
    stream_write(session->line.stream, TEXT("* ID (\"name\" \"mailroot\")\r\n"));
    answer(session, "OK", "Pleased to meet you");
}

static void command_starttls(struct imap_front *session)
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
    if (stream_start_tls(session->line.stream, session->tls, "imap", &discarded) != OK) {
        log_info("imap.tls-failed", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 log_text(text_from(fail_reason())));
        session->line.ended = true;
    } else if (discarded > 0) {
        log_warning("imap.injection", "peer=%s discarded=%zu", log_text(text_from(session->peer)),
                    discarded);
    }
}

static void command_login(struct imap_front *session)
{
    struct imap_lex *lex = &session->lex;
    session->line.met_secret = true;
    if (!takes_passwords(session)) {
        refuse(session, "[PRIVACYREQUIRED] Passwords are taken under TLS only", "no TLS");
        return;
    }
    imap_lex_space(lex);
    struct text user = imap_lex_astring(lex);
    imap_lex_space(lex);
    struct text password = imap_lex_astring(lex);
    if (takes_no_more(session))
        log_in(session, user, password);
}

static void exchange(struct imap_front *session, struct text arguments)
{
    const struct setting_server *server = session->server;
    struct sasl_session sasl = {.line = &session->line,
                                .auth = session->front->role->auth,
                                .server = server,
                                .service = session->service,
                                .id = session->id,
                                .peer = text_from(session->peer),
                                .host = text_is_empty(server->host) ? session->settings->host
                                                                    : server->host,
                                .prompt = "+ "};
    struct sasl_login login;
    switch (sasl_exchange(&sasl, arguments, &login)) {
    case SASL_DONE:
        hand_over(session, &login);
        break;
    case SASL_CANCELLED:
        answer_bad(session, "Login cancelled");
        break;
    case SASL_TOO_LONG:
    case SASL_MALFORMED:
        answer_bad(session, "Malformed response");
        break;
    case SASL_UNKNOWN:
        answer(session, "NO", "[CANNOT] Mechanism not known");
        line_count_error(&session->line);
        break;
    case SASL_NEEDS_TLS:
        refuse(session, "[PRIVACYREQUIRED] Not without TLS", "no TLS");
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

static void command_authenticate(struct imap_front *session)
{
    session->line.met_secret = true;
    imap_lex_space(&session->lex);
    struct text arguments = session->lex.rest;
    session->lex.rest = TEXT("");
    if (takes_no_more(session))
        exchange(session, arguments);
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
        session->verb = commands[i].verb;
        if (session->line.tls_first != 0 && !stream_is_tls(session->line.stream) &&
            !commands[i].before_tls)
            refuse(session, "[PRIVACYREQUIRED] STARTTLS first", "no TLS");
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
    session->verb = "?";
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
};

/* The session */

static bool is_refused(const struct imap_front *session)
{
    const struct setting_server *server = session->server;
    for (unsigned i = 0; i < server->refused_network_count; i++)
        if (net_network_contains(&server->refused_networks[i], stream_peer(session->line.stream)))
            return true;
    return false;
}

/* TLS from the first byte. YIELDS. */
static bool start_as_service_wants(struct imap_front *session)
{
    if (session->service != SERVICE_IMAPS)
        return true;
    stream_set_deadline(session->line.stream, clock_monotonic_ms() + MINUTE);
    return session->tls != NULL &&
           stream_start_tls(session->line.stream, session->tls, "imap", NULL) == OK;
}

/* Refuse at the door. Where TLS comes first a handshake would cost us more than him, so he hears
 * nothing. YIELDS. */
static void turn_away(struct imap_front *session, const char *text, const char *why)
{
    char case_id[ID_TEXT_BYTES];
    session->verb = "none";
    tell(session, text, why, case_id);
    if (session->service == SERVICE_IMAPS)
        return;
    stream_printf(session->line.stream, "* BYE %s (mailroot %s)\r\n", text, case_id);
    line_part(&session->line);
}

/* The seat is taken first: a client who never finishes his handshake takes one too. YIELDS. */
static void serve_peer(struct imap_front *session)
{
    struct line_seat seat;
    const struct net_address *peer = stream_peer(session->line.stream);
    if (is_refused(session)) {
        turn_away(session, "Your address is refused here", "refuse network");
    } else if (!line_seat_take(&seat, session->front, session->server, peer)) {
        turn_away(session, "[UNAVAILABLE] Too many connections", fail_reason());
    } else {
        if (start_as_service_wants(session)) {
            say_capabilities(session, "* OK [", "] mailroot IMAP ready", false);
            line_run(&session->line);
        }
        line_seat_give_back(&seat);
    }
}

void imap_serve_front(struct line_front *front, const struct setting_server *server,
                      enum service service, struct stream *stream)
{
    struct role_context *role = front->role;
    struct imap_front session = {
        .front = front,
        .settings = settings_hold(role->settings),
        .tls = tls_hold(role_server_tls(role, server)),
        .server = server,
        .service = service,
        .id = line_front_id(front),
    };
    net_address_text(stream_peer(stream), session.peer);
    line_init(&session.line, stream, &dialect, &session);
    session.line.idle_ms = server->idle_ms;
    session.line.max_errors = server->max_errors;
    /* Whatever TLS is required for, here it is the login. */
    session.line.tls_first = line_tls_first(server) != 0 ? LINE_TLS_FIRST : 0;
    if (server->session_ms > 0)
        session.line.ends_ms = clock_monotonic_ms() + server->session_ms;
    serve_peer(&session);
    line_finish(&session.line);
    tls_release(&session.tls);
    settings_release(&session.settings);
}
