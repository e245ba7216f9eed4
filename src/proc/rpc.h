/* Calls between roles: typed, over a Unix stream socket, written so that they read like calls. The
 * caller parks; the receiver validates as from a stranger. A channel outlives its peer: when the
 * peer's process dies every call fails TRY_LATER until the parent hands over a new socket. */
#ifndef PROC_RPC_H
#define PROC_RPC_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/wire.h"
#include "task/task.h"

struct rpc_channel;
struct rpc_call;

enum { RPC_FRAME_MAX = 5 << 20 };

/* Serve one request: read `request`, and answer with rpc_answer or rpc_fail exactly once (a one-way
 * message: neither). `request` is borrowed until the handler returns. */
typedef void rpc_serve(void *context, struct rpc_call *call, struct text request);

enum rpc_flags {
    RPC_INLINE = 1,  /* served on the receiving task, in order; must not YIELD */
    RPC_ONE_WAY = 2, /* no answer */
};

/* The requests a role accepts, by method number: the table of trust of this channel. */
struct rpc_method {
    uint16_t number;
    unsigned flags;
    const char *name;
    rpc_serve *serve;
};

/* A channel named after its peer ("store"). Requests are looked up in methods (not copied); each
 * runs in a task of group unless RPC_INLINE. context is passed to the handlers. */
struct rpc_channel *rpc_channel_new(const char *name, const struct rpc_method *methods,
                                    unsigned method_count, void *context, struct task_group *group);
/* Use this connected socket (owned from now on); one that was in use before is closed, and its
 * waiting calls fail TRY_LATER. */
void rpc_channel_connect(struct rpc_channel *channel, int fd);
bool rpc_channel_is_up(const struct rpc_channel *channel);
/* Told (on_down, may be NULL) when the peer went away; must not YIELD. */
void rpc_channel_on_down(struct rpc_channel *channel, void (*on_down)(void *), void *argument);
/* From now on requests that arrive are answered TRY_LATER, and messages dropped, without a handler;
 * our own calls go on. Before the state that handlers use is freed. Accepts NULL. */
void rpc_channel_refuse(struct rpc_channel *channel);
/* Ends the receiving task, fails the waiting calls. Accepts NULL. YIELDS. */
void rpc_channel_close(struct rpc_channel **channel);

/* An answer. bytes must be finished with rpc_answer_finish by the caller whatever the status. */
struct rpc_reply {
    struct buffer bytes;
};

/* Ask and wait. The callee's status and reason become ours. fd >= 0 is sent along and closed here.
 * TRY_LATER when the peer is down, dies meanwhile, or at the deadline. YIELDS. */
enum status rpc_ask(struct rpc_channel *channel, uint16_t method, struct text request, int fd,
                    int64_t deadline_ms, struct rpc_reply *reply);
/* The same with a request of two parts, of which the second may be large: it is taken over, empty
 * afterwards whatever the status, and sent without being copied. YIELDS. */
struct rpc_request {
    uint16_t method;
    struct text head;
    struct buffer *rest;
};
enum status rpc_ask_giving(struct rpc_channel *channel, const struct rpc_request *request,
                           int64_t deadline_ms, struct rpc_reply *reply);
void rpc_reply_finish(struct rpc_reply *reply);
/* Tell without waiting for an answer. Lost when the peer is down: TRY_LATER. Does not yield. */
enum status rpc_tell(struct rpc_channel *channel, uint16_t method, struct text message);
/* Bytes queued and not yet sent: for back-pressure of rpc_tell. */
size_t rpc_pending_bytes(const struct rpc_channel *channel);

/* Answer. The call is over and *call NULLed. Do not yield. */
void rpc_answer(struct rpc_call **call, struct text bytes);
/* The same, with bytes that are taken over, of a limit of at most RPC_FRAME_MAX. */
void rpc_answer_giving(struct rpc_call **call, struct buffer *bytes);
/* status is TRY_LATER or REFUSED; reason text is sent along. */
void rpc_fail(struct rpc_call **call, enum status status, const char *reason);
/* Take the descriptor that came with the request, -1 when none. Caller owns it. */
int rpc_take_fd(struct rpc_call *call);
/* The channel a call came by: to tell callers apart. */
struct rpc_channel *rpc_call_channel(const struct rpc_call *call);

#endif
