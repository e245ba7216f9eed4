#include "mail/body_scan.h"

#include <string.h>

enum { LINE_MOST = 998 };

static void scan_line(struct body_scan *scan, struct text line, bool has_lf)
{
    size_t length = line.length;
    bool ends_with_cr = length > 0 ? line.data[length - 1] == '\r' : scan->after_cr;
    /* A CR is good only right before the LF, which may be in the next piece. */
    size_t cr = text_find(line, '\r');
    if ((scan->after_cr && length > 0) || cr + 1 < length || (has_lf && !ends_with_cr))
        scan->has_bare = true;
    scan->line_length += length;
    if (scan->line_length > (size_t)LINE_MOST + ends_with_cr)
        scan->has_long_line = true;
    scan->after_cr = ends_with_cr && !has_lf;
    if (has_lf)
        scan->line_length = 0;
}

void body_scan_feed(struct body_scan *scan, struct text bytes)
{
    if (text_find(bytes, '\0') < bytes.length)
        scan->has_nul = true;
    while (bytes.length > 0) {
        size_t length = text_find(bytes, '\n');
        bool has_lf = length < bytes.length;
        scan_line(scan, text_head(bytes, length), has_lf);
        bytes = text_from_position(bytes, length + has_lf);
    }
}

void body_scan_end(struct body_scan *scan)
{
    if (scan->after_cr)
        scan->has_bare = true;
}

bool body_has_8bit(struct text bytes)
{
    uint64_t seen = 0, word;
    size_t at = 0;
    for (; at + sizeof(word) <= bytes.length; at += sizeof(word)) {
        memcpy(&word, bytes.data + at, sizeof(word));
        seen |= word;
    }
    for (; at < bytes.length; at++)
        seen |= (unsigned char)bytes.data[at];
    return (seen & 0x8080808080808080u) != 0;
}
