/* ENVELOPE (RFC 9051 7.5.2): what a header says of who, to whom and about what. */
#ifndef PROTO_IMAP_MESSAGE_IMAP_ENVELOPE_H
#define PROTO_IMAP_MESSAGE_IMAP_ENVELOPE_H

#include "base/arena.h"
#include "base/buffer.h"

/* Append "(date subject from sender ...)". header: a header section; nothing is decoded. */
void imap_put_envelope(struct buffer *out, struct text header);

#endif
