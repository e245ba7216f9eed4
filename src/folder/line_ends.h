/* Lines that end by LF, CR or CRLF, as files have them, made lines that end by CRLF. Streaming, any
 * cutting. */
#ifndef FOLDER_LINE_ENDS_H
#define FOLDER_LINE_ENDS_H

#include "base/buffer.h"

struct line_ends {
    bool after_cr;  /* one was read, and what it is depends on what follows */
    bool is_inside; /* of a line */
};

/* At most two bytes come out of each that goes in, and two more. */
void line_ends_feed(struct line_ends *ends, struct text bytes, struct buffer *out);
/* After the last byte: the last line gets its end. */
void line_ends_end(struct line_ends *ends, struct buffer *out);

#endif
