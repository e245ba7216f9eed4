/* POP3 before the login: AUTHORIZATION state. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "directory/client.h"
#include "proto/line/line.h"
#include "proto/line/sasl.h"
#include "proto/pop3/pop3.h"
#include "queue/client.h"

enum {
    LINE_MAX_BYTES = SASL_LINE_MAX,
    LOGIN_TRIES_MAX = 3,
    LOGIN_DELAY_MS = 1000,
    STORY_MAX = 4096
};
enum { STATE_AUTHORIZATION = 1 };

struct pop3_front {
    struct line_session line;
    struct line_front *front;
    struct settings *settings; /* held */
    struct tls_context *tls;   /* held, or NULL */
    const struct setting_server *server;
    enum service service;
    uint64_t id;
    char peer[NET_ADDRESS_TEXT_BYTES];
    char user[DIRECTORY_USER_MAX]; /* from USER, or "" */
    unsigned failed_logins;
};

static struct pop3_front *pop3_front(struct line_session *line)
{
    return line->context;
}

static void say_ok(struct pop3_front *session, const char *text)
{
    stream_printf(session->line.stream, "+OK %s\r\n", text);
}

static void say_error(struct pop3_front *session, const char *text)
{
    stream_printf(session->line.stream, "-ERR %s\r\n", text);
}

/* A refusal that is not a slip of the client ends with a case id under which the log and `mailroot
 * trace` have the story. */
static void refuse(struct pop3_front *session, const char *text, const char *why)
{
    char case_id[ID_TEXT_BYTES], session_id[ID_TEXT_BYTES];
    uint64_t id = line_front_id(session->front);
    struct buffer story;
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s peer=%s command=%s reply=%s reason=%s",
                  id_format(session->id, session_id), log_text(text_from(session->peer)),
                  log_text(line_loggable(&session->line)), log_text(text_from(text)),
                  log_text(text_from(why)));
    queue_story(session->front->role->store, id, TEXT("pop3.refused"), buffer_text(&story));
    log_info("pop3.refused", "case=%s %.*s", id_format(id, case_id), (int)story.length, story.data);
    buffer_finish(&story);
    stream_printf(session->line.stream, "-ERR %s (mailroot %s)\r\n", text, case_id);
}

static struct sasl_session sasl_session_of(struct pop3_front *session)
{
    const struct setting_server *server = session->server;
    return (struct sasl_session){.line = &session->line,
                                 .auth = session->front->role->auth,
                                 .server = server,
                                 .service = session->service,
                                 .id = session->id,
                                 .peer = text_from(session->peer),
                                 .host = text_is_empty(server->host) ? session->settings->host
                                                                     : server->host,
                                 .prompt = "+ "};
}

/* USER and PASS. */
static bool takes_passwords(const struct pop3_front *session)
{
    return sasl_takes_passwords(session->line.stream, session->server);
}

static bool offers_tls(const struct pop3_front *session)
{
    return session->tls != NULL && session->server->tls != TLS_NONE &&
           !stream_is_tls(session->line.stream);
}

/* The login */

/* The store answers through the pair, so from here on bytes are only copied, what the client
 * pipelined behind its password included. YIELDS. */
static void relay(struct pop3_front *session, int fd)
{
    struct stream *mailbox = stream_new(fd, NULL);
    stream_set_deadline(session->line.stream, session->line.ends_ms);
    stream_relay(session->line.stream, mailbox);
    stream_close(&mailbox);
    session->line.ended = true;
}

static void login_failed(struct pop3_front *session)
{
    session->failed_logins++;
    session->user[0] = '\0';
    task_sleep(LOGIN_DELAY_MS * (int64_t)session->failed_logins);
    refuse(session, "[AUTH] User name or password is wrong", "authentication failed");
    session->line.ended = session->failed_logins >= LOGIN_TRIES_MAX;
}

static void login_not_now(struct pop3_front *session)
{
    refuse(session,
           directory_service_is_off() ? "[SYS/PERM] POP3 is switched off for this user"
                                      : "[SYS/TEMP] Login is not possible at the moment, try later",
           fail_reason());
}

static bool make_pair(struct pop3_front *session, int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0)
        return true;
    try_later("no socket pair: %m");
    login_not_now(session);
    return false;
}

/* The store has the other end. YIELDS. */
static void open_mailbox(struct pop3_front *session, const char *user, int fd)
{
    log_info("pop3.login", "peer=%s user=%s", log_text(text_from(session->peer)),
             log_text(text_from(user)));
    relay(session, fd);
}

static void log_in(struct pop3_front *session, struct text user, struct text password)
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
        open_mailbox(session, canonical, pair[0]);
        return;
    }
    close(pair[0]);
    if (status == REFUSED)
        login_failed(session);
    else
        login_not_now(session);
}

/* After SASL. YIELDS. */
static void hand_over(struct pop3_front *session, const struct sasl_login *login)
{
    int pair[2];
    if (!make_pair(session, pair))
        return;
    if (directory_sasl_session(session->front->role->auth, login->exchange, pair[1]) == OK) {
        open_mailbox(session, login->user, pair[0]);
        return;
    }
    close(pair[0]);
    login_not_now(session);
}

/* Commands */

static void command_user(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    if (!takes_passwords(session))
        refuse(session, "[AUTH] Passwords are taken under TLS only", "no TLS");
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
        log_in(session, text_from(session->user), arguments);
}

