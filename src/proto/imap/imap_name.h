/* Names of mailboxes on the wire: UTF-8 inside; outside modified UTF-7 (RFC 3501 5.1.3), or UTF-8
 * for clients that asked for it (RFC 9051, RFC 6855). */
#ifndef PROTO_IMAP_IMAP_NAME_H
#define PROTO_IMAP_IMAP_NAME_H

#include "base/arena.h"
#include "base/buffer.h"

/* Strict: false for what no encoder writes. out: in arena. */
bool imap_utf7_decode(struct text text, struct arena *arena, struct text *out);
/* name must be UTF-8. */
void imap_utf7_encode(struct text name, struct buffer *out);

/* A name as the client wrote it: decoded, INBOX and its levels in capitals where the first level is
 * that word. False when it is none. */
bool imap_name_read(struct text written, bool is_utf8, struct arena *arena, struct text *out);
/* As an astring. */
void imap_put_name(struct buffer *out, struct text name, bool is_utf8);

#endif
