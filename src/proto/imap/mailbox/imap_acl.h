/* What LIST says of rights. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_ACL_H
#define PROTO_IMAP_MAILBOX_IMAP_ACL_H

#include "proto/imap/imap_session.h"

/* Append the MYRIGHTS response to session->out. */
void imap_put_my_rights(struct imap_session *session, const struct mailbox *box);

#endif
