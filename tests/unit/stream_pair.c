#include "stream_pair.h"

#include <sys/socket.h>

#include "base/check.h"
#include "base/clock.h"

void stream_pair(struct stream **near, struct stream **far)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    *near = stream_new(ends[0], NULL);
    *far = stream_new(ends[1], NULL);
    stream_set_deadline(*near, clock_monotonic_ms() + MINUTE);
    stream_set_deadline(*far, clock_monotonic_ms() + MINUTE);
}
