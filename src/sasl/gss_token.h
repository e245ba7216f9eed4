/* What the first token of a GSS login is, before the library is given a stranger's bytes; and whom
 * an NTLM token speaks for, so that guesses can be counted. Pure. */
#ifndef SASL_GSS_TOKEN_H
#define SASL_GSS_TOKEN_H

#include "base/buffer.h"
#include "sasl/gss.h"

/* RFC 2743 3.1: the framing and the mechanism's OID; NTLM has a signature of its own. False: it is
 * of none that we know, or its lengths are wrong. */
bool sasl_gss_token_kind(struct text token, enum sasl_gss_kind *out);

/* MS-NLMP 2.2.1.3: domain and user of an AUTHENTICATE_MESSAGE, as "DOMAIN\user" or "user"; the
 * message may stand inside a SPNEGO token. It is a claim that nothing has checked. False: there is
 * none, or it is malformed. */
bool sasl_ntlm_claim(struct text token, struct buffer *out);

/* An NTLM message as the plug-in wants it. What lies outside of the message, or is of no length
 * that the protocol has, is refused here. Old clients (and curl) leave out the version that may
 * stand behind the fixed part; the plug-in insists on its eight bytes, which mean nothing, so they
 * are put in. False: malformed. */
bool sasl_ntlm_normalise(struct text token, struct buffer *out);

#endif
