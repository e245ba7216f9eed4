/* What a link of rpc.c has to send: frames one behind the other, with what does not stand among
 * their bytes: descriptors, and payloads too large to be copied. Only for rpc.c. */
#ifndef PROC_RPC_OUTPUT_H
#define PROC_RPC_OUTPUT_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/list.h"

/* Passwords and tokens go by in small frames. So what holds little is wiped, and the large ones,
 * which hold mail, are not. */
enum { RPC_WIPED_MAX = 32 << 10 };
void rpc_bytes_finish(struct buffer *bytes);

struct rpc_output {
    struct buffer bytes;
    struct list extras;
    size_t sent;        /* of bytes */
    size_t extra_bytes; /* in payloads that stand aside */
};

/* limit: of the bytes. */
void rpc_output_init(struct rpc_output *output, size_t limit);
/* Make *to what *from was; *from is as when it was new. *to need not be initialised. */
void rpc_output_move(struct rpc_output *to, struct rpc_output *from);
/* At any point: closes the descriptors and frees the payloads that were not sent. */
void rpc_output_finish(struct rpc_output *output);
/* All that was appended, payloads included. */
size_t rpc_output_length(const struct rpc_output *output);
/* The descriptor goes with the first byte that is appended next. Owned from now on. */
void rpc_output_add_fd(struct rpc_output *output, int fd);
/* The buffer's bytes come next. It is taken over, and empty afterwards. */
void rpc_output_give(struct rpc_output *output, struct buffer *payload);
bool rpc_output_is_sent(const struct rpc_output *output);
/* One sendmsg. -1 and errno, as EAGAIN. Does not yield. */
ssize_t rpc_output_send(struct rpc_output *output, int socket);

#endif
