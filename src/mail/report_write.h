/* Writing facts of any bytes into a delivery report. 8-bit bytes stay only where the report is
 * international and they are well-formed UTF-8; control bytes and others become "?". */
#ifndef MAIL_REPORT_WRITE_H
#define MAIL_REPORT_WRITE_H

#include "base/buffer.h"

enum { REPORT_VALUE_MAX = 320, REPORT_LINE_MAX = 400 };

/* On the current line; cut to REPORT_VALUE_MAX bytes. */
void report_put_clean(struct buffer *out, struct text value, bool is_international);
/* A name of this system; "localhost" for "": neither Reporting-MTA (RFC 3464 2.2.2) nor a domain
 * behind an "@" may be missing. */
void report_put_own_host(struct buffer *out, struct text host);
/* Word by word, in lines that continue with indent; column is where the line stands. White space
 * and line ends of value become one space each run; cut to 2000 bytes. */
void report_put_folded(struct buffer *out, size_t column, const char *indent, struct text value,
                       bool is_international);
/* A whole field of a line of UTF-8 for people, cut to REPORT_LINE_MAX bytes; encoded words (RFC
 * 2047) where it is not ASCII. name has at most 20 letters. */
void report_put_line(struct buffer *out, const char *name, struct text value);
/* The same as a phrase in From, quoted where it must be. */
void report_put_author_name(struct buffer *out, struct text name);
/* A whole field "name: type; address", of type utf-8 where the address needs it: as it is in
 * an international report, else escaped (RFC 6533 3). */
void report_put_address(struct buffer *out, const char *name, struct text address,
                        bool is_international);

#endif
