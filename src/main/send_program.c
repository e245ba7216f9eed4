/* The role `send`: what it is made of. It asks the store for work, and takes from it peers that
 * want their mail over a connection of theirs. For auth it asks others about tokens, for fronts DNS
 * about peers. */
#include <stdlib.h>

#include "base/check.h"
#include "directory/introspection.h"
#include "main/introspect.h"
#include "main/peer_names.h"
#include "main/programs.h"
#include "main/spf_answers.h"
#include "proto/line/peer.h"
#include "proto/smtp/send/smtp_send.h"
#include "queue/block_lists.h"
#include "queue/links/links.h"
#include "queue/spf_question.h"
#include "queue/turn/turn.h"

struct send {
    struct role_context *context;
    struct smtp_send *smtp;
    struct introspect *introspect;
    struct peer_names *peer_names;
};

static void serve_turn(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    smtp_send_methods[0].serve(send->smtp, call, request);
}

static void serve_links(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    smtp_send_methods[2].serve(send->smtp, call, request);
}

static void serve_probe(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    smtp_send_methods[1].serve(send->smtp, call, request);
}

static void serve_token(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    introspect_serve(send->introspect, call, request);
}

static void serve_peer_name(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    peer_names_serve(send->peer_names, call, request);
}

static void serve_block_lists(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    peer_names_serve_lists(send->peer_names, call, request);
}

static void serve_spf(void *context, struct rpc_call *call, struct text request)
{
    const struct send *send = context;
    spf_answers_serve(send->peer_names, send->context->settings->host, call, request);
}

static const struct rpc_method from_front[] = {
    {SEND_PEER_NAME, 0, "send.peer-name", serve_peer_name},
    {SEND_BLOCK_LISTS, 0, "send.block-lists", serve_block_lists},
    {SEND_SPF, 0, "send.spf", serve_spf},
};
static const struct rpc_method from_store[] = {
    {SEND_TURN, RPC_INLINE, "send.turn", serve_turn},
    {SEND_PROBE, RPC_INLINE, "send.probe", serve_probe},
    {SEND_LINKS, 0, "send.links", serve_links},
    {SEND_BLOCK_LISTS, 0, "send.block-lists", serve_block_lists},
    {SEND_SPF, 0, "send.spf", serve_spf},
};
static const struct rpc_method from_auth[] = {
    {INTROSPECT_TOKEN, 0, "introspect.token", serve_token},
};

static void *new_state(struct role_context *context)
{
    struct send *send = calloc(1, sizeof(*send));
    check(send != NULL);
    send->context = context;
    send->smtp = smtp_send_new(context);
    send->introspect = introspect_new(context);
    send->peer_names = peer_names_new(context);
    return send;
}

static enum status start(void *state)
{
    const struct send *send = state;
    enum status status = introspect_start(send->introspect);
    return status == OK ? smtp_send_start(send->smtp) : status;
}

static void stop(void *state)
{
    struct send *send = state;
    introspect_stop(&send->introspect);
    peer_names_stop(&send->peer_names);
    smtp_send_stop(&send->smtp);
    free(send);
}

const struct role_program send_program = {
    .kind = ROLE_SEND,
    .methods = {[ROLE_FRONT] = from_front, [ROLE_STORE] = from_store, [ROLE_AUTH] = from_auth},
    .method_count = {[ROLE_FRONT] = sizeof(from_front) / sizeof(from_front[0]),
                     [ROLE_STORE] = sizeof(from_store) / sizeof(from_store[0]),
                     [ROLE_AUTH] = sizeof(from_auth) / sizeof(from_auth[0])},
    .new_state = new_state,
    .start = start,
    .stop = stop,
};
