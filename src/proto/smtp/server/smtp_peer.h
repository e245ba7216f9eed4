/* The verbs of other servers of our own organisation: who is one is told by the settings (`peer`)
 * and proved by a login. */
#ifndef PROTO_SMTP_SERVER_SMTP_PEER_H
#define PROTO_SMTP_SERVER_SMTP_PEER_H

#include "proto/smtp/server/smtp_session.h"

bool smtp_is_peer(const struct smtp_session *session);
/* False when the command was answered: the peer is a stranger, or a user. */
bool smtp_peer_is_welcome(struct smtp_session *session);

void smtp_command_xexch50(struct line_session *line, struct text arguments);
void smtp_command_xlink2state(struct line_session *line, struct text arguments);
void smtp_command_lsa(struct line_session *line, struct text arguments);
/* Forget the chunks that came. */
void smtp_link_state_reset(struct smtp_session *session);

#endif
