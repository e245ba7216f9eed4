/* SASL PLAIN (RFC 4616) and LOGIN over a line protocol (RFC 4954, RFC 5034): the exchange only;
 * whether the password is right is the directory's to say. */
#ifndef PROTO_LINE_SASL_H
#define PROTO_LINE_SASL_H

#include "proto/line/line.h"

enum { SASL_LINE_MAX = 12288, SASL_NAME_MAX = 512 };

struct sasl_credentials {
    char user[SASL_NAME_MAX]; /* NUL-ended; neither holds a NUL */
    char password[SASL_NAME_MAX];
};

enum sasl_outcome {
    SASL_DONE,      /* credentials are filled in */
    SASL_CANCELLED, /* the client sent "*" */
    SASL_MALFORMED, /* not base64, or not what the mechanism sends */
    SASL_UNKNOWN,   /* no such mechanism */
    SASL_ENDED      /* the session is over */
};

/* arguments: "MECHANISM [initial-response]". prompt: what a challenge begins with, "334 " or "+ ".
 * YIELDS. */
enum sasl_outcome sasl_exchange(struct line_session *session, struct text arguments,
                                const char *prompt, struct sasl_credentials *out);
/* Overwrite the secrets in a way that is not optimised away. */
void sasl_forget(struct sasl_credentials *credentials);

/* Take PLAIN's message apart; for the exchange and its tests. False when malformed, or when it asks
 * to act as someone else than the one who logs in. */
bool sasl_plain_parse(struct text message, struct sasl_credentials *out);

#endif
