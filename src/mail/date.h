/* Dates as mail writes them. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdint.h>

#include "base/text.h"

enum { MAIL_DATE_BYTES = 40 };

/* RFC 5322 3.3 in UTC: "Fri, 20 Nov 2026 10:02:11 +0000". Independent of locale. Returns out. */
const char *mail_date(int64_t wall_ms, char out[MAIL_DATE_BYTES]);
/* RFC 9051 9, date-time, in UTC: "20-Nov-2026 10:02:11 +0000". Returns out. */
const char *mail_date_imap(int64_t wall_ms, char out[MAIL_DATE_BYTES]);
/* Read a date-time, obsolete forms and zones included; without zone it is UTC. False when it is
 * none, or not of the years 1900 to 9999. */
bool mail_date_parse(struct text text, int64_t *wall_ms);
/* RFC 3339 in full: "2026-11-20T10:02:11.25Z", or with an offset. Strict. */
bool mail_date_parse_rfc3339(struct text text, int64_t *wall_ms);

#endif
