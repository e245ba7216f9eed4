/* TCP acknowledges by timers of the kernel's, so how much of a large message goes through at once
 * depends on the time of the day. Unix sockets do without. They have names like
 * "\0sim.<process>.<port>", and each call here puts such a name in the place of an address, or the
 * other way. All that is none of these is handed to the kernel as it is. */
#include "network.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/random.h"
#include "process.h"
#include "task/simulation.h"
#include "task/task.h"

static const char prefix[] = "\0sim.";
enum { PREFIX_BYTES = sizeof(prefix) - 1, FIRST_DIALED = 1 << 16, DIALED_MOST = 1 << 17 };

/* Who has dialed has a name too, with a number behind all ports. */
static struct dialed {
    unsigned goes_on_by; /* 1 + another; 0: it ends where it was accepted */
    unsigned process;    /* which accepted it, and had died so often before; 0: none yet */
    unsigned deaths;
} all_dialed[DIALED_MOST];

static int domain_of(int fd)
{
    int domain = 0;
    socklen_t length = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 ? domain : -1;
}

/* The socket was to be one of TCP, and this is such an address. */
static bool passes_for_tcp(int fd, const struct sockaddr *address)
{
    return address->sa_family == AF_INET && domain_of(fd) == AF_UNIX;
}

static socklen_t name_of(unsigned port, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1, "%s%d.%u", prefix + 1,
                          (int)getpid(), port);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

/* False: the name is none of those. */
static bool port_of(const struct sockaddr_un *name, socklen_t length, unsigned *port)
{
    size_t bytes = length - offsetof(struct sockaddr_un, sun_path);
    if (name->sun_family != AF_UNIX || length <= offsetof(struct sockaddr_un, sun_path) ||
        bytes <= PREFIX_BYTES || bytes >= sizeof(name->sun_path) ||
        memcmp(name->sun_path, prefix, PREFIX_BYTES) != 0)
        return false;
    *port = (unsigned)strtoul(strchr(name->sun_path + PREFIX_BYTES, '.') + 1, NULL, 10);
    return true;
}

/* Of which this is the end that dialed, or the end that accepted it; NULL: of none we know. */
static struct dialed *dialed_at(long which_name, int fd)
{
    struct sockaddr_un name;
    socklen_t length = sizeof(name);
    unsigned number;
    if (syscall(which_name, fd, &name, &length) != 0 || !port_of(&name, length, &number) ||
        number < FIRST_DIALED || number - FIRST_DIALED >= DIALED_MOST)
        return NULL;
    return &all_dialed[number - FIRST_DIALED];
}

static void put_address(uint16_t port, struct sockaddr *address, socklen_t *length)
{
    struct sockaddr_in given = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memcpy(address, &given, *length < sizeof(given) ? *length : sizeof(given));
    *length = sizeof(given);
}

static uint16_t next_port(void)
{
    static uint16_t given;
    return (uint16_t)(NETWORK_FIRST_PORT + given++);
}

int socket(int domain, int type, int protocol)
{
    bool is_tcp = domain == AF_INET && (type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) == SOCK_STREAM;
    return (int)syscall(SYS_socket, is_tcp ? AF_UNIX : domain, type, is_tcp ? 0 : protocol);
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    if (!passes_for_tcp(fd, address.__sockaddr__))
        return (int)syscall(SYS_bind, fd, address.__sockaddr__, length);
    struct sockaddr_un name;
    unsigned port = ntohs(address.__sockaddr_in__->sin_port);
    length = name_of(port == 0 ? next_port() : port, &name);
    return (int)syscall(SYS_bind, fd, &name, length);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    if (!passes_for_tcp(fd, address.__sockaddr__))
        return (int)syscall(SYS_connect, fd, address.__sockaddr__, length);
    static unsigned dialed;
    struct sockaddr_un name;
    length = name_of(FIRST_DIALED + dialed++, &name);
    syscall(SYS_bind, fd, &name, length);
    length = name_of(ntohs(address.__sockaddr_in__->sin_port), &name);
    return (int)syscall(SYS_connect, fd, &name, length);
}

int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    struct sockaddr_un name;
    socklen_t named = sizeof(name);
    unsigned port;
    if (domain_of(fd) != AF_UNIX || syscall(SYS_getsockname, fd, &name, &named) != 0 ||
        !port_of(&name, named, &port))
        return (int)syscall(SYS_getsockname, fd, address.__sockaddr__, length);
    put_address((uint16_t)port, address.__sockaddr__, length);
    return 0;
}

/* Several fronts are told of a client at the same door: who is first has it. YIELDS. */
static void hurry(void)
{
    enum { PACES = 3 };
    if (task_process() != 0)
        for (uint32_t pace = random_below(PACES); pace > 0; pace--)
            task_yield();
}

/* All clients are at this machine; their ports are nobody's business. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags)
{
    struct sockaddr_in own;
    socklen_t known = sizeof(own);
    bool is_tcp =
        getsockname(fd, (struct sockaddr *)&own, &known) == 0 && own.sin_family == AF_INET;
    if (!is_tcp || address.__sockaddr__ == NULL)
        return (int)syscall(SYS_accept4, fd, address.__sockaddr__, length, flags);
    hurry();
    int accepted = (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
    if (accepted < 0)
        return accepted;
    put_address(0, address.__sockaddr__, length);
    struct dialed *dialed = dialed_at(SYS_getpeername, accepted);
    if (dialed != NULL) {
        dialed->process = task_process();
        dialed->deaths = process_deaths(dialed->process);
    }
    return accepted;
}

void network_go_on(int accepted, int dialed)
{
    struct dialed *from = dialed_at(SYS_getpeername, accepted);
    const struct dialed *to = dialed_at(SYS_getsockname, dialed);
    if (from != NULL && to != NULL)
        from->goes_on_by = (unsigned)(to - all_dialed) + 1;
}

bool network_server_lives(int dialed)
{
    const struct dialed *at = dialed_at(SYS_getsockname, dialed);
    while (at != NULL && at->goes_on_by != 0)
        at = &all_dialed[at->goes_on_by - 1];
    return at != NULL && at->process != 0 && at->deaths == process_deaths(at->process);
}
