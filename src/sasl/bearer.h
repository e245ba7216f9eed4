/* What a client sends that logs in with a bearer token: OAUTHBEARER (RFC 7628), and XOAUTH2, which
 * is what there was before it. Pure; text is borrowed. */
#ifndef SASL_BEARER_H
#define SASL_BEARER_H

#include "base/text.h"

struct bearer {
    struct text user;  /* OAUTHBEARER: a saslname, "" none said; XOAUTH2: a name */
    struct text token; /* "" none: the client only asks how */
};
/* False: not of the grammar, or of another scheme than Bearer (RFC 6750 2.1). */
bool bearer_parse(struct text message, struct bearer *out);
bool bearer_parse_xoauth2(struct text message, struct bearer *out);

#endif
