/* How rows stand in files: W3C extended, Microsoft IIS and NCSA common format. Pure. Whatever a row
 * has in it, it makes one line with as many fields as the format has: what a client sends cannot
 * end a line, begin a field or pass for a directive. */
#ifndef PROTOLOG_FORMAT_H
#define PROTOLOG_FORMAT_H

#include "protolog/row.h"
#include "settings/protolog.h"

/* Of one line with its end. */
enum { PROTOLOG_LINE_MAX = 3 * PROTOLOG_ROW_MAX + 512 };

/* What is the same in all lines of a file. */
struct protolog_site {
    const struct setting_log *log;
    struct text name;     /* "SMTPSVC1" */
    struct text computer; /* "mx" */
};

/* "SMTPSVC1" of server "1", "POP3SVCdefault": of one of the servers' services, appended. */
void protolog_site_name(uint8_t service, struct text server, struct buffer *out);

/* The directives a file begins with, and begins anew with when the fields have changed; nothing
 * where the format has none. */
void protolog_write_header(const struct setting_log *log, int64_t wall_ms, struct buffer *out);
/* A line for people that readers of the format pass over; nothing where the format has none. words:
 * ours. */
void protolog_write_remark(const struct setting_log *log, const char *words, struct buffer *out);
/* The row, a line that ends with LF. */
void protolog_write_row(const struct protolog_site *site, const struct protolog_row *row,
                        struct buffer *out);

#endif
