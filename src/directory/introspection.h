/* What auth asks of the send role, which alone may connect: whether an authority knows a token to
 * be good (RFC 7662). Where, and as whom, the settings say, never auth. */
#ifndef DIRECTORY_INTROSPECTION_H
#define DIRECTORY_INTROSPECTION_H

#include "proc/rpc.h"

/* Methods the send role serves for auth; numbers are stable. */
enum introspection_method { INTROSPECT_TOKEN = 1 };
enum { INTROSPECTION_TOKEN_MAX = 10000, INTROSPECTION_ANSWER_MAX = 16384 };

/* The authority's answer, JSON that nobody has looked at yet, appended to answer. TRY_LATER.
 * YIELDS.
 */
enum status introspection_ask(struct rpc_channel *send, struct text token, struct buffer *answer);

#endif
