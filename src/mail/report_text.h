/* What people read of a delivery report. */
#ifndef MAIL_REPORT_TEXT_H
#define MAIL_REPORT_TEXT_H

#include "mail/report.h"

/* The whole first body part, its header included. */
void report_put_text_part(struct buffer *out, const struct report *report);
/* The field Subject. */
void report_put_subject(struct buffer *out, const struct report *report);
/* Subject and text as a person reads them: UTF-8, not encoded. */
void report_put_plain(struct buffer *out, const struct report *report);
/* The name in From: a phrase (RFC 5322 3.2.5). */
void report_put_author(struct buffer *out, const struct report *report);

#endif
