/* STATUS items (RFC 9051 6.3.11), also asked for by LIST (RFC 5819). A new one is a row in
 * imap_status.c. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_STATUS_H
#define PROTO_IMAP_MAILBOX_IMAP_STATUS_H

#include "proto/imap/imap_session.h"

/* "(MESSAGES UNSEEN)" as bits; 0 after an error. */
unsigned imap_lex_status_items(struct imap_lex *lex);
/* Append the whole response to session->out. */
void imap_put_status(struct imap_session *session, struct mailbox *box, unsigned items);

#endif
