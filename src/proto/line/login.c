#include "proto/line/login.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/memory.h"
#include "directory/client.h"
#include "proto/line/peer.h"
#include "queue/client.h"

enum { TRIES_MAX = 3, DELAY_MS = SECOND, STORY_MAX = 4096, EVENT_MAX = 40 };

bool login_offers_tls(const struct login_session *session)
{
    return session->tls != NULL && session->server->tls != TLS_NONE &&
           !stream_is_tls(session->line.stream);
}

bool login_takes_passwords(const struct login_session *session)
{
    return sasl_takes_passwords(session->line.stream, session->server);
}

/* "imap.refused". Returns out. */
static const char *event_name(const struct login_session *session, const char *what,
                              char out[EVENT_MAX])
{
    snprintf(out, EVENT_MAX, "%s.%s", session->protocol->name, what);
    return out;
}

struct text login_loggable(const struct line_session *line)
{
    const struct login_session *session = line->context;
    return text_from(session->verb);
}

/* Refusing */

/* To the log and to `mailroot trace`. */
static void tell(struct login_session *session, enum login_refusal refusal, const char *why,
                 char case_id[ID_TEXT_BYTES])
{
    char session_id[ID_TEXT_BYTES], event[EVENT_MAX];
    uint64_t id = line_front_id(session->front);
    struct buffer story;
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s peer=%s command=%s reply=%s reason=%s",
                  id_format(session->id, session_id), log_text(text_from(session->peer)),
                  log_text(line_loggable(&session->line)),
                  log_text(text_from(session->protocol->texts[refusal])), log_text(text_from(why)));
    event_name(session, "refused", event);
    queue_story(session->front->role->store, id, text_from(event), buffer_text(&story));
    log_info(event, "case=%s %.*s", id_format(id, case_id), (int)story.length, story.data);
    buffer_finish(&story);
}

void login_refuse(struct login_session *session, enum login_refusal refusal, const char *why)
{
    char case_id[ID_TEXT_BYTES] = "";
    bool is_slip = refusal >= LOGIN_SLIPS;
    if (!is_slip)
        tell(session, refusal, why, case_id);
    session->protocol->refuse(session, refusal, case_id);
    if (is_slip)
        line_count_error(&session->line);
}

static void refuse_wrong(struct login_session *session)
{
    session->failed_logins++;
    task_sleep(DELAY_MS * (int64_t)session->failed_logins);
    login_refuse(session, LOGIN_WRONG, "authentication failed");
    if (session->failed_logins < TRIES_MAX)
        return;
    if (session->protocol->part != NULL)
        session->protocol->part(session);
    session->line.ended = true;
}

static void refuse_now(struct login_session *session)
{
    login_refuse(session, directory_service_is_off() ? LOGIN_SWITCHED_OFF : LOGIN_NOT_NOW,
                 fail_reason());
}

/* TLS */

bool login_start_tls(struct login_session *session)
{
    char event[EVENT_MAX];
    size_t discarded = 0;
    if (stream_start_tls(session->line.stream, session->tls, session->protocol->name, &discarded) !=
        OK) {
        log_info(event_name(session, "tls-failed", event), "peer=%s reason=%s",
                 log_text(text_from(session->peer)), log_text(text_from(fail_reason())));
        session->line.ended = true;
        return false;
    }
    if (discarded > 0)
        log_warning(event_name(session, "injection", event), "peer=%s discarded=%zu",
                    log_text(text_from(session->peer)), discarded);
    return true;
}

/* The login */

/* From here on bytes are only copied, what the client pipelined behind its password included. How
 * long a session may last and be silent is now the store's to say. A session may idle for days, so
 * nothing of the login stays in memory. The store may give the client back (IMAP's UNAUTHENTICATE):
 * then nobody is logged in, and what he said behind that is read here. YIELDS. */
static void open_store(struct login_session *session, const char *user, int fd)
{
    struct stream *store = stream_new(fd, NULL);
    char event[EVENT_MAX];
    log_info(event_name(session, "login", event), "peer=%s user=%s",
             log_text(text_from(session->peer)), log_text(text_from(user)));
    stream_set_deadline(session->line.stream, NO_DEADLINE);
    session->protocol->opened(session);
    protolog_session_name(session->line.log, user, NULL);
    line_log_now(&session->line, text_from(session->protocol->succeeded));
    protolog_session_name(session->line.log, NULL, NULL);
    stream_flush(session->line.stream);
    arena_finish(&session->line.arena);
    task_trim_stack();
    stream_relay(session->line.stream, store);
    session->line.ended = !stream_take_back(session->line.stream, store);
    stream_close(&store);
}

/* False: answered. YIELDS. */
static bool make_pair(struct login_session *session, int pair[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0)
        return true;
    try_later("no socket pair: %m");
    refuse_now(session);
    return false;
}

void login_by_password(struct login_session *session, struct text user, struct text password)
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
        open_store(session, canonical, pair[0]);
        return;
    }
    close(pair[0]);
    if (status == REFUSED)
        refuse_wrong(session);
    else
        refuse_now(session);
}

