/* The content transfer encodings that make any bytes lines of ASCII (RFC 2045 6.7, 6.8), as
 * streams: fed in any cutting, they write the same. Decoding gives back exactly the bytes fed. */
#ifndef MAIL_TRANSFER_ENCODING_H
#define MAIL_TRANSFER_ENCODING_H

#include "base/buffer.h"

/* out NULL: nothing is written, only counted. */
struct quoted_printable {
    struct buffer *out;
    uint64_t length; /* of what was written */
    unsigned column;
    char held_blank; /* white space that a line end would turn into an encoded one; 0 none */
    bool held_cr;
};
/* CRLF stays a line end; a bare CR or LF is a byte as any other. No line begins with "-": it can
 * be no boundary. */
void quoted_printable_feed(struct quoted_printable *encoder, struct text bytes);
/* The rest. ends_message: the last line is given an end, which means nothing when decoded. */
void quoted_printable_end(struct quoted_printable *encoder, bool ends_message);

enum { BASE64_LINE_BYTES = 57 };
struct base64_lines {
    struct buffer *out;
    uint64_t length;
    char held[BASE64_LINE_BYTES]; /* of the present line */
    unsigned held_count;
    bool has_line; /* one was written, without its end */
};
void base64_lines_feed(struct base64_lines *encoder, struct text bytes);
void base64_lines_end(struct base64_lines *encoder, bool ends_message);

#endif
