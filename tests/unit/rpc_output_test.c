#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "proc/rpc_output.h"
#include "test.h"

enum { FDS = 8, STREAM_MAX = 8 << 20, PAYLOAD_MAX = 300 << 10 };

/* What was appended, to hold what comes out against. */
struct scene {
    struct rpc_output output, batch;
    int ends[2];
    struct buffer expected;
    size_t received;
    size_t fd_positions[FDS]; /* of the byte each goes with */
    ino_t fd_files[FDS];
    unsigned fd_count, fds_received;
};

/* A socket that takes little at a time, so that nearly every send is a partial one. */
static void scene_begin(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    int room = 1;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, scene->ends) == 0);
    check(setsockopt(scene->ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) == 0);
    rpc_output_init(&scene->output, STREAM_MAX);
    rpc_output_init(&scene->batch, STREAM_MAX);
    buffer_init(&scene->expected, STREAM_MAX);
}

static void scene_end(struct scene *scene)
{
    rpc_output_finish(&scene->output);
    rpc_output_finish(&scene->batch);
    buffer_finish(&scene->expected);
    close(scene->ends[0]);
    close(scene->ends[1]);
}

static void fill(struct buffer *buffer, size_t length)
{
    buffer_init(buffer, length);
    random_bytes(buffer_reserve(buffer, length), length);
    buffer_grew(buffer, length);
}

static void add_bytes(struct scene *scene, size_t length)
{
    struct buffer bytes;
    fill(&bytes, length);
    buffer_append(&scene->expected, buffer_text(&bytes));
    buffer_append(&scene->output.bytes, buffer_text(&bytes));
    buffer_finish(&bytes);
}

static void give(struct scene *scene, size_t length)
{
    struct buffer payload;
    fill(&payload, length);
    buffer_append(&scene->expected, buffer_text(&payload));
    rpc_output_give(&scene->output, &payload);
    EXPECT(payload.length == 0 && payload.data == NULL);
}

static void add_fd(struct scene *scene)
{
    struct stat file;
    int fd = memfd_create("sent", MFD_CLOEXEC);
    check(fd >= 0 && fstat(fd, &file) == 0);
    scene->fd_positions[scene->fd_count] = scene->expected.length;
    scene->fd_files[scene->fd_count++] = file.st_ino;
    rpc_output_add_fd(&scene->output, fd);
}

/* A frame as rpc.c appends one: perhaps a descriptor, a head, and perhaps a payload aside. */
static void add_frame(struct scene *scene)
{
    if (scene->fd_count < FDS && random_below(4) == 0)
        add_fd(scene);
    add_bytes(scene, 1 + random_below(random_below(8) == 0 ? 20000 : 60));
    if (random_below(3) == 0)
        give(scene, random_below(random_below(2) == 0 ? PAYLOAD_MAX : 64) + 1);
}

/* A send where there is something to send. False: the socket takes no more. */
static bool send_some(struct scene *scene)
{
    if (rpc_output_is_sent(&scene->batch)) {
        rpc_output_finish(&scene->batch);
        rpc_output_move(&scene->batch, &scene->output);
        EXPECT(rpc_output_length(&scene->output) == 0 && rpc_output_is_sent(&scene->output));
    }
    if (rpc_output_is_sent(&scene->batch))
        return false;
    ssize_t sent = rpc_output_send(&scene->batch, scene->ends[0]);
    EXPECT(sent > 0 || (sent < 0 && errno == EAGAIN));
    return sent > 0;
}

static void take_fd(struct scene *scene, const struct cmsghdr *header)
{
    struct stat file;
    int fd;
    EXPECT(header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(fd)));
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    EXPECT(scene->fds_received < scene->fd_count && fstat(fd, &file) == 0);
    EXPECT(file.st_ino == scene->fd_files[scene->fds_received]);
    /* It was sent with one byte, behind which a read ends. */
    EXPECT(scene->received == scene->fd_positions[scene->fds_received] + 1);
    scene->fds_received++;
    close(fd);
}

