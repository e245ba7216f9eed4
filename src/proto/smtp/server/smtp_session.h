/* The state of an SMTP session, shared by the files of the server. Included only from proto/smtp.
 */
#ifndef PROTO_SMTP_SERVER_SMTP_SESSION_H
#define PROTO_SMTP_SERVER_SMTP_SESSION_H

#include "decide/filter.h"
#include "decide/relay.h"
#include "directory/client.h"
#include "mail/body_scan.h"
#include "mail/header.h"
#include "proto/line/front.h"
#include "proto/line/line.h"
#include "proto/line/peer.h"
#include "proto/smtp/server/smtp_answers.h"
#include "proto/smtp/smtp_grammar.h"
#include "queue/client.h"

/* Where a session is: the bits of the command table. */
enum smtp_state {
    SMTP_NEW = 1,       /* before HELO, EHLO or LHLO */
    SMTP_READY = 2,     /* no transaction */
    SMTP_SENDING = 4,   /* MAIL was accepted */
    SMTP_ADDRESSED = 8, /* and at least one RCPT */
    SMTP_CHUNKING = 16, /* and a BDAT or BURL that was not the last */
    SMTP_GREETED = SMTP_READY | SMTP_SENDING | SMTP_ADDRESSED | SMTP_CHUNKING,
    SMTP_ANY = SMTP_NEW | SMTP_GREETED,
};

/* Why a message that is still being received will not be taken; the first one counts. */
enum smtp_trouble {
    SMTP_NO_TROUBLE,
    SMTP_TROUBLE_SIZE,
    SMTP_TROUBLE_SESSION,
    SMTP_TROUBLE_BARE,
    SMTP_TROUBLE_HOPS,
    SMTP_TROUBLE_QUEUE,
    SMTP_TROUBLE_HEADER,
    SMTP_TROUBLE_CHECKS, /* SPF or Sender ID refuses it */
};

/* What filters have to do with the client, and what was found out for them. */
struct smtp_filtering {
    uint32_t applied; /* enum setting_filters */
    bool is_behind;   /* he is a relay of ours: who gave him a message is asked about */
    bool was_listed;  /* the block lists were asked about him; the rest is what they said */
    const struct setting_block_list *list; /* that has him, or NULL */
    uint32_t code;
};

struct smtp_checks; /* smtp_checks.h */

/* A message on its way to the queue. */
struct smtp_intake {
    struct queue_message *queued; /* NULL: it goes nowhere */
    struct header_facts facts;
    struct buffer header; /* held back: of a user's message until it is known what it lacks, of one
                           * that is checked until the outcome is */
    bool holds_header;
    bool is_checked; /* the outcome is to stand in the header */
    bool is_8bit;
    struct body_scan scan; /* of a message that comes by BDAT */
    struct buffer seen;    /* the header as it came, where a filter asks for it */
    uint64_t size;
    enum smtp_trouble trouble;
};

struct smtp_server_transaction {
    struct arena arena;
    enum smtp_state state; /* READY ... CHUNKING */
    struct smtp_mail mail;
    struct queue_envelope envelope;
    unsigned recipient_capacity;
    uint64_t recipient_bytes;
    bool has_international_address;
    bool is_trusted;                 /* what the peer says beside the addresses counts */
    struct directory_rights rights;  /* of who is logged in */
    struct filter_decision filtered; /* the sender is unwanted, and what is sent all the same is
                                      * to be discarded or archived */
    struct smtp_checks *checks;      /* SPF and Sender ID, in arena; NULL: not yet */
    struct smtp_intake intake;       /* while receiving */
};

struct smtp_session {
    struct line_session line;
    struct line_front *front;
    struct settings *settings; /* held */
    struct tls_context *tls;   /* held, or NULL */
    const struct setting_server *server;
    enum service service;
    uint64_t id;
    struct line_seat seat;              /* while it is served */
    char peer[NET_ADDRESS_TEXT_BYTES];  /* "192.0.2.1:4711" */
    struct line_peer known;             /* what DNS, or a front proxy, says of him */
    char proxy[NET_ADDRESS_TEXT_BYTES]; /* who may use XCLIENT for his clients, or "" */
    struct text host;                   /* our name */
    struct smtp_filtering filtering;
    bool said_hello, is_extended; /* EHLO or LHLO */
    char helo[MAIL_DOMAIN_MAX + 1];
    char login[DIRECTORY_USER_MAX]; /* canonical, or "" */
    unsigned failed_logins;
    uint32_t message_count;   /* transactions begun */
    uint64_t message_bytes;   /* of all messages so far */
    struct buffer link_state; /* chunks of X-LINK2STATE */
    bool has_link_state;      /* a FIRST came */
    struct smtp_server_transaction transaction;
};

