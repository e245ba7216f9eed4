/* What the queue refuses by a status of its own, and which answer says so. */
#ifndef PROTO_SMTP_SERVER_SMTP_REFUSAL_H
#define PROTO_SMTP_SERVER_SMTP_REFUSAL_H

#include "proto/smtp/server/smtp_session.h"

/* The answer for a reason of the queue, and *words to stand behind it; `otherwise` without any when
 * the reason has no status. */
enum smtp_answer smtp_refusal(struct text reason, enum smtp_answer otherwise, struct text *words);

#endif
