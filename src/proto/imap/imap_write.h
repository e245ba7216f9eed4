/* Writing what IMAP calls strings (RFC 9051 4.3) into a response. */
#ifndef PROTO_IMAP_IMAP_WRITE_H
#define PROTO_IMAP_IMAP_WRITE_H

#include "base/buffer.h"

/* Quoted where it is short and of printable ASCII, else a literal. */
void imap_put_string(struct buffer *out, struct text text);
/* The same; a text whose data is NULL is NIL. */
void imap_put_nstring(struct buffer *out, struct text text);
/* An atom where it can be one. */
void imap_put_astring(struct buffer *out, struct text text);
/* Quoted, UTF-8 as it is: for sessions that asked for UTF-8, and what is well-formed. */
void imap_put_utf8(struct buffer *out, struct text text);

#endif
