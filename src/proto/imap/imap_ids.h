/* Names of messages and mailboxes that never change (RFC 8474). Threads have none here. */
#ifndef PROTO_IMAP_IMAP_IDS_H
#define PROTO_IMAP_IMAP_IDS_H

#include "proto/imap/imap_showing.h"

enum { IMAP_ID_BYTES = 24 };
/* A letter for how it is shown ("M": as it is kept) and the message's id: the same for all copies
 * of it. Returns out. */
const char *imap_email_id(const struct imap_showing *showing, uint64_t message,
                          char out[IMAP_ID_BYTES]);
/* "F" and the mailbox's id. */
const char *imap_mailbox_id(uint64_t mailbox, char out[IMAP_ID_BYTES]);
/* The message that an EMAILID names where they are shown so; 0 when it is none. */
uint64_t imap_email_of(const struct imap_showing *showing, struct text id);

#endif
