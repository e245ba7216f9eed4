/* The parts of a connector that say how we are a client of its hosts. Included by settings.h. */
#ifndef SETTINGS_CLIENT_H
#define SETTINGS_CLIENT_H

#include "base/text.h"
#include "sasl/mechanism.h"

struct setting_smart_host {
    struct text host; /* a name (looked up as A/AAAA, no MX), or an address literal [192.0.2.1] */
    uint16_t port;    /* default 25 */
};

/* What a client logs in with; "" is what is not set. */
struct setting_client_login {
    struct text user;
    struct text secret;     /* name of a file in the secrets directory: a password or a token */
    struct text domain;     /* NTLM's */
    struct text token_file; /* a bearer token that others keep fresh; absolute */
    struct text keytab_file, tickets_file; /* Kerberos; absolute */
    uint32_t mechanisms;                   /* SASL_BITs; 0: any */
    enum sasl_secrecy secrecy;             /* `login over tls` */
};

bool setting_client_logs_in(const struct setting_client_login *login);

/* X-EXPS, the login between servers of one organisation. */
enum exps_policy {
    EXPS_NEVER,   /* log in by AUTH */
    EXPS_TRY,     /* by X-EXPS where the peer has it, else go on anonymously */
    EXPS_REQUIRE, /* by X-EXPS, or no delivery */
};

/* `timeout connect 30s ...`: how long each step towards another host may take. */
struct setting_timeouts {
    int64_t connect_ms, greeting_ms, hello_ms, starttls_ms, login_ms, mail_ms, rcpt_ms, data_ms;
    int64_t block_ms, end_ms, reset_ms, quit_ms;
};

/* `request ...`: ask the host for the mail that it holds for us. */
struct setting_request {
    struct text *nodes; /* `etrn NODE ...`: have them sent to us; "example.org", "@...", "#..." */
    unsigned node_count;
    bool turns;           /* `atrn [DOMAIN ...]`: fetch them over the same connection */
    struct text *domains; /* none: all that the host has for our login */
    unsigned domain_count;
    struct setting_smart_host at; /* `at HOST`; host "": the smart hosts */
    int64_t every_ms;             /* `every 15m`; 0: only when mail is sent there */
};

#endif
