#include "folder/line_ends.h"

static void end_line(struct line_ends *ends, struct buffer *out)
{
    buffer_append(out, TEXT("\r\n"));
    ends->is_inside = ends->after_cr = false;
}

void line_ends_feed(struct line_ends *ends, struct text bytes, struct buffer *out)
{
    size_t at = 0;
    while (at < bytes.length) {
        char c = bytes.data[at];
        if (c == '\n') {
            end_line(ends, out);
            at++;
            continue;
        }
        if (c == '\r') {
            /* Programs that print CRLF in a text mode write CR CR LF: one end. */
            ends->after_cr = true;
            at++;
            continue;
        }
        if (ends->after_cr)
            end_line(ends, out);
        size_t run = at;
        while (run < bytes.length && bytes.data[run] != '\n' && bytes.data[run] != '\r')
            run++;
        buffer_append(out, text_of(bytes.data + at, run - at));
        ends->is_inside = true;
        at = run;
    }
}

void line_ends_end(struct line_ends *ends, struct buffer *out)
{
    if (ends->is_inside || ends->after_cr)
        end_line(ends, out);
}
