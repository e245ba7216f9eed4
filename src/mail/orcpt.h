/* The original recipient as ORCPT= carries it from hop to hop: "type;address", the address of type
 * utf-8 in the encodings of RFC 6533 3, of any other type in xtext (RFC 3461 4.2). Pure. */
#ifndef MAIL_ORCPT_H
#define MAIL_ORCPT_H

#include "base/buffer.h"

enum { ORCPT_MAX = 500, ORCPT_ASCII_MAX = 1000 };

/* The address as it is meant, appended to *address: UTF-8 for type utf-8, else ASCII; it holds no
 * control byte. *type is borrowed. False when it is malformed or address is too small. */
bool orcpt_decode(struct text given, struct text *type, struct buffer *address);
/* The same ORCPT for peers that take ASCII alone; UTF-8 becomes \x{...}. False as above. */
bool orcpt_to_ascii(struct text given, struct buffer *out);

#endif
