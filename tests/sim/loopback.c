#include "loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

/* What comes may send more by itself: an acknowledgement, which lets go of what waited for it. */
enum { ROUNDS = 4 };

static void stay_on_this_core(void)
{
    cpu_set_t cores;
    int core = sched_getcpu();
    check(core >= 0);
    CPU_ZERO(&cores);
    CPU_SET((unsigned)core, &cores);
    check(sched_setaffinity(0, sizeof(cores), &cores) == 0);
}

void loopback_open(struct loopback *loopback)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(self);
    stay_on_this_core();
    loopback->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(loopback->fd >= 0);
    check(bind(loopback->fd, (struct sockaddr *)&self, sizeof(self)) == 0);
    check(getsockname(loopback->fd, (struct sockaddr *)&self, &length) == 0);
    check(connect(loopback->fd, (struct sockaddr *)&self, sizeof(self)) == 0);
}

void loopback_close(struct loopback *loopback)
{
    close(loopback->fd);
}

void loopback_settle(const struct loopback *loopback)
{
    char probe = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        check(send(loopback->fd, &probe, 1, 0) == 1);
        while (recv(loopback->fd, &probe, 1, 0) < 0)
            check(errno == EINTR);
    }
}
