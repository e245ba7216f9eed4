/* What the bytes of a message ask of those who carry it. Pure, streaming, any cutting. */
#ifndef MAIL_BODY_SCAN_H
#define MAIL_BODY_SCAN_H

#include "base/text.h"

struct body_scan {
    bool has_nul;
    bool has_bare;      /* a CR or LF that stands alone; the last byte may still be one */
    bool has_long_line; /* over 998 bytes without its end: RFC 5321 4.5.3.1.6 */
    bool after_cr;
    size_t line_length; /* of the line so far */
};

void body_scan_feed(struct body_scan *scan, struct text bytes);
/* After the last byte. */
void body_scan_end(struct body_scan *scan);

bool body_has_8bit(struct text bytes);

#endif
