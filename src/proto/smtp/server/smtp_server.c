/* The SMTP and LMTP server: the tables of commands, the session around them, and the commands
 * that carry no mail. */
#include "proto/smtp/server/smtp_server.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/memory.h"
#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_filter.h"
#include "proto/smtp/server/smtp_peer.h"
#include "proto/smtp/server/smtp_session.h"
#include "proto/smtp/server/smtp_xclient.h"

enum { LINE_MAX_BYTES = 12288 }; /* RFC 4954 4: the longest line, an AUTH response */

static void command_rset(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    if (!text_is_empty(text_trim(arguments))) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        return;
    }
    smtp_server_transaction_reset(session);
    smtp_answer(session, SMTP_OK, TEXT(""));
}

static void command_noop(struct line_session *line, struct text arguments)
{
    unused(arguments); /* RFC 5321 4.1.1.9: a parameter is ignored */
    smtp_answer(smtp_session(line), SMTP_OK, TEXT(""));
}

static void command_quit(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    if (!text_is_empty(text_trim(arguments))) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        return;
    }
    line->ended = true;
    smtp_answer(session, SMTP_CLOSING, TEXT(""));
}

static void command_unimplemented(struct line_session *line, struct text arguments)
{
    unused(arguments);
    smtp_answer(smtp_session(line), SMTP_NOT_IMPLEMENTED, TEXT(""));
}

/* RFC 3207 4.2: after the handshake nothing said before counts. */
static void command_starttls(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    size_t discarded = 0;
    if (!text_is_empty(text_trim(arguments))) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        return;
    }
    if (stream_is_tls(line->stream)) {
        smtp_answer(session, SMTP_ALREADY_TLS, TEXT(""));
        return;
    }
    if (session->tls == NULL || session->server->tls == TLS_NONE) {
        smtp_answer(session, SMTP_NO_TLS_NOW, TEXT(""));
        return;
    }
    smtp_server_transaction_reset(session);
    smtp_link_state_reset(session);
    session->said_hello = session->is_extended = false;
    session->helo[0] = session->login[0] = '\0';
    smtp_answer(session, SMTP_READY_FOR_TLS, TEXT(""));
    if (stream_start_tls(line->stream, session->tls, "smtp", &discarded) != OK) {
        log_info("smtp.tls-failed", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 log_text(text_from(fail_reason())));
        line->ended = true;
    } else if (discarded > 0) {
        log_warning("smtp.injection", "peer=%s discarded=%zu", log_text(text_from(session->peer)),
                    discarded);
    }
}

#define OF(extension) EXTENSION_BIT(EXTENSION_##extension)

/* One row per verb: where it is allowed, its flags, what it does, which extension it goes away
 * with, and a line of help. BDAT is known and allowed everywhere because its octets follow in any
 * case. */
