/* A message as DATA sends it (RFC 5321 4.5.2): lines that begin with a dot get another. Pure. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_DOTS_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_DOTS_H

#include "base/text.h"

struct smtp_dots {
    bool in_line;  /* bytes since the last LF */
    bool after_cr; /* the last byte was CR */
};

/* The next piece to send of *bytes (any cutting), taken off it. False at the end of *bytes. Pieces
 * are slices of *bytes, or of literals for what is added. A bare LF is sent as CRLF: a receiver
 * that takes it for a line end must not see a dot line that we did not (SMTP smuggling). */
bool smtp_dots_next(struct smtp_dots *dots, struct text *bytes, struct text *piece);
/* What ends the message: ".\r\n", behind CRLF when the last line had none. */
struct text smtp_dots_end(const struct smtp_dots *dots);

#endif
