/* Asking for mail that is held (RFC 1985, RFC 2645): ETRN, and the commands that turn a session
 * round. queue/turn/turn.h has the whole way and who is believed on it. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/logline.h"
#include "decide/route.h"
#include "directory/turn.h"
#include "proto/smtp/server/smtp_session.h"
#include "proto/smtp/server/smtp_turn_grammar.h"

enum { TURNED_MOST_MS = DAY };

/* ETRN */

static bool is_in_etrn_network(const struct smtp_session *session)
{
    const struct setting_server *server = session->server;
    return net_network_find(server->etrn_networks, server->etrn_network_count,
                            stream_peer(session->line.stream)) != NULL;
}

/* Whom we know may ask at any time, and is told how much there is. */
static bool is_known(const struct smtp_session *session)
{
    bool by_login = session->login[0] != '\0' && session->server->etrn != ETRN_NOBODY;
    return by_login || is_in_etrn_network(session);
}

static void say_started(struct smtp_session *session, struct text node,
                        enum queue_etrn_verdict verdict, unsigned count)
{
    if (!is_known(session))
        smtp_answer(session, SMTP_ETRN_STARTED, node);
    else if (verdict == QUEUE_ETRN_ON_WAY)
        smtp_answer(session, SMTP_ETRN_ON_WAY, node);
    else if (count == 0)
        smtp_answer(session, SMTP_ETRN_NOTHING, node);
    else
        smtp_answer(session, SMTP_ETRN_COUNT,
                    arena_printf(&session->line.arena, "%u pending messages for node %.*s", count,
                                 TEXT_ARG(node)));
}

static void start_node(struct smtp_session *session, const struct smtp_etrn *asked,
                       struct text node)
{
    struct queue_etrn etrn = {.kind = asked->kind,
                              .node = asked->node,
                              .is_trusted = is_known(session),
                              .session = session->id,
                              .peer = text_from(session->peer)};
    enum queue_etrn_verdict verdict;
    unsigned count;
    if (queue_etrn(session->front->role->store, &etrn, &verdict, &count) != OK) {
        smtp_answer(session, SMTP_ETRN_LATER, node);
        return;
    }
    switch (verdict) {
    case QUEUE_ETRN_STARTED:
    case QUEUE_ETRN_ON_WAY:
        say_started(session, node, verdict, count);
        break;
    case QUEUE_ETRN_TOO_SOON:
        smtp_answer(session, SMTP_ETRN_LATER,
                    arena_printf(&session->line.arena, "%.*s: it was asked for a moment ago",
                                 TEXT_ARG(node)));
        break;
    case QUEUE_ETRN_UNKNOWN:
        smtp_answer(
            session, SMTP_ETRN_REFUSED,
            arena_printf(&session->line.arena, "%.*s: no connector is for it", TEXT_ARG(node)));
        break;
    case QUEUE_ETRN_VERDICTS:
        break;
    }
}

void smtp_command_etrn(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct text node = text_trim(arguments);
    struct smtp_etrn etrn;
    if (!smtp_parse_etrn(arguments, &line->arena, &etrn)) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
    } else if (session->server->etrn != ETRN_ANY && !is_known(session)) {
        struct decision_reason reason = {.rule = "etrn", .place = session->server->place};
        smtp_answer_because(
            session, SMTP_ETRN_REFUSED,
            arena_printf(&line->arena, "%.*s: you may not ask for it", TEXT_ARG(node)), &reason, 1);
    } else {
        start_node(session, &etrn, node);
    }
}

/* TURN, ATRN */

/* From here on bytes are only copied, and TLS goes on around them. It ends with the SMTP client at
 * the other end, which keeps the time of each step; the whole is limited as a session is. YIELDS.
 */
static void relay(struct smtp_session *session, int fd)
{
    struct line_session *line = &session->line;
    int64_t limit_ms =
        session->server->session_ms > 0 ? session->server->session_ms : TURNED_MOST_MS;
    struct stream *sender = stream_new(fd, NULL);
    stream_set_deadline(line->stream, clock_monotonic_ms() + limit_ms);
    line_log_now(line, TEXT("250"));
    stream_relay(line->stream, sender);
    stream_close(&sender);
    line->ended = true;
}

/* YIELDS. */
static void begin_turn(struct smtp_session *session, const struct text *domains, unsigned count)
{
    struct directory_turn turn = {.account = text_from(session->login),
                                  .session = session->id,
                                  .peer = text_from(session->peer),
                                  .domains = domains,
                                  .domain_count = count};
    enum directory_turn_verdict verdict = TURN_REFUSED;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        smtp_answer(session, SMTP_TURN_LATER, TEXT(""));
        return;
    }
    enum status status = directory_turn(session->front->role->auth, &turn, pair[1], &verdict);
    if (status == OK && verdict == TURN_BEGUN) {
        log_info("smtp.turned", "peer=%s user=%s domains=%u", log_text(turn.peer),
                 log_text(text_from(session->login)), count);
        smtp_answer(session, SMTP_TURNING, TEXT(""));
        relay(session, pair[0]);
        return;
    }
    close(pair[0]);
    if (status != OK)
        smtp_answer(session, SMTP_TURN_LATER, text_from(fail_reason()));
    else
        smtp_answer(session, verdict == TURN_NO_MAIL ? SMTP_NO_MAIL_HELD : SMTP_TURN_REFUSED,
                    TEXT(""));
}

/* What stands behind the command already was sent without knowing our answer. It can't be meant for
 * the client that we become, which would take it for a greeting and replies, so nothing is turned
 * round; like all that is pipelined it is served as commands. */
static void turn_round(struct smtp_session *session, const struct text *domains, unsigned count)
{
    if (stream_buffered(session->line.stream).length > 0)
        smtp_answer(session, SMTP_TURN_PIPELINED, TEXT(""));
    else if (!decide_is_fetcher(session->settings, text_from(session->login)))
        smtp_answer(session, SMTP_TURN_REFUSED, TEXT(""));
    else
        begin_turn(session, domains, count);
}

void smtp_command_turn(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    if (session->login[0] == '\0')
        smtp_answer(session, SMTP_LOGIN_FIRST, TEXT(""));
    else if (!text_is_empty(text_trim(arguments)))
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
    else
        turn_round(session, NULL, 0);
}

void smtp_command_atrn(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct text *domains;
    unsigned count;
    /* RFC 2645 5.2.1: before anything else. */
    if (session->login[0] == '\0')
        smtp_answer(session, SMTP_LOGIN_FIRST, TEXT(""));
    else if (!smtp_parse_atrn(arguments, DIRECTORY_TURN_DOMAINS_MAX, &line->arena, &domains,
                              &count))
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
    else
        turn_round(session, domains, count);
}
