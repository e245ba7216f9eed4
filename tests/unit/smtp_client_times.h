/* Times for SMTP clients in tests, which have no settings. */
#ifndef SMTP_CLIENT_TIMES_H
#define SMTP_CLIENT_TIMES_H

#include "base/clock.h"
#include "settings/settings.h"

static const struct setting_timeouts client_times = {
    .connect_ms = MINUTE,
    .greeting_ms = MINUTE,
    .hello_ms = MINUTE,
    .starttls_ms = MINUTE,
    .login_ms = MINUTE,
    .mail_ms = MINUTE,
    .rcpt_ms = MINUTE,
    .data_ms = MINUTE,
    .block_ms = MINUTE,
    .end_ms = MINUTE,
    .reset_ms = MINUTE,
    .quit_ms = SECOND,
};

#endif
