/* The channels of front_world.h between a front and front_peers.h, or other methods that a program
 * sets in peers. Part of front_world.h. */
#ifndef TESTS_UNIT_FRONT_CHANNELS_H
#define TESTS_UNIT_FRONT_CHANNELS_H

#include "front_peers.h"
#include "front_urls.h"

static const struct rpc_method peers_of_auth[] = {
    {DIRECTORY_CHECK, RPC_INLINE, "check", peers_serve_check},
    {DIRECTORY_LOGIN, RPC_INLINE, "login", peers_serve_login},
    {DIRECTORY_SASL_STEP, RPC_INLINE, "sasl", peers_serve_sasl},
    {DIRECTORY_SASL_CANCEL, RPC_INLINE | RPC_ONE_WAY, "sasl-cancel", peers_serve_sasl_cancel},
    {DIRECTORY_SASL_SESSION, RPC_INLINE, "sasl-session", peers_serve_sasl_session},
};
static const struct rpc_method peers_of_store[] = {
    {QUEUE_APPEND, RPC_INLINE, "append", peers_serve_append},
    {QUEUE_COMMIT, RPC_INLINE, "commit", peers_serve_commit},
    {QUEUE_ABANDON, RPC_INLINE | RPC_ONE_WAY, "abandon", peers_serve_abandon},
    {QUEUE_STORY, RPC_INLINE | RPC_ONE_WAY, "story", peers_serve_story},
    {QUEUE_URL, RPC_INLINE, "url", peers_serve_url},
};

static const struct front_methods peers_methods = {
    .auth = peers_of_auth,
    .auth_count = sizeof(peers_of_auth) / sizeof(peers_of_auth[0]),
    .store = peers_of_store,
    .store_count = sizeof(peers_of_store) / sizeof(peers_of_store[0]),
};

/* A channel's near end; *far is the other. */
static struct rpc_channel *peers_join(const char *name, const struct rpc_method *methods,
                                      unsigned count, struct rpc_channel **far)
{
    int ends[2];
    struct rpc_channel *near = rpc_channel_new(name, NULL, 0, NULL, &peers.sessions);
    *far = rpc_channel_new("front", methods, count, NULL, &peers.sessions);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(near, ends[0]);
    rpc_channel_connect(*far, ends[1]);
    return near;
}

/* In the loop, before a conversation. */
static void peers_open(struct role_context *front)
{
    const struct front_methods *serve = peers.methods == NULL ? &peers_methods : peers.methods;
    task_group_init(&peers.sessions);
    front->auth = peers_join("auth", serve->auth, serve->auth_count, &peers.auth);
    front->store = peers_join("store", serve->store, serve->store_count, &peers.store);
    if (serve->send_count > 0)
        front->send = peers_join("send", serve->send, serve->send_count, &peers.send);
}

/* After it. Stories are on their way still; an answer comes behind them. */
static void peers_close(struct role_context *front)
{
    struct rpc_reply reply;
    rpc_ask(front->store, 0, TEXT(""), -1, NO_DEADLINE, &reply);
    rpc_reply_finish(&reply);
    task_group_wait(&peers.sessions, NO_DEADLINE);
    rpc_channel_close(&front->auth);
    rpc_channel_close(&front->store);
    rpc_channel_close(&peers.auth);
    rpc_channel_close(&peers.store);
    if (front->send != NULL) {
        rpc_channel_close(&front->send);
        rpc_channel_close(&peers.send);
    }
}

#endif
