/* Where the filters of a server (decide/filter.h) meet a session. Included only from proto/smtp. */
#ifndef PROTO_SMTP_SERVER_SMTP_FILTER_H
#define PROTO_SMTP_SERVER_SMTP_FILTER_H

#include "proto/smtp/server/smtp_session.h"

/* The client is another, or new: which filters are applied to him? FILTER_UNWANTED: he is to be
 * turned away. */
struct filter_decision smtp_filter_meet(struct smtp_session *session);

/* At MAIL. False when it was answered with a refusal. NULL: the null path. */
bool smtp_filter_sender(struct smtp_session *session, const struct mail_address *sender);
/* At RCPT, before the recipient is looked up. False when it was answered. */
bool smtp_filter_recipient(struct smtp_session *session, const struct mail_address *recipient);
/* At RCPT, of one who is welcome but for this: the block lists, asked once about a client. False
 * when it was answered. YIELDS. */
bool smtp_filter_lists(struct smtp_session *session, const struct mail_address *recipient);

/* The header has to be kept in intake->seen: a relay of ours sends, and it says for whom. */
bool smtp_filter_wants_header(const struct smtp_session *session);
/* The message is complete. False when all its replies were given, and it is not to be kept. YIELDS.
 */
bool smtp_filter_message(struct smtp_session *session);

/* The message is from an unwanted sender: what becomes of it? */
bool smtp_filter_discards(const struct smtp_session *session); /* it is thrown away as it comes */
bool smtp_filter_archives(const struct smtp_session *session);
/* It has been, and no trouble was met: answer, and tell of it. */
void smtp_filter_answer_unwanted(struct smtp_session *session);

/* A message was thrown away for this reason: the client hears that it was taken, the story has the
 * truth. */
void smtp_filter_answer_discarded(struct smtp_session *session,
                                  const struct decision_reason *reason);

/* Who gave the message to relays of ours, by the Received fields that they wrote: an address in
 * path. NULL: it was none but them. The client himself when he is no relay of ours. */
enum { SMTP_PATH_MOST = 16 };
const struct net_address *smtp_filter_origin(const struct smtp_session *session, struct text header,
                                             struct net_address path[SMTP_PATH_MOST]);

#endif