static const struct line_command smtp_commands[] = {
    {"EHLO", SMTP_ANY, 0, smtp_command_ehlo, 0, "EHLO host: say hello and hear what is offered"},
    {"HELO", SMTP_ANY, LINE_TLS_FIRST, smtp_command_helo, 0, "HELO host: say hello"},
    {"MAIL", SMTP_READY, LINE_TLS_FIRST | LINE_MAIL, smtp_command_mail, 0,
     "MAIL FROM:<address> [parameter ...]: begin a message"},
    {"RCPT", SMTP_SENDING | SMTP_ADDRESSED, LINE_TLS_FIRST, smtp_command_rcpt, 0,
     "RCPT TO:<address> [parameter ...]: add a recipient"},
    {"DATA", SMTP_ADDRESSED, LINE_TLS_FIRST, smtp_command_data, 0,
     "DATA: the message follows, up to a line with a single dot"},
    {"BDAT", SMTP_ANY, 0, smtp_command_bdat, 0,
     "BDAT size [LAST]: so many octets of the message follow"},
    {"BURL", SMTP_ADDRESSED | SMTP_CHUNKING, LINE_TLS_FIRST | LINE_SECRET, smtp_command_burl,
     OF(BURL), "BURL url [LAST]: so much of the message is what that leads to"},
    {"RSET", SMTP_ANY, LINE_TLS_FIRST, command_rset, 0, "RSET: forget the message"},
    {"NOOP", SMTP_ANY, 0, command_noop, 0, "NOOP: do nothing"},
    {"QUIT", SMTP_ANY, 0, command_quit, 0, "QUIT: end the session"},
    {"STARTTLS", SMTP_NEW | SMTP_READY, 0, command_starttls, OF(STARTTLS),
     "STARTTLS: encrypt from here on"},
    {"AUTH", SMTP_GREETED, LINE_TLS_FIRST | LINE_SECRET, smtp_command_auth, OF(AUTH),
     "AUTH mechanism [response]: log in"},
    {"X-EXPS", SMTP_GREETED, LINE_TLS_FIRST | LINE_SECRET, smtp_command_exps, OF(XEXPS),
     "X-EXPS mechanism [response]: log in as a server of this organisation"},
    {"VRFY", SMTP_ANY, LINE_TLS_FIRST, smtp_command_vrfy, OF(VRFY),
     "VRFY name or address: does it exist?"},
    {"EXPN", SMTP_ANY, LINE_TLS_FIRST, smtp_command_expn, OF(EXPN),
     "EXPN name or address: who are its members?"},
    {"HELP", SMTP_ANY, LINE_TLS_FIRST, smtp_command_help, OF(HELP), "HELP [verb | STATUS]: this"},
    {"ETRN", SMTP_READY, LINE_TLS_FIRST, smtp_command_etrn, OF(ETRN),
     "ETRN domain, @domain or #connector: send what waits for it"},
    {"ATRN", SMTP_READY, LINE_TLS_FIRST | LINE_MAIL, smtp_command_atrn, OF(ATRN),
     "ATRN [domain[,domain ...]]: send me what waits for me, over this connection"},
    {"TURN", SMTP_READY, LINE_TLS_FIRST | LINE_MAIL, smtp_command_turn, OF(TURN),
     "TURN: the same for all of it"},
    {"XEXCH50", SMTP_ADDRESSED, LINE_TLS_FIRST, smtp_command_xexch50, OF(XEXCH50),
     "XEXCH50 size rows: so many octets of properties follow"},
    {"X-LINK2STATE", SMTP_READY, LINE_TLS_FIRST, smtp_command_xlink2state, OF(XLINK2STATE),
     "X-LINK2STATE [FIRST | NEXT | LAST] CHUNK=packet: compare link states"},
    {"XCLIENT", SMTP_NEW | SMTP_READY, LINE_TLS_FIRST, smtp_command_xclient, OF(XCLIENT),
     "XCLIENT attribute=value ...: speak for another"},
};

/* RFC 2033 4.1: HELO and EHLO are not known here. */
static const struct line_command lmtp_commands[] = {
    {"LHLO", SMTP_ANY, 0, smtp_command_ehlo, 0, "LHLO host: say hello and hear what is offered"},
    {"MAIL", SMTP_READY, LINE_TLS_FIRST | LINE_MAIL, smtp_command_mail},
    {"RCPT", SMTP_SENDING | SMTP_ADDRESSED, LINE_TLS_FIRST, smtp_command_rcpt},
    {"DATA", SMTP_ADDRESSED, LINE_TLS_FIRST, smtp_command_data},
    {"BDAT", SMTP_ANY, 0, smtp_command_bdat},
    {"RSET", SMTP_ANY, LINE_TLS_FIRST, command_rset},
    {"NOOP", SMTP_ANY, 0, command_noop},
    {"QUIT", SMTP_ANY, 0, command_quit},
    {"STARTTLS", SMTP_NEW | SMTP_READY, 0, command_starttls, OF(STARTTLS)},
    {"VRFY", SMTP_ANY, LINE_TLS_FIRST, smtp_command_vrfy, OF(VRFY)},
    {"HELP", SMTP_ANY, LINE_TLS_FIRST, smtp_command_help, OF(HELP)},
};

/* RFC 2645 5: log in, ATRN; mail goes the other way. */
static const struct line_command odmr_commands[] = {
    {"EHLO", SMTP_ANY, 0, smtp_command_ehlo},
    {"NOOP", SMTP_ANY, 0, command_noop},
    {"QUIT", SMTP_ANY, 0, command_quit},
    {"STARTTLS", SMTP_NEW | SMTP_READY, 0, command_starttls, OF(STARTTLS)},
    {"AUTH", SMTP_GREETED, LINE_TLS_FIRST | LINE_SECRET, smtp_command_auth, OF(AUTH)},
    {"ATRN", SMTP_READY, LINE_TLS_FIRST | LINE_MAIL, smtp_command_atrn, OF(ATRN)},
    {"HELP", SMTP_ANY, LINE_TLS_FIRST, smtp_command_help, OF(HELP)},
    {"HELO", SMTP_ANY, 0, command_unimplemented},
    {"MAIL", SMTP_ANY, 0, command_unimplemented},
    {"RCPT", SMTP_ANY, 0, command_unimplemented},
    {"DATA", SMTP_ANY, 0, command_unimplemented},
    {"BDAT", SMTP_ANY, 0, smtp_command_bdat},
    {"RSET", SMTP_ANY, 0, command_unimplemented},
    {"VRFY", SMTP_ANY, 0, command_unimplemented},
    {"EXPN", SMTP_ANY, 0, command_unimplemented},
    {"ETRN", SMTP_ANY, 0, command_unimplemented},
    {"TURN", SMTP_ANY, 0, command_unimplemented},
};

