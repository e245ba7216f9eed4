#include "main/peer_names.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/resolver.h"
#include "proto/line/peer.h"

/* A front that was taken over must not use up our memory with questions. */
enum { QUESTIONS_MAX = 500 };

struct peer_names {
    struct role_context *context;
    struct resolver *resolver; /* NULL before the first question */
    struct task_event changed; /* told when `starting` or `questions` is another */
    unsigned questions;
    bool starting, stopping;
};

struct peer_names *peer_names_new(struct role_context *context)
{
    struct peer_names *names = calloc(1, sizeof(*names));
    check(names != NULL);
    names->context = context;
    task_event_init(&names->changed);
    return names;
}

void peer_names_stop(struct peer_names **names)
{
    struct peer_names *stopping = *names;
    if (stopping == NULL)
        return;
    *names = NULL;
    stopping->stopping = true;
    task_shield_begin(); /* cancelled or not, no question may be left inside */
    while (stopping->questions > 0)
        task_event_wait(&stopping->changed, NO_DEADLINE);
    task_shield_end();
    resolver_free(&stopping->resolver);
    free(stopping);
}

/* YIELDS. */
static enum status set_up(struct peer_names *names)
{
    const struct settings *settings = names->context->settings;
    struct resolver_options options = {.servers = settings->dns_servers,
                                       .server_count = settings->dns_server_count,
                                       .trust_anchors =
                                           role_file(names->context, settings->trust_anchor_file)};
    while (names->starting)
        if (task_event_wait(&names->changed, NO_DEADLINE) != OK)
            return TRY_LATER;
    if (names->resolver != NULL)
        return OK;
    names->starting = true;
    enum status status = resolver_new(&options, &names->resolver);
    names->starting = false;
    task_event_tell_all(&names->changed);
    return status;
}

/* YIELDS. */
static enum status find(struct peer_names *names, const struct net_address *address,
                        struct line_peer *out)
{
    struct arena arena;
    struct resolver_peer found;
    arena_init(&arena);
    enum status status = set_up(names);
    if (status == OK)
        status = resolver_find_peer(names->resolver, address,
                                    clock_monotonic_ms() + PEER_NAME_WAIT_MS, &arena, &found);
    if (status == OK) {
        text_copy(found.name, out->name, sizeof(out->name));
        out->is_confirmed = found.is_confirmed;
    }
    arena_finish(&arena);
    return status;
}

void peer_names_serve(struct peer_names *names, struct rpc_call *call, struct text request)
{
    struct net_address address;
    struct line_peer peer = {0};
    if (!net_address_parse_endpoint(request, 0, &address) || address.any.sa_family == AF_UNIX) {
        rpc_fail(&call, REFUSED, "malformed request");
        return;
    }
    if (names->stopping || names->questions >= QUESTIONS_MAX) {
        rpc_fail(&call, TRY_LATER, "too many questions");
        return;
    }
    names->questions++;
    enum status status = find(names, &address, &peer);
    names->questions--;
    task_event_tell_all(&names->changed);
    struct buffer answer;
    buffer_init(&answer, 2 * sizeof(peer));
    line_peer_encode(&peer, &answer);
    if (status == OK)
        rpc_answer(&call, buffer_text(&answer));
    else
        rpc_fail(&call, TRY_LATER, fail_reason());
    buffer_finish(&answer);
}
