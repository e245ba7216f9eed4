/* The sessions of the mailbox protocols (POP3, IMAP, ManageSieve) until their login. They run in
 * front, which has TLS and no mail; after the login the rest of the session runs in store, over a
 * socket pair that auth handed on, and front only copies bytes. A protocol brings its commands (a
 * line_dialect) and its words (a login_protocol); refusing, TLS and the login itself are here. */
#ifndef PROTO_LINE_LOGIN_H
#define PROTO_LINE_LOGIN_H

#include "proto/line/front.h"
#include "proto/line/line.h"
#include "proto/line/sasl.h"

/* Why a command, or the whole session, is refused. */
enum login_refusal {
    /* at the door: the session ends */
    LOGIN_BAD_ADDRESS,
    LOGIN_TOO_MANY,
    LOGIN_UNKNOWN_HOST, /* DNS does not say whether he is admitted */
    LOGIN_AT_THE_DOOR = LOGIN_UNKNOWN_HOST,
    /* refused; carries a case id */
    LOGIN_TLS_FIRST, /* the server wants TLS before this command */
    LOGIN_PASSWORD_IN_CLEAR,
    LOGIN_MECHANISM_IN_CLEAR,
    LOGIN_WRONG,        /* user or password */
    LOGIN_SWITCHED_OFF, /* the service, for this user */
    LOGIN_NOT_NOW,
    /* slips of the client, without one */
    LOGIN_SLIPS,
    LOGIN_TLS_IS_ON = LOGIN_SLIPS,
    LOGIN_NO_TLS,
    LOGIN_CANCELLED,
    LOGIN_MALFORMED,
    LOGIN_RESPONSE_TOO_LONG,
    LOGIN_MECHANISM_UNKNOWN,
    LOGIN_REFUSALS
};

struct login_session;

struct login_protocol {
    const char *name;                   /* "imap": in logs and stories, and for TLS (ALPN) */
    const char *const *texts;           /* by login_refusal: for people */
    const struct line_dialect *dialect; /* its line_session's context is the login_session */
    int tls_service;                 /* the enum service with TLS from the first byte; -1: none */
    int64_t least_idle_ms;           /* that a client is given */
    const char *prompt, *prompt_end; /* as in sasl_session */
    const char *succeeded;           /* the status of a login's answer: "+OK" */
    enum status (*read)(struct line_session *line, struct text *response, enum line_fault *fault);
    /* Write the greeting. Must not YIELD. */
    void (*greet)(struct login_session *session);
    /* Write a refusal. case_id: "" for a slip. Must not YIELD. */
    void (*refuse)(struct login_session *session, enum login_refusal refusal, const char *case_id);
    /* The login succeeded: write its answer, where the store does not. Whatever the session keeps
     * in its arena is gone afterwards. Must not YIELD. */
    void (*opened)(struct login_session *session);
    /* Too many failed logins: the last word. NULL for none. Must not YIELD. */
    void (*part)(struct login_session *session);
};

/* A protocol's own session begins with this. */
struct login_session {
    struct line_session line;
    const struct login_protocol *protocol;
    struct line_front *front;
    struct settings *settings; /* held */
    struct tls_context *tls;   /* held, or NULL */
    const struct setting_server *server;
    enum service service;
    uint64_t id;
    char peer[NET_ADDRESS_TEXT_BYTES];
    unsigned failed_logins;
    const char *verb; /* being served, for stories; where the line does not begin with it */
};

/* Serve one connection: at the door, TLS where it comes first, commands until the login, and what
 * follows it. The caller has set protocol, front, server, service, and verb where lines do not tell
 * it; he closes the stream. YIELDS. */
void login_serve(struct login_session *session, struct stream *stream);

/* For the line_dialect of protocols whose session has the verb. */
struct text login_loggable(const struct line_session *line);

/* Could the client begin TLS now? */
bool login_offers_tls(const struct login_session *session);
/* Is a password taken in a command of the protocol's own? */
bool login_takes_passwords(const struct login_session *session);

/* Refuse. What is no slip is told to the log and to `mailroot trace`, with why, under the case id
 * that the client hears; a slip counts towards the session's errors, and why is not used. */
void login_refuse(struct login_session *session, enum login_refusal refusal, const char *why);
/* Behind the answer that tells the client to begin. False, logged: the session is over. What the
 * client had sent behind the command is gone. YIELDS. */
bool login_start_tls(struct login_session *session);
/* By name and password. Answered, and when it was right the session is over on return. YIELDS. */
void login_by_password(struct login_session *session, struct text user, struct text password);
/* By SASL; arguments as sasl_exchange wants them. The same. YIELDS. */
void login_by_sasl(struct login_session *session, struct text arguments);

#endif