/* Auth has seen the login, and hands the other end on. YIELDS. */
static void hand_over(struct login_session *session, const struct sasl_login *login)
{
    int pair[2];
    if (!make_pair(session, pair))
        return;
    if (directory_sasl_session(session->front->role->auth, login->exchange, pair[1]) == OK) {
        open_store(session, login->user, pair[0]);
        return;
    }
    close(pair[0]);
    refuse_now(session);
}

static struct sasl_session sasl_session_of(struct login_session *session)
{
    const struct setting_server *server = session->server;
    return (struct sasl_session){.line = &session->line,
                                 .auth = session->front->role->auth,
                                 .server = server,
                                 .service = session->service,
                                 .id = session->id,
                                 .peer = text_from(session->peer),
                                 .host = server->host,
                                 .prompt = session->protocol->prompt,
                                 .prompt_end = session->protocol->prompt_end,
                                 .read = session->protocol->read};
}

void login_by_sasl(struct login_session *session, struct text arguments)
{
    struct sasl_session sasl = sasl_session_of(session);
    struct sasl_login login;
    switch (sasl_exchange(&sasl, arguments, &login)) {
    case SASL_DONE:
        hand_over(session, &login);
        break;
    case SASL_CANCELLED:
        login_refuse(session, LOGIN_CANCELLED, "");
        break;
    case SASL_TOO_LONG:
        login_refuse(session, LOGIN_RESPONSE_TOO_LONG, "");
        break;
    case SASL_MALFORMED:
        login_refuse(session, LOGIN_MALFORMED, "");
        break;
    case SASL_UNKNOWN:
        login_refuse(session, LOGIN_MECHANISM_UNKNOWN, "");
        break;
    case SASL_NEEDS_TLS:
        login_refuse(session, LOGIN_MECHANISM_IN_CLEAR, "no TLS");
        break;
    case SASL_FAILED:
        refuse_wrong(session);
        break;
    case SASL_LATER:
        refuse_now(session);
        break;
    case SASL_ENDED:
        break;
    }
}

/* The session */

/* Where TLS comes first a handshake would cost us more than him who is turned away, so he hears
 * nothing. YIELDS. */
static void turn_away(struct login_session *session, enum login_refusal refusal, const char *why)
{
    char case_id[ID_TEXT_BYTES];
    tell(session, refusal, why, case_id);
    if ((int)session->service == session->protocol->tls_service)
        return;
    session->protocol->refuse(session, refusal, case_id);
    line_part(&session->line);
}

/* TLS from the first byte. YIELDS. */
static bool start_as_service_wants(struct login_session *session)
{
    if ((int)session->service != session->protocol->tls_service)
        return true;
    stream_set_deadline(session->line.stream, clock_monotonic_ms() + MINUTE);
    return session->tls != NULL && login_start_tls(session);
}

/* YIELDS. */
static bool is_admitted(struct login_session *session)
{
    struct line_peer known;
    struct peer_decision decision = line_peer_meet(
        session->front, session->server, stream_peer(session->line.stream), false, &known);
    if (decision.verdict == PEER_WELCOME)
        return true;
    turn_away(session, decision.verdict == PEER_LATER ? LOGIN_UNKNOWN_HOST : LOGIN_BAD_ADDRESS,
              decision.reason.rule);
    return false;
}

/* The seat is taken first: a client who never finishes his handshake takes one too. YIELDS. */
static void serve_peer(struct login_session *session)
{
    struct line_seat seat;
    const struct net_address *peer = stream_peer(session->line.stream);
    if (memory_ask(MEMORY_FOR_SESSION, 0) != OK ||
        !line_seat_take(&seat, session->front, session->server, peer)) {
        turn_away(session, LOGIN_TOO_MANY, fail_reason());
    } else {
        if (is_admitted(session) && start_as_service_wants(session)) {
            session->protocol->greet(session);
            line_run(&session->line);
        }
        line_seat_give_back(&seat);
    }
}

static void set_terms(struct login_session *session)
{
    const struct setting_server *server = session->server;
    struct line_session *line = &session->line;
    int64_t least = session->protocol->least_idle_ms;
    line->idle_ms = server->idle_ms < least ? least : server->idle_ms;
    line->max_errors = server->max_errors;
    /* Whatever TLS is required for, here it is the login. */
    line->tls_first = line_tls_first(server) != 0 ? LINE_TLS_FIRST : 0;
    if (server->session_ms > 0)
        line->ends_ms = clock_monotonic_ms() + server->session_ms;
}

void login_serve(struct login_session *session, struct stream *stream)
{
    struct role_context *role = session->front->role;
    session->settings = settings_hold(role->settings);
    session->tls = tls_hold(role_server_tls(role, session->server));
    session->id = line_front_id(session->front);
    net_address_text(stream_peer(stream), session->peer);
    line_init(&session->line, stream, session->protocol->dialect, session);
    session->line.log =
        protolog_session_new(session->front->log, session->server, session->service, stream);
    set_terms(session);
    serve_peer(session);
    line_finish(&session->line);
    tls_release(&session->tls);
    settings_release(&session->settings);
}
