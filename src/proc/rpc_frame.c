#include "proc/rpc_frame.h"

#include "base/wire.h"

void rpc_frame_put_head(struct buffer *out, const struct rpc_frame *frame, size_t payload_length)
{
    wire_put_u32(out, (uint32_t)payload_length);
    wire_put_u32(out, frame->call);
    wire_put_u16(out, frame->method);
    wire_put_u8(out, frame->kind);
    wire_put_u8(out, frame->status);
    wire_put_u32(out, frame->has_fd);
}

size_t rpc_frame_length(struct text bytes)
{
    if (bytes.length < RPC_HEAD_BYTES)
        return 0;
    struct wire_reader in = wire_reader_of(bytes);
    return RPC_HEAD_BYTES + (size_t)wire_get_u32(&in);
}

bool rpc_frame_parse_head(struct text *rest, struct rpc_frame *frame, uint32_t *length)
{
    struct wire_reader in = wire_reader_of(*rest);
    *length = wire_get_u32(&in);
    frame->call = wire_get_u32(&in);
    frame->method = wire_get_u16(&in);
    frame->kind = wire_get_u8(&in);
    frame->status = wire_get_u8(&in);
    uint32_t flags = wire_get_u32(&in);
    frame->has_fd = flags == 1;
    *rest = in.rest;
    return !in.bad && *length <= RPC_FRAME_MAX && frame->kind >= RPC_REQUEST &&
           frame->kind < RPC_KINDS && frame->status <= REFUSED && flags <= 1;
}

bool rpc_frame_parse(struct text *rest, struct rpc_frame *frame)
{
    uint32_t length;
    struct text payload = *rest;
    if (!rpc_frame_parse_head(&payload, frame, &length) || payload.length < length)
        return false;
    frame->payload = text_head(payload, length);
    *rest = text_from_position(payload, length);
    return true;
}
