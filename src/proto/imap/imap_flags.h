/* Flags and keywords of messages (RFC 9051 2.3.2). */
#ifndef PROTO_IMAP_IMAP_FLAGS_H
#define PROTO_IMAP_IMAP_FLAGS_H

#include "proto/imap/imap_lex.h"
#include "store/mailbox.h"

/* "(\Seen \Answered)" of one message. */
void imap_put_flags(struct buffer *out, const struct mailbox *box,
                    const struct mailbox_entry *entry);

#endif
