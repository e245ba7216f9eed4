#include "directory/introspection.h"

#include "base/clock.h"

enum { ANSWER_WAIT = 30 * SECOND };

enum status introspection_ask(struct rpc_channel *send, struct text token, struct buffer *answer)
{
    struct rpc_reply reply;
    if (token.length > INTROSPECTION_TOKEN_MAX)
        return refused("the token is too long");
    enum status status =
        rpc_ask(send, INTROSPECT_TOKEN, token, -1, clock_monotonic_ms() + ANSWER_WAIT, &reply);
    if (status == OK && !buffer_append(answer, buffer_text(&reply.bytes)))
        status = try_later("the answer about a token is too long");
    rpc_reply_finish(&reply);
    /* A refusal of the question is not one of the token. */
    return status == REFUSED ? try_later("the token could not be asked about") : status;
}
