/* What has come by a link of rpc.c: bytes, which are gathered until they are frames, and the
 * descriptors that came with them. Only for rpc.c. */
#ifndef PROC_RPC_INPUT_H
#define PROC_RPC_INPUT_H

#include <sys/types.h>

#include "base/buffer.h"
#include "proc/rpc_frame.h"

enum { RPC_FDS_MAX = 64 };

struct rpc_input {
    struct buffer bytes;
    size_t taken;  /* of bytes: frames that were given out */
    size_t wanted; /* at the next read */
    /* A frame that has come in part, and is too large to be gathered among others and copied. */
    struct rpc_frame large;
    struct buffer large_payload; /* of just that limit, all reserved; no data: no such frame */
    int fds[RPC_FDS_MAX];        /* in order of arrival, not yet claimed by a frame */
    unsigned fd_count;
};

struct rpc_received {
    struct rpc_frame frame; /* the payload is lent until the input's next use, or is in whole */
    int fd;                 /* the caller's; -1: none */
    struct buffer whole;    /* the caller's: the payload if it stands alone; else without data */
};

void rpc_input_init(struct rpc_input *input);
/* At any point: closes the descriptors that no frame has claimed. */
void rpc_input_finish(struct rpc_input *input);
/* One recvmsg; its result and errno. *drained: the socket had no more than that. To be called only
 * when rpc_input_next has said RPC_INCOMPLETE. Does not yield. */
ssize_t rpc_input_read(struct rpc_input *input, int socket, bool *drained);

enum rpc_next {
    RPC_COMPLETE,
    RPC_INCOMPLETE, /* *received is unset */
    RPC_GARBAGE,    /* the same, and nothing more can be read */
};
enum rpc_next rpc_input_next(struct rpc_input *input, struct rpc_received *received);

#endif
