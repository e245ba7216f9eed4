#include "net/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/logline.h"
#include "base/memory.h"
#include "task/io.h"

enum { BACKLOG = 1024, NO_ROOM_WAIT_MS = 100, NO_ROOM_TOLD_MS = 10 * MINUTE };

/* Somebody accepts on the socket of this name: it is not just left over. */
static bool is_served(const struct net_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool served = connect(fd, &address->any, address->length) == 0 || errno == EAGAIN;
    close(fd);
    return served;
}

static enum status prepare(int fd, const struct net_address *address, unsigned mode)
{
    int on = 1, off = 0;
    if (address->any.sa_family == AF_UNIX) {
        if (is_served(address)) {
            errno = EADDRINUSE;
            return refused("a running server has it");
        }
        unlink(address->local.sun_path);
        mode_t before = umask(0777 & ~mode);
        int bound = bind(fd, &address->any, address->length);
        umask(before);
        return bound == 0 && listen(fd, BACKLOG) == 0 ? OK : refused("%m");
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
                   IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr) ? &off : &on, sizeof(on));
    if (bind(fd, &address->any, address->length) != 0 || listen(fd, BACKLOG) != 0)
        return refused("%m");
    return OK;
}

enum status net_listen(const struct net_address *address, unsigned mode, int *fd)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    *fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return refused("cannot listen on %s: %m", net_address_text(address, text));
    if (prepare(*fd, address, mode) == OK)
        return OK;
    close(*fd);
    *fd = -1;
    return fail_within(REFUSED, "cannot listen on %s", net_address_text(address, text));
}

struct accepting {
    int fd;
    net_on_connection *on_connection;
    void *context;
    int64_t quiet_until_ms; /* what fails until then was told */
};

/* Clients wait in the backlog until others are gone. It may go on for hours, and is told now and
 * then. False when we are to end. YIELDS. */
static bool wait_for_room(struct accepting *accepting, int error)
{
    int64_t now_ms = clock_monotonic_ms();
    bool is_limit = error == EMFILE || error == ENFILE;
    if (now_ms >= accepting->quiet_until_ms) {
        accepting->quiet_until_ms = now_ms + NO_ROOM_TOLD_MS;
        log_warning("net.accept", "reason=%s remedy=\"%s\"", log_text(text_from(strerror(error))),
                    is_limit ? "clients wait until others leave: raise the limit of open files "
                               "(LimitNOFILE= of the service, ulimit -Hn)"
                             : "clients wait until there is room");
    }
    return task_sleep(NO_ROOM_WAIT_MS) == OK;
}

static void begin(const struct accepting *accepting, int fd, const struct net_address *peer)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    accepting->on_connection(accepting->context, fd, peer);
}

/* Accept what is waiting. False when the socket itself is of no more use. YIELDS when out of
 * descriptors or memory: the waiting clients stay in the backlog meanwhile. */
static bool accept_waiting(struct accepting *accepting)
{
    for (;;) {
        while (memory_ask(MEMORY_FOR_REFUSAL, 0) != OK)
            if (task_sleep(NO_ROOM_WAIT_MS) != OK)
                return false;
        struct net_address peer = {.length = sizeof(struct sockaddr_un)};
        int fd = accept4(accepting->fd, &peer.any, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            begin(accepting, fd, &peer);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return true;
        if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK)
            return false;
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
            continue;
        if (!wait_for_room(accepting, errno))
            return false;
    }
}

void net_accept_loop(int listening_fd, net_on_connection *on_connection, void *context)
{
    struct accepting accepting = {listening_fd, on_connection, context, 0};
    struct task_io io;
    if (task_io_open(&io, listening_fd) != OK) {
        log_error("net.accept", "reason=%s", log_text(text_from(fail_reason())));
        return;
    }
    while (accept_waiting(&accepting))
        if (task_io_wait(&io, TASK_READ, NO_DEADLINE) != OK)
            break;
    task_io_close(&io);
}

static enum status finish_connect(int fd, int64_t deadline_ms)
{
    struct task_io io;
    if (task_io_open(&io, fd) != OK)
        return TRY_LATER;
    enum status status = task_io_wait(&io, TASK_WRITE, deadline_ms);
    task_io_close(&io);
    int error = 0;
    socklen_t length = sizeof(error);
    if (status != OK)
        return status;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
        return try_later("%s", strerror(error));
    return OK;
}

/* The port is the kernel's to choose. */
static enum status bind_to(int fd, const struct net_address *from)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    if (from == NULL || bind(fd, &from->any, from->length) == 0)
        return OK;
    return try_later("from %s: %m", net_address_literal(from, text));
}

enum status net_dial(const struct net_address *address, int64_t deadline_ms, int *fd)
{
    return net_dial_from(NULL, address, deadline_ms, fd);
}

enum status net_dial_from(const struct net_address *from, const struct net_address *address,
                          int64_t deadline_ms, int *fd)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    *fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return try_later("connect to %s: %m", net_address_text(address, text));
    int on = 1;
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    enum status status = bind_to(*fd, from);
    if (status == OK && connect(*fd, &address->any, address->length) != 0)
        status = errno == EINPROGRESS ? finish_connect(*fd, deadline_ms) : try_later("%m");
    if (status == OK)
        return OK;
    close(*fd);
    *fd = -1;
    return fail_within(TRY_LATER, "connect to %s", net_address_text(address, text));
}