/* Port 691: log in as a server of the organisation, and speak in packets. */
static const struct line_command link_commands[] = {
    {"EHLO", SMTP_ANY, 0, smtp_command_ehlo},
    {"NOOP", SMTP_ANY, 0, command_noop},
    {"QUIT", SMTP_ANY, 0, command_quit},
    {"STARTTLS", SMTP_NEW | SMTP_READY, 0, command_starttls, OF(STARTTLS)},
    {"AUTH", SMTP_GREETED, LINE_TLS_FIRST | LINE_SECRET, smtp_command_auth, OF(AUTH)},
    {"X-LSA-2", SMTP_READY, LINE_TLS_FIRST, smtp_command_lsa},
    {"HELP", SMTP_ANY, LINE_TLS_FIRST, smtp_command_help, OF(HELP)},
};

/* The dialect */

static unsigned current_state(const struct line_session *line)
{
    const struct smtp_session *session = line->context;
    return session->said_hello ? session->transaction.state : SMTP_NEW;
}

static unsigned switched_off(const struct line_session *line)
{
    return smtp_extensions_without(line->context);
}

/* A command that came too early or too late: say what should have come instead. */
static enum smtp_answer wrong_state(const struct line_session *line,
                                    const struct line_command *command)
{
    unsigned state = current_state(line);
    if (state == SMTP_NEW)
        return SMTP_HELLO_FIRST;
    if (state == SMTP_CHUNKING)
        return SMTP_BDAT_BEGUN;
    if (command->action == smtp_command_mail)
        return SMTP_NESTED_MAIL;
    if ((command->states & SMTP_READY) != 0)
        return SMTP_IN_TRANSACTION;
    return state == SMTP_READY ? SMTP_MAIL_FIRST : SMTP_RCPT_FIRST;
}

static void say_fault(struct line_session *line, enum line_fault fault,
                      const struct line_command *command)
{
    static const enum smtp_answer answers[] = {
        [LINE_TOO_LONG] = SMTP_LINE_TOO_LONG,  [LINE_BAD_BYTES] = SMTP_BAD_LINE,
        [LINE_UNKNOWN] = SMTP_UNKNOWN_COMMAND, [LINE_NEEDS_TLS] = SMTP_TLS_FIRST,
        [LINE_MANY_ERRORS] = SMTP_MANY_ERRORS, [LINE_SILENT] = SMTP_SILENT,
        [LINE_TOO_OLD] = SMTP_TOO_OLD,         [LINE_SHUTTING_DOWN] = SMTP_SHUTDOWN,
    };
    enum smtp_answer answer =
        fault == LINE_WRONG_STATE ? wrong_state(line, command) : answers[fault];
    smtp_answer_uncounted(smtp_session(line), answer);
}

#define ROWS(table) .commands = table, .command_count = sizeof(table) / sizeof(table[0])
static const struct line_dialect smtp_dialect = {
    ROWS(smtp_commands),     .max_line = LINE_MAX_BYTES, .state = current_state,
    .without = switched_off, .fault = say_fault,
};
static const struct line_dialect odmr_dialect = {
    ROWS(odmr_commands),     .max_line = LINE_MAX_BYTES, .state = current_state,
    .without = switched_off, .fault = say_fault,
};
static const struct line_dialect link_dialect = {
    ROWS(link_commands),     .max_line = LINE_MAX_BYTES, .state = current_state,
    .without = switched_off, .fault = say_fault,
};
static const struct line_dialect lmtp_dialect = {
    ROWS(lmtp_commands),     .max_line = LINE_MAX_BYTES, .state = current_state,
    .without = switched_off, .fault = say_fault,
};

/* The session */

/* Refuse at the door (RFC 5321 3.1). A handshake would cost us more than him, so where TLS comes
 * first he hears nothing. YIELDS. */
static void turn_away(struct smtp_session *session, enum smtp_answer answer, struct text detail,
                      const struct decision_reason *reason)
{
    if (session->service == SERVICE_SMTPS) {
        log_info("smtp.refused", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 reason->rule);
        return;
    }
    smtp_answer_because(session, answer, detail, reason, 1);
    line_part(&session->line);
}

