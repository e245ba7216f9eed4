/* SASL (RFC 4422) over a line protocol (RFC 4954, RFC 5034, RFC 9051): offering mechanisms, and
 * carrying the messages of an exchange between the client and the auth role, which alone knows what
 * they mean. Front keeps nothing of them. */
#ifndef PROTO_LINE_SASL_H
#define PROTO_LINE_SASL_H

#include "directory/client.h"
#include "proto/line/line.h"

enum { SASL_LINE_MAX = DIRECTORY_SASL_MAX }; /* RFC 4954 4 */

/* Who wants to log in, and where; borrowed. */
struct sasl_session {
    struct line_session *line;
    struct rpc_channel *auth;
    const struct setting_server *server;
    enum service service;
    uint64_t id;
    struct text peer;
    struct text host;   /* the name by which we greet */
    const char *prompt; /* what a challenge begins with: "334 " or "+ " */
    uint32_t only;      /* MECHANISM_BITs; 0: any */
    bool is_exps;       /* "334 GSSAPI supported", as Exchange says it, and its clients wait for */
    /* Where a message is more than the base64 on a line (RFC 5804 2.1): what a challenge ends with,
     * and how a response is read, as line_read_why; NULL for neither. */
    const char *prompt_end;
    enum status (*read)(struct line_session *line, struct text *response, enum line_fault *fault);
};

/* What a server offers on this stream now: MECHANISM_BITs. */
uint32_t sasl_offers(const struct stream *stream, const struct setting_server *server);
/* Is a password taken in a protocol's own command (USER and PASS, LOGIN)? Where PLAIN is offered.
 */
bool sasl_takes_passwords(const struct stream *stream, const struct setting_server *server);

enum sasl_outcome {
    SASL_DONE,      /* logged in */
    SASL_CANCELLED, /* the client sent "*" */
    SASL_TOO_LONG,  /* the client sent a longer response than anybody needs */
    SASL_MALFORMED, /* not base64, or not what the mechanism sends */
    SASL_UNKNOWN,   /* no such mechanism here */
    SASL_NEEDS_TLS, /* there is, but not without TLS */
    SASL_FAILED,    /* wrong; which half is not told */
    SASL_LATER,     /* not possible now: fail_reason() */
    SASL_ENDED      /* the session is over */
};

struct sasl_login {
    enum mechanism mechanism;      /* MECHANISM_COUNT when none was recognised */
    uint64_t exchange;             /* for directory_sasl_session */
    char user[DIRECTORY_USER_MAX]; /* canonical, when done */
};

/* arguments: "MECHANISM [initial-response]", as base64, "=" for an empty one. YIELDS. */
enum sasl_outcome sasl_exchange(const struct sasl_session *session, struct text arguments,
                                struct sasl_login *out);

#endif
