/* NOTIFY (RFC 5465): being told of other mailboxes, and of the selected one at any time. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_NOTIFY_H
#define PROTO_IMAP_MAILBOX_IMAP_NOTIFY_H

#include "proto/imap/imap_session.h"

/* All of these are harmless without NOTIFY. */

/* Tell what happened outside of the selected mailbox. YIELDS. */
void imap_notify_tell(struct imap_session *session);
/* Messages from this UID on are new in the selected mailbox: tell what was asked for of them.
 * YIELDS. */
void imap_notify_new(struct imap_session *session, uint32_t first);
/* Between commands: wait for the next, and tell what happens. YIELDS. */
void imap_notify_wait(struct imap_session *session);
/* From now on which notes change is told too (RFC 5464 4.4), whatever NOTIFY asks for. YIELDS. */
void imap_notify_notes(struct imap_session *session);
/* Tell nothing more. */
void imap_notify_end(struct imap_session *session);

#endif