static inline struct smtp_session *smtp_session(struct line_session *line)
{
    return line->context;
}

/* Ways to answer (smtp_answer.c). */

/* The reply as the table has it, with ": detail" behind when detail is not empty. Errors (400 and
 * above) get a case id, a log line and a story, and count where the table says so. */
void smtp_answer(struct smtp_session *session, enum smtp_answer answer, struct text detail);
/* The same with the reasons of a decision in the story. */
void smtp_answer_because(struct smtp_session *session, enum smtp_answer answer, struct text detail,
                         const struct decision_reason *reasons, unsigned reason_count);
/* For faults the loop counts itself. */
void smtp_answer_uncounted(struct smtp_session *session, enum smtp_answer answer);

/* The answer's codes with other words: lines parted by LF, at least one, all of them ours or
 * printable. For answers that are no errors. YIELDS when there is much. */
void smtp_answer_lines(struct smtp_session *session, enum smtp_answer answer, struct text lines);

/* Hello (smtp_hello.c). */
enum { SMTP_GREETING_BYTES = MAIL_DOMAIN_MAX + NET_ADDRESS_TEXT_BYTES + 16 };
/* "mx.example.org Hello [192.0.2.1]". Returns out. */
const char *smtp_greeting(const struct smtp_session *session, char out[SMTP_GREETING_BYTES]);
/* "220 ...": the session begins, or begins anew. */
void smtp_greet(struct smtp_session *session);
void smtp_command_helo(struct line_session *line, struct text arguments);
void smtp_command_ehlo(struct line_session *line, struct text arguments);

/* What is known here (smtp_help.c), and who (smtp_verify.c). */
void smtp_command_help(struct line_session *line, struct text arguments);
bool smtp_may_verify(const struct smtp_session *session, enum verify_policy policy);
void smtp_command_vrfy(struct line_session *line, struct text arguments);
void smtp_command_expn(struct line_session *line, struct text arguments);

/* Is a login taken on this session now? */
bool smtp_offers_login(const struct smtp_session *session);
/* By which mechanisms with X-EXPS: MECHANISM_BITs. */
uint32_t smtp_exps_mechanisms(const struct smtp_session *session);

/* Transactions (smtp_envelope.c). */
void smtp_server_transaction_init(struct smtp_session *session);
void smtp_server_transaction_reset(struct smtp_session *session);
void smtp_server_transaction_finish(struct smtp_session *session);
void smtp_command_mail(struct line_session *line, struct text arguments);
void smtp_command_rcpt(struct line_session *line, struct text arguments);

/* The terms of a message (smtp_terms.c): what MAIL asked for becomes what is kept, by who asks and
 * what the settings allow. False when MAIL was answered with a refusal. */
bool smtp_terms_settle(struct smtp_session *session, struct smtp_mail *mail);
/* And by what the message itself turned out to be. */
void smtp_terms_complete(struct smtp_server_transaction *transaction);

/* Messages (smtp_receive.c, smtp_intake.c). */
void smtp_command_data(struct line_session *line, struct text arguments);
void smtp_command_bdat(struct line_session *line, struct text arguments);
/* The same with what a URL leads to (smtp_burl.c). */
void smtp_command_burl(struct line_session *line, struct text arguments);
void smtp_intake_begin(struct smtp_session *session);
/* Take bytes of the message, any cutting. Never fails: trouble is noted and told at the end.
 * YIELDS.
 */
void smtp_intake_take(struct smtp_session *session, struct text bytes);
/* The same for bytes that came by BDAT or BURL, whose lines nobody has looked at. YIELDS. */
void smtp_intake_take_chunk(struct smtp_session *session, struct text bytes);
/* The message is complete: commit, answer, end the transaction. YIELDS. */
void smtp_intake_end(struct smtp_session *session);
/* The author of the held header is renamed by the directory, where the settings say so
 * (smtp_resolve.c). Such headers have to be held. YIELDS. */
bool smtp_resolves_sender(const struct smtp_session *session);
void smtp_resolve_sender(struct smtp_session *session);
/* Forget a message that is not complete. */
void smtp_intake_drop(struct smtp_session *session);

/* AUTH (smtp_auth.c). */
void smtp_command_auth(struct line_session *line, struct text arguments);
/* The same among the servers of one organisation. */
void smtp_command_exps(struct line_session *line, struct text arguments);

/* ETRN, TURN, ATRN (smtp_turn.c). */
void smtp_command_etrn(struct line_session *line, struct text arguments);
void smtp_command_turn(struct line_session *line, struct text arguments);
void smtp_command_atrn(struct line_session *line, struct text arguments);

#endif