/* RFC 5034 4: AUTH alone lists the mechanisms, as older clients ask. */
static void list_mechanisms(struct pop3_front *session)
{
    uint32_t offers = sasl_offers(session->line.stream, session->server);
    say_ok(session, "Mechanisms follow");
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++)
        if ((offers & MECHANISM_BIT(i)) != 0)
            stream_printf(session->line.stream, "%s\r\n", mechanism_rows[i].name);
    stream_write(session->line.stream, TEXT(".\r\n"));
}

static void say_mistake(struct pop3_front *session, const char *text)
{
    say_error(session, text);
    line_count_error(&session->line);
}

static void command_auth(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    struct sasl_session sasl = sasl_session_of(session);
    struct sasl_login login;
    if (text_is_empty(text_trim(arguments))) {
        list_mechanisms(session);
        return;
    }
    switch (sasl_exchange(&sasl, arguments, &login)) {
    case SASL_DONE:
        hand_over(session, &login);
        break;
    case SASL_CANCELLED:
        say_error(session, "Login cancelled");
        break;
    case SASL_TOO_LONG:
    case SASL_MALFORMED:
        say_mistake(session, "Malformed response");
        break;
    case SASL_UNKNOWN:
        say_mistake(session, "Mechanism not known");
        break;
    case SASL_NEEDS_TLS:
        refuse(session, "[AUTH] Not without TLS", "no TLS");
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

static void list_sasl(struct pop3_front *session)
{
    uint32_t offers = sasl_offers(session->line.stream, session->server);
    struct buffer names;
    buffer_init(&names, 500);
    mechanism_write(offers, &names);
    if (offers != 0)
        stream_printf(session->line.stream, "SASL %.*s\r\n", (int)names.length, names.data);
    buffer_finish(&names);
}

/* Whose terms they are is not known yet; RFC 2449 6.7, 6.8: the strictest of any user, as far as
 * domains set them. */
static int64_t least_expiry(const struct pop3_front *session)
{
    const struct settings *settings = session->settings;
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
    const struct settings *settings = session->settings;
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
    if (offers_tls(session))
        stream_write(line->stream, TEXT("STLS\r\n"));
    if (takes_passwords(session))
        stream_write(line->stream, TEXT("USER\r\n"));
    list_sasl(session);
    stream_write(line->stream, TEXT("IMPLEMENTATION mailroot\r\n.\r\n"));
}

/* RFC 2595 4. What was said in plain text, the user's name included, is forgotten. */
static void command_stls(struct line_session *line, struct text arguments)
{
    struct pop3_front *session = pop3_front(line);
    size_t discarded = 0;
    unused(arguments);
    if (!offers_tls(session)) {
        say_error(session,
                  stream_is_tls(line->stream) ? "TLS is on already" : "TLS is not available");
        return;
    }
    session->user[0] = '\0';
    say_ok(session, "Begin TLS");
    if (stream_start_tls(line->stream, session->tls, "pop3", &discarded) != OK) {
        log_info("pop3.tls-failed", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 log_text(text_from(fail_reason())));
        line->ended = true;
    } else if (discarded > 0) {
        log_warning("pop3.injection", "peer=%s discarded=%zu", log_text(text_from(session->peer)),
                    discarded);
    }
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

/* The session */

static bool is_refused(const struct pop3_front *session)
{
    const struct setting_server *server = session->server;
    for (unsigned i = 0; i < server->refused_network_count; i++)
        if (net_network_contains(&server->refused_networks[i], stream_peer(session->line.stream)))
            return true;
    return false;
}

/* TLS from the first byte. YIELDS. */
static bool start_as_service_wants(struct pop3_front *session)
{
    if (session->service != SERVICE_POP3S)
        return true;
    stream_set_deadline(session->line.stream, clock_monotonic_ms() + MINUTE);
    return session->tls != NULL &&
           stream_start_tls(session->line.stream, session->tls, "pop3", NULL) == OK;
}

/* Refuse at the door. Where TLS comes first a handshake would cost us more than him, so he hears
 * nothing. YIELDS. */
static void turn_away(struct pop3_front *session, const char *text, const char *why)
{
    if (session->service == SERVICE_POP3S) {
        log_info("pop3.refused", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 log_text(text_from(why)));
        return;
    }
    refuse(session, text, why);
    line_part(&session->line);
}

/* The seat is taken first: a client who never finishes his handshake takes one too. YIELDS. */
static void serve_peer(struct pop3_front *session)
{
    struct line_seat seat;
    const struct net_address *peer = stream_peer(session->line.stream);
    if (is_refused(session)) {
        turn_away(session, "[SYS/PERM] Your address is refused here", "refuse network");
    } else if (!line_seat_take(&seat, session->front, session->server, peer)) {
        turn_away(session, "[SYS/TEMP] Too many connections", fail_reason());
    } else {
        if (start_as_service_wants(session)) {
            say_ok(session, "mailroot POP3 ready");
            line_run(&session->line);
        }
        line_seat_give_back(&seat);
    }
}

void pop3_serve_front(struct line_front *front, const struct setting_server *server,
                      enum service service, struct stream *stream)
{
    struct role_context *role = front->role;
    struct pop3_front session = {
        .front = front,
        .settings = settings_hold(role->settings),
        .tls = tls_hold(role_server_tls(role, server)),
        .server = server,
        .service = service,
        .id = line_front_id(front),
    };
    net_address_text(stream_peer(stream), session.peer);
    line_init(&session.line, stream, &dialect, &session);
    session.line.idle_ms =
        server->idle_ms < 10 * MINUTE ? 10 * MINUTE : server->idle_ms; /* RFC 1939 3 */
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