/* TLS from the first byte. YIELDS. */
static bool start_as_service_wants(struct smtp_session *session)
{
    if (session->service != SERVICE_SMTPS)
        return true;
    stream_set_deadline(session->line.stream, clock_monotonic_ms() + MINUTE);
    if (session->tls != NULL &&
        stream_start_tls(session->line.stream, session->tls, "smtp", NULL) == OK)
        return true;
    log_info("smtp.tls-failed", "peer=%s reason=%s", log_text(text_from(session->peer)),
             log_text(session->tls == NULL ? TEXT("no certificate") : text_from(fail_reason())));
    return false;
}

/* A front proxy is known, and its clients are looked at one by one. YIELDS. */
static bool is_admitted(struct smtp_session *session)
{
    if (session->proxy[0] != '\0')
        return true;
    const struct setting_server *server = session->server;
    struct peer_decision decision =
        line_peer_meet(session->front, server, stream_peer(session->line.stream),
                       server->names_peers, &session->known);
    if (decision.verdict == PEER_WELCOME) {
        struct filter_decision filtered = smtp_filter_meet(session);
        if (filtered.verdict != FILTER_UNWANTED)
            return true;
        decision = (struct peer_decision){PEER_REFUSED, filtered.reason};
    }
    turn_away(session, decision.verdict == PEER_LATER ? SMTP_PEER_LATER : SMTP_REFUSED_PEER,
              TEXT(""), &decision.reason);
    return false;
}

/* The seat is taken first: a client who never finishes his handshake takes one too. YIELDS. */
static void serve_peer(struct smtp_session *session)
{
    const struct setting_server *server = session->server;
    const struct net_address *peer = stream_peer(session->line.stream);
    bool is_proxy = session->proxy[0] != '\0';
    if (memory_ask(MEMORY_FOR_SESSION, 0) != OK) {
        struct decision_reason reason = {.rule = "memory"};
        turn_away(session, SMTP_NO_MEMORY, TEXT(""), &reason);
        return;
    }
    if (!line_seat_take(&session->seat, session->front, server, is_proxy ? NULL : peer)) {
        struct decision_reason reason = {.rule = "limit-connections", .place = server->place};
        turn_away(session, SMTP_MANY_CONNECTIONS, text_from(fail_reason()), &reason);
        return;
    }
    if (is_admitted(session) && start_as_service_wants(session)) {
        smtp_greet(session);
        line_run(&session->line);
    }
    line_seat_give_back(&session->seat);
}

static void session_init(struct smtp_session *session, struct line_front *front,
                         const struct setting_server *server, enum service service,
                         struct stream *stream)
{
    struct role_context *role = front->role;
    *session = (struct smtp_session){
        .front = front,
        .settings = settings_hold(role->settings),
        .tls = tls_hold(role_server_tls(role, server)),
        .server = server,
        .service = service,
        .id = line_front_id(front),
    };
    session->host = server->host;
    net_address_text(stream_peer(stream), session->peer);
    /* Mail that is fetched comes from the host that we called, which speaks for nobody else. */
    if (service != SERVICE_FETCHED &&
        net_network_find(server->xclient_networks, server->xclient_network_count,
                         stream_peer(stream)) != NULL)
        net_address_text(stream_peer(stream), session->proxy);
    const struct line_dialect *dialect = service == SERVICE_LMTP         ? &lmtp_dialect
                                         : service == SERVICE_ODMR       ? &odmr_dialect
                                         : service == SERVICE_LINK_STATE ? &link_dialect
                                                                         : &smtp_dialect;
    line_init(&session->line, stream, dialect, session);
    session->line.log = protolog_session_new(front->log, server, service, stream);
    protolog_session_name(session->line.log, session->login, session->helo);
    session->line.idle_ms = server->idle_ms;
    session->line.max_errors = server->max_errors;
    session->line.tls_first = line_tls_first(server);
    if (server->session_ms > 0)
        session->line.ends_ms = clock_monotonic_ms() + server->session_ms;
    if (service == SERVICE_FETCHED) { /* what secures the connection is around it, with send */
        tls_release(&session->tls);
        session->line.tls_first = 0;
    }
    smtp_server_transaction_init(session);
    smtp_link_state_reset(session);
}

void smtp_serve(struct line_front *front, const struct setting_server *server, enum service service,
                struct stream *stream)
{
    struct smtp_session session;
    session_init(&session, front, server, service, stream);
    serve_peer(&session);
    smtp_server_transaction_finish(&session);
    smtp_link_state_reset(&session);
    line_finish(&session.line);
    tls_release(&session.tls);
    settings_release(&session.settings);
}
