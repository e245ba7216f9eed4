/* What a connector logs in with at its smart hosts: from the settings, the secrets, and files that
 * others keep fresh. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_LOGIN_H
#define PROTO_SMTP_SEND_SMTP_SEND_LOGIN_H

#include "proc/role.h"
#include "proto/smtp/client/smtp_client_auth.h"

struct smtp_send_login {
    struct smtp_client_login login;
    struct tls_context *tls; /* that shows the connector's certificate; NULL: any will do */
    struct buffer secrets;   /* what login.identity borrows and no settings hold */
};

/* For a connector that logs in (setting_client_logs_in), or has a certificate to show. OK: *with is
 * filled in, and ended by smtp_send_login_finish; the connector's settings must outlive it.
 * TRY_LATER: the token's file can't be read. Not OK: nothing needs ending. YIELDS. */
enum status smtp_send_login_find(const struct role_context *context,
                                 const struct setting_connector *connector,
                                 struct smtp_send_login *with);
void smtp_send_login_finish(struct smtp_send_login *with);

#endif