/* False: nothing is there. */
static bool receive_some(struct scene *scene, size_t most)
{
    static char bytes[64 << 10];
    char control[CMSG_SPACE(sizeof(int) * 4)];
    struct iovec piece = {bytes, most < sizeof(bytes) ? most : sizeof(bytes)};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t count = recvmsg(scene->ends[1], &message, MSG_CMSG_CLOEXEC);
    if (count <= 0)
        return false;
    EXPECT((size_t)count <= scene->expected.length - scene->received);
    EXPECT(memcmp(bytes, scene->expected.data + scene->received, (size_t)count) == 0);
    scene->received += (size_t)count;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL)
        take_fd(scene, header);
    return true;
}

static void send_all(struct scene *scene)
{
    while (scene->received < scene->expected.length) {
        while (send_some(scene))
            ;
        while (receive_some(scene, 1 + random_below(70000)))
            ;
    }
    EXPECT(!send_some(scene));
    EXPECT(scene->fds_received == scene->fd_count);
}

TEST("frames, payloads and descriptors come in order, however little is sent and read at a time")
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct scene scene;
        size_t memory = memory_now().drawn;
        random_seed_for_test(seed);
        scene_begin(&scene);
        for (unsigned step = 0; step < 60; step++) {
            if (random_below(3) == 0)
                add_frame(&scene);
            if (random_below(2) == 0)
                send_some(&scene);
            if (random_below(2) == 0)
                receive_some(&scene, 1 + random_below(5000));
        }
        send_all(&scene);
        scene_end(&scene);
        EXPECT(memory_now().drawn == memory);
    }
}

TEST("a large payload is not copied, a small one joins the bytes, and both are counted")
{
    struct scene scene;
    scene_begin(&scene);
    add_bytes(&scene, 16);
    give(&scene, 200);
    EXPECT(scene.output.bytes.length == 216 && scene.output.extra_bytes == 0);
    struct buffer payload;
    fill(&payload, PAYLOAD_MAX);
    buffer_append(&scene.expected, buffer_text(&payload));
    size_t memory = memory_now().drawn;
    rpc_output_give(&scene.output, &payload);
    EXPECT(memory_now().drawn == memory);
    EXPECT(scene.output.bytes.length == 216);
    EXPECT(rpc_output_length(&scene.output) == 216 + PAYLOAD_MAX);
    send_all(&scene);
    EXPECT(memory_now().drawn <= memory - PAYLOAD_MAX); /* freed when it was sent */
    scene_end(&scene);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* All there may be: descriptors first, last, and before and behind large payloads. */
static void add_everything(struct scene *scene)
{
    add_fd(scene);
    add_bytes(scene, 16);
    give(scene, 60000);
    add_bytes(scene, 16);
    give(scene, 50000);
    add_fd(scene);
    add_bytes(scene, 30);
    give(scene, 10);
    add_bytes(scene, 20);
    give(scene, 40000);
    add_fd(scene);
    add_bytes(scene, 1);
}

TEST("it may end at any point: no descriptor stays open and no memory is kept")
{
    unsigned descriptors = open_descriptors();
    size_t memory = memory_now().drawn;
    random_seed_for_test(1);
    bool is_over = false;
    for (unsigned sends = 0; !is_over; sends++) {
        struct scene scene;
        scene_begin(&scene);
        add_everything(&scene);
        for (unsigned i = 0; i < sends; i++)
            if (!send_some(&scene))
                receive_some(&scene, 5000);
        is_over = scene.received == scene.expected.length;
        scene_end(&scene);
        EXPECT(open_descriptors() == descriptors && memory_now().drawn == memory);
    }
}

TEST("a peer that went away in the middle of a payload is told of, and all is freed")
{
    unsigned descriptors = open_descriptors();
    struct scene scene;
    scene_begin(&scene);
    add_everything(&scene);
    while (send_some(&scene))
        receive_some(&scene, 1000);
    shutdown(scene.ends[1], SHUT_RDWR);
    EXPECT(rpc_output_send(&scene.batch, scene.ends[0]) == -1 && errno == EPIPE);
    scene_end(&scene);
    EXPECT(open_descriptors() == descriptors);
}
