#include "proc/rpc_output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/logline.h"

/* To copy less costs as little as another piece of a sendmsg. */
enum { COPIED_MAX = 32 << 10 };

/* Stands before the byte at `position`: a payload, or a descriptor that goes with that byte. */
struct extra {
    struct list link;
    size_t position;
    int fd; /* -1: a payload */
    struct buffer payload;
    size_t sent; /* of the payload */
};

void rpc_bytes_finish(struct buffer *bytes)
{
    if (bytes->capacity <= RPC_WIPED_MAX)
        buffer_forget(bytes);
    else
        buffer_finish(bytes);
}

void rpc_output_init(struct rpc_output *output, size_t limit)
{
    *output = (struct rpc_output){0};
    buffer_init(&output->bytes, limit);
    list_init(&output->extras);
}

void rpc_output_move(struct rpc_output *to, struct rpc_output *from)
{
    *to = *from;
    list_move_all(&to->extras, &from->extras);
    rpc_output_init(from, from->bytes.limit);
}

static void extra_free(struct rpc_output *output, struct extra *extra)
{
    list_remove(&extra->link);
    output->extra_bytes -= extra->payload.length;
    buffer_finish(&extra->payload);
    if (extra->fd >= 0)
        close(extra->fd);
    free(extra);
}

void rpc_output_finish(struct rpc_output *output)
{
    list_each(link, &output->extras) extra_free(output, list_entry(link, struct extra, link));
    rpc_bytes_finish(&output->bytes);
}

size_t rpc_output_length(const struct rpc_output *output)
{
    return output->bytes.length + output->extra_bytes;
}

static struct extra *extra_add(struct rpc_output *output, int fd)
{
    struct extra *extra = calloc(1, sizeof(*extra));
    check(extra != NULL);
    extra->position = output->bytes.length;
    extra->fd = fd;
    list_append(&output->extras, &extra->link);
    return extra;
}

void rpc_output_add_fd(struct rpc_output *output, int fd)
{
    extra_add(output, fd);
}

void rpc_output_give(struct rpc_output *output, struct buffer *payload)
{
    if (payload->length <= COPIED_MAX) {
        buffer_append(&output->bytes, buffer_text(payload));
        buffer_finish(payload);
        return;
    }
    struct extra *extra = extra_add(output, -1);
    extra->payload = *payload;
    output->extra_bytes += payload->length;
    buffer_init(payload, payload->limit);
}

static struct extra *extra_first(const struct rpc_output *output)
{
    return list_is_empty(&output->extras) ? NULL
                                          : list_entry(output->extras.next, struct extra, link);
}

bool rpc_output_is_sent(const struct rpc_output *output)
{
    return output->sent == output->bytes.length && list_is_empty(&output->extras);
}

/* Bytes up to where something else stands, and that, if it is a payload. *fd: goes with the first
 * byte, which then goes alone; -1: none. */
static unsigned next_pieces(const struct rpc_output *output, struct iovec pieces[2], int *fd)
{
    const struct extra *extra = extra_first(output);
    size_t end = extra == NULL ? output->bytes.length : extra->position;
    unsigned count = 0;
    *fd = -1;
    if (extra != NULL && extra->fd >= 0 && extra->position == output->sent) {
        *fd = extra->fd;
        end = output->sent + 1;
    }
    if (end > output->sent)
        pieces[count++] = (struct iovec){output->bytes.data + output->sent, end - output->sent};
    if (extra != NULL && extra->fd < 0)
        pieces[count++] =
            (struct iovec){extra->payload.data + extra->sent, extra->payload.length - extra->sent};
    return count;
}

static void note_sent(struct rpc_output *output, size_t count)
{
    struct extra *extra = extra_first(output);
    size_t end = extra == NULL || extra->fd >= 0 ? output->bytes.length : extra->position;
    size_t of_bytes = count < end - output->sent ? count : end - output->sent;
    output->sent += of_bytes;
    if (extra == NULL)
        return;
    if (extra->fd < 0)
        extra->sent += count - of_bytes;
    if (extra->fd >= 0 ? output->sent > extra->position : extra->sent == extra->payload.length)
        extra_free(output, extra);
}

ssize_t rpc_output_send(struct rpc_output *output, int socket)
{
    struct iovec pieces[2];
    int fd;
    log_write_gathered();
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = next_pieces(output, pieces, &fd)};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    if (fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent > 0)
        note_sent(output, (size_t)sent);
    return sent;
}
