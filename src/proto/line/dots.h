/* Dot transparency (RFC 5321 4.5.2, RFC 1939 3): message data that ends with a line holding one
 * dot. Pure, streaming, without copying: each call gives a slice of what was put in. */
#ifndef PROTO_LINE_DOTS_H
#define PROTO_LINE_DOTS_H

#include "base/text.h"

/* Where in a line the next byte stands. */
enum dots_position {
    DOTS_LINE_START,
    DOTS_AFTER_DOT,
    DOTS_AFTER_DOT_CR,
    DOTS_IN_LINE,
    DOTS_AFTER_CR
};

struct dots_reader {
    enum dots_position position; /* zero: at the start of the data */
    bool ended;                  /* CRLF.CRLF was seen; what follows is not data */
    bool has_bare;               /* a CR or LF stood alone: the data must be refused */
};

/* Take data off *rest: returns the next slice of the message, possibly empty, with stuffing dots
 * and the end taken out. Call until *rest is empty or `ended`. Only CRLF.CRLF ends the data. Once
 * has_bare is set the slices are of no use. */
struct text dots_read(struct dots_reader *reader, struct text *rest);

struct dots_writer {
    bool in_line; /* zero: at the start of the data */
    bool after_cr, needs_crlf;
};
/* Take message bytes off *rest: returns the slice to send next; *dot says to send a dot before it.
 * Call until *rest is empty. A line also begins behind a bare LF: many clients end lines there, and
 * for them an unstuffed dot would end the message early. */
struct text dots_write(struct dots_writer *writer, struct text *rest, bool *dot);
/* What ends the data: ".\r\n", after a CRLF where the message did not end with one. */
struct text dots_finish(const struct dots_writer *writer);

#endif
