/* What EHLO promises: one row per extension, offered only where it works in this session. The verbs
 * of an extension are known by their rows in smtp_server.c, its parameters by smtp_grammar.c; both
 * go away with it when the settings switch it off. */
#ifndef PROTO_SMTP_SERVER_SMTP_EXTENSIONS_H
#define PROTO_SMTP_SERVER_SMTP_EXTENSIONS_H

#include "proto/smtp/server/smtp_session.h"

/* EXTENSION_BITs of what is switched off here, of what is nothing without that, and of what is not
 * for this peer. */
unsigned smtp_extensions_without(const struct smtp_session *session);
static inline bool smtp_extension_is_off(const struct smtp_session *session,
                                         enum extension extension)
{
    return (smtp_extensions_without(session) & EXTENSION_BIT(extension)) != 0;
}
/* It is on, and works for the peer now. */
bool smtp_extension_is_offered(const struct smtp_session *session, enum extension extension);
/* EXTENSION_BITs of what is not: their parameters are not known. */
unsigned smtp_extensions_not_offered(const struct smtp_session *session);
/* Write a reply of 250 with our name and what is offered. */
void smtp_extensions_list(struct smtp_session *session);

#endif
