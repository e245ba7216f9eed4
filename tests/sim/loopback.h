/* What is on its way between the sockets of this process. The kernel may need a moment until what
 * was sent on one has come to another, and simulated time must not move meanwhile. It passes on
 * what one core sends over the loopback interface in the order of sending: so this thread stays on
 * its core, and when a datagram to itself has come, all that it sent before has come too. */
#ifndef TESTS_SIM_LOOPBACK_H
#define TESTS_SIM_LOOPBACK_H

struct loopback {
    int fd;
};

/* From now on this thread stays on its core. */
void loopback_open(struct loopback *loopback);
void loopback_close(struct loopback *loopback);
/* As task_simulation's settle: blocks until nothing is on its way. */
void loopback_settle(const struct loopback *loopback);

#endif
