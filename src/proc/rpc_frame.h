/* What goes by a link of rpc.c: frames, each a head of 16 bytes and a payload. Only for rpc.c, what
 * it is made of, and the tests. */
#ifndef PROC_RPC_FRAME_H
#define PROC_RPC_FRAME_H

#include "base/buffer.h"
#include "proc/rpc.h"

enum { RPC_HEAD_BYTES = 16 };
enum rpc_kind { RPC_REQUEST = 1, RPC_MESSAGE = 2, RPC_ANSWER = 3, RPC_KINDS };

struct rpc_frame {
    uint32_t call;
    uint16_t method;
    uint8_t kind, status;
    bool has_fd;
    struct text payload;
};

/* payload_length: of all that will come after the head. */
void rpc_frame_put_head(struct buffer *out, const struct rpc_frame *frame, size_t payload_length);
/* The whole length of the frame at the start of bytes, head included, whatever that is; 0: the head
 * is incomplete. */
size_t rpc_frame_length(struct text bytes);
/* All but the payload, of *length bytes, with which *rest then begins. False when malformed, or
 * longer than RPC_FRAME_MAX. */
bool rpc_frame_parse_head(struct text *rest, struct rpc_frame *frame, uint32_t *length);
/* Check one frame as the receiver does, and step over it. False when malformed or incomplete. */
bool rpc_frame_parse(struct text *rest, struct rpc_frame *frame);

#endif
