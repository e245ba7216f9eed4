/* The network between two ends: what is sent to its port comes out at another, with delays, and
 * breaks as the weather will have it. */
#ifndef TESTS_SIM_WIRE_H
#define TESTS_SIM_WIRE_H

#include "task/task.h"
#include "weather.h"

struct wire {
    struct task_group *group;
    struct weather *weather;
    uint16_t port, to_port; /* on 127.0.0.1 */
    int fd;
    unsigned links;                     /* open at the moment */
    int64_t looked_ms, parted_until_ms; /* until then it carries nothing */
};

/* Opens its port: wire->port. The rest is the caller's to set, before it serves. */
void wire_open(struct wire *wire);
/* Begin to carry, in wire->group. */
void wire_serve(struct wire *wire);
/* A connection to a port of this machine, or -1. YIELDS. */
int wire_dial(uint16_t port);
/* A listening socket on a port that the kernel chooses. */
int wire_listen(uint16_t *port);

#endif
