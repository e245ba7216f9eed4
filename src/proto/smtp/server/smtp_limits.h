/* How much one session may bring, by the settings of its server. */
#ifndef PROTO_SMTP_SERVER_SMTP_LIMITS_H
#define PROTO_SMTP_SERVER_SMTP_LIMITS_H

#include "proto/smtp/server/smtp_session.h"

/* The largest message, in bytes; the settings' or that of the store. */
uint64_t smtp_limit_message(const struct smtp_session *session);
/* May one more message of this declared size (0: not told) begin? False when MAIL was answered. */
bool smtp_limits_allow(struct smtp_session *session, uint64_t size);
/* Count bytes of messages in. False: the session has brought too much. */
bool smtp_limits_count(struct smtp_session *session, size_t bytes);
/* The arguments of LIMITS in EHLO (RFC 9422). */
void smtp_limits_write(const struct smtp_session *session, struct buffer *out);

#endif
