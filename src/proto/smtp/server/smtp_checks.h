/* SPF and Sender ID (RFC 7208, RFC 4406) meet a session: whether the host may send for the domains
 * that a message names, and what becomes of it. Included only from proto/smtp. */
#ifndef PROTO_SMTP_SERVER_SMTP_CHECKS_H
#define PROTO_SMTP_SERVER_SMTP_CHECKS_H

#include "decide/spf.h"
#include "mail/pra.h"
#include "proto/smtp/server/smtp_session.h"

/* What was found out about a message; in the transaction's arena. */
struct smtp_checks {
    bool has_helo, has_sender, has_sender_id;
    struct spf_decision helo, sender; /* SPF: of HELO, of MAIL FROM */
    struct spf_decision sender_id;    /* NONE, when the header names nobody */
    struct mail_pra pra;
    enum setting_check_action action; /* of all that, the first that is not CHECK_ACCEPT */
    enum smtp_answer answer;          /* for CHECK_REFUSE, which stands for "later" too */
    struct text detail;
    struct decision_reason reason;
    enum queue_filtered filter;
};

/* The outcome is written into the header, and no other field may claim to be ours. */
bool smtp_checks_stamp(const struct smtp_session *session);
/* At RCPT, of one who is welcome but for this: SPF, asked once about a message. False when it was
 * answered. YIELDS. */
bool smtp_checks_sender(struct smtp_session *session);
/* The header section is there: Sender ID. YIELDS. */
void smtp_checks_header(struct smtp_session *session, struct text section);
/* Append what is to stand above all other fields: Authentication-Results, Received-SPF. */
void smtp_checks_write(struct smtp_session *session, struct buffer *out);
/* "spf=pass sender-id=none", in the transaction's arena; "" when nothing was checked. */
struct text smtp_checks_text(struct smtp_session *session);

/* What becomes of the message. */
enum setting_check_action smtp_checks_action(const struct smtp_session *session);
/* Of one that is not CHECK_ACCEPT: answer at its end, and tell. */
void smtp_checks_answer(struct smtp_session *session);

#endif
