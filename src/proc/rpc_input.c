#include "proc/rpc_input.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "proc/rpc_output.h"

/* At once: more while the channel is busy with small frames; a quiet one keeps a small buffer. */
enum { READ_FIRST = 16 << 10, READ_BYTES = 256 << 10 };
enum { LARGE_MIN = 64 << 10 };

void rpc_input_init(struct rpc_input *input)
{
    *input = (struct rpc_input){.wanted = READ_FIRST};
    buffer_init(&input->bytes, RPC_HEAD_BYTES + RPC_FRAME_MAX + READ_BYTES);
}

/* Passwords and tokens go by in small frames; see rpc_output.h. */
static void forget_taken(struct rpc_input *input)
{
    size_t taken = input->taken;
    input->taken = 0;
    buffer_consume(&input->bytes, taken);
    if (taken > 0 && taken <= RPC_WIPED_MAX)
        explicit_bzero(input->bytes.data + input->bytes.length, taken);
}

void rpc_input_finish(struct rpc_input *input)
{
    forget_taken(input);
    buffer_finish(&input->bytes);
    buffer_finish(&input->large_payload);
    for (unsigned i = 0; i < input->fd_count; i++)
        close(input->fds[i]);
}

/* ---- reading ---- */

static void keep_fds(struct rpc_input *input, const struct cmsghdr *header)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        if (input->fd_count < RPC_FDS_MAX)
            input->fds[input->fd_count++] = fd;
        else
            close(fd);
    }
}

static ssize_t receive(struct rpc_input *input, int socket, struct iovec piece)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 8)];
    } control;
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0)
        return count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
         header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            keep_fds(input, header);
    return count;
}

static struct iovec room_for_more(struct rpc_input *input)
{
    struct buffer *large = &input->large_payload;
    if (large->data != NULL)
        return (struct iovec){large->data + large->length, large->limit - large->length};
    char *out = buffer_reserve(&input->bytes, input->wanted);
    check(out != NULL);
    return (struct iovec){out, input->wanted};
}

ssize_t rpc_input_read(struct rpc_input *input, int socket, bool *drained)
{
    bool is_large = input->large_payload.data != NULL;
    struct iovec piece = room_for_more(input);
    unsigned fds_before = input->fd_count;
    ssize_t count = receive(input, socket, piece);
    bool filled = count > 0 && (size_t)count == piece.iov_len;
    /* A read also ends short where a descriptor stands in the stream. */
    *drained = count > 0 && !filled && input->fd_count == fds_before;
    if (count <= 0)
        return count;
    buffer_grew(is_large ? &input->large_payload : &input->bytes, (size_t)count);
    if (!is_large)
        input->wanted = filled ? READ_BYTES : READ_FIRST;
    return count;
}

/* ---- frames ---- */

static bool claim_fd(struct rpc_input *input, struct rpc_received *received)
{
    received->fd = -1;
    if (!received->frame.has_fd)
        return true;
    if (input->fd_count == 0)
        return false;
    received->fd = input->fds[0];
    input->fd_count--;
    memmove(input->fds, input->fds + 1, input->fd_count * sizeof(int));
    return true;
}

/* The input ends in a part of a frame of that length: if it is large, what comes of it goes where
 * it will stay. */
static bool begin_large(struct rpc_input *input, size_t frame_length)
{
    struct text rest = buffer_text(&input->bytes);
    uint32_t length;
    if (frame_length < LARGE_MIN)
        return true;
    if (!rpc_frame_parse_head(&rest, &input->large, &length))
        return false;
    buffer_init(&input->large_payload, length);
    buffer_reserve(&input->large_payload, length);
    buffer_append(&input->large_payload, rest);
    buffer_consume(&input->bytes, input->bytes.length);
    return true;
}

static enum rpc_next end_large(struct rpc_input *input, struct rpc_received *received)
{
    if (input->large_payload.length < input->large_payload.limit)
        return RPC_INCOMPLETE;
    received->frame = input->large;
    if (!claim_fd(input, received))
        return RPC_GARBAGE;
    received->whole = input->large_payload;
    received->frame.payload = buffer_text(&received->whole);
    buffer_init(&input->large_payload, 0);
    /* Another one may follow; little of that is to come to where it must be copied from. */
    input->wanted = READ_FIRST;
    return RPC_COMPLETE;
}

enum rpc_next rpc_input_next(struct rpc_input *input, struct rpc_received *received)
{
    if (input->large_payload.data != NULL)
        return end_large(input, received);
    struct text rest = text_from_position(buffer_text(&input->bytes), input->taken);
    size_t length = rpc_frame_length(rest);
    if (length > RPC_HEAD_BYTES + RPC_FRAME_MAX)
        return RPC_GARBAGE;
    if (length > 0 && length <= rest.length) {
        if (!rpc_frame_parse(&rest, &received->frame) || !claim_fd(input, received))
            return RPC_GARBAGE;
        buffer_init(&received->whole, 0);
        input->taken += length;
        return RPC_COMPLETE;
    }
    forget_taken(input);
    if (!begin_large(input, length))
        return RPC_GARBAGE;
    if (input->bytes.length == 0 && input->bytes.capacity > READ_BYTES)
        buffer_finish(&input->bytes);
    return RPC_INCOMPLETE;
}
