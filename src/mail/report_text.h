/* The part of a delivery report that people read. */
#ifndef MAIL_REPORT_TEXT_H
#define MAIL_REPORT_TEXT_H

#include "mail/report.h"

/* The whole first body part, its header included. */
void report_put_text_part(struct buffer *out, const struct report *report);

#endif
