/* Logging in as an SMTP client: AUTH (RFC 4954), and X-EXPS between servers of one organisation. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_AUTH_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_AUTH_H

#include "base/status.h"
#include "sasl/client.h"
#include "settings/settings.h"

struct smtp_client;
struct smtp_client_options;

/* How a connection logs in. Borrowed while it is opened. */
struct smtp_client_login {
    struct sasl_identity identity;
    enum exps_policy exps; /* anything but EXPS_NEVER: by X-EXPS, never by AUTH */
};

/* Log in as options->login says, by the strongest mechanism that both sides have; with no login,
 * do nothing. OK: logged in, or EXPS_TRY did not lead to it and the session goes on anonymously.
 * TRY_LATER with client->trouble: a wrong password is the administrator's to mend, and the mail
 * waits for that. YIELDS. */
enum status smtp_client_log_in(struct smtp_client *client,
                               const struct smtp_client_options *options);

#endif
