/* The actions of all command families, for the table. */
#ifndef PROTO_IMAP_IMAP_COMMANDS_H
#define PROTO_IMAP_IMAP_COMMANDS_H

#include "proto/imap/imap_session.h"

/* imap_any.c: valid in any state */
void imap_capability(struct imap_session *session);
void imap_noop(struct imap_session *session);
void imap_logout(struct imap_session *session);
void imap_id(struct imap_session *session);
void imap_refused_now(struct imap_session *session);
/* imap_select.c */
void imap_select(struct imap_session *session);
void imap_examine(struct imap_session *session);
void imap_unselect(struct imap_session *session);
void imap_check(struct imap_session *session);
/* imap_fetch.c */
void imap_fetch(struct imap_session *session);

#endif
