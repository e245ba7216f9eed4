/* XCLIENT, as Postfix documents it (XCLIENT_README): a front proxy tells for whom it speaks. */
#ifndef PROTO_SMTP_SERVER_SMTP_XCLIENT_H
#define PROTO_SMTP_SERVER_SMTP_XCLIENT_H

#include "proto/smtp/server/smtp_session.h"

enum { SMTP_XCLIENT_VALUE_MAX = 255 };

/* What was told; an attribute that was not given, or whose value the proxy does not know, is "". */
struct smtp_xclient {
    unsigned given;                /* bit per enum smtp_xclient_attribute */
    struct text name, helo, login; /* decoded, safe in a header; login: 7-bit printable */
    bool has_address, is_extended;
    struct net_address address; /* with PORT, or port 0 */
    uint16_t port;
};
enum smtp_xclient_attribute {
    SMTP_XCLIENT_NAME,
    SMTP_XCLIENT_ADDR,
    SMTP_XCLIENT_PORT,
    SMTP_XCLIENT_PROTO,
    SMTP_XCLIENT_HELO,
    SMTP_XCLIENT_LOGIN,
    SMTP_XCLIENT_DESTADDR,
    SMTP_XCLIENT_DESTPORT,
};
/* Parse the arguments; texts in arena. False: fail_reason() says why. Pure. */
bool smtp_xclient_parse(struct text arguments, struct arena *arena, struct smtp_xclient *out);

/* The attributes, for EHLO. */
void smtp_xclient_write(const struct smtp_session *session, struct buffer *out);
void smtp_command_xclient(struct line_session *line, struct text arguments);

#endif
