/* What mailboxes are for (RFC 6154). */
#ifndef PROTO_IMAP_MAILBOX_IMAP_USES_H
#define PROTO_IMAP_MAILBOX_IMAP_USES_H

#include "proto/imap/imap_lex.h"
#include "store/mailbox.h"

enum { IMAP_USE_UNKNOWN = 1 << 15 };

/* "\Sent" as a mailbox_use bit; IMAP_USE_UNKNOWN for one that is not known. */
unsigned imap_lex_use(struct imap_lex *lex);
/* " \Sent" for each, a space before. */
void imap_put_uses(struct buffer *out, unsigned uses);

#endif
