/* Waiting for file descriptors: edge-triggered readiness, registered once per descriptor for
 * reading, and for writing while somebody waits to. */
#ifndef TASK_IO_H
#define TASK_IO_H

#include "task/task.h"

enum task_io_direction { TASK_READ = 1, TASK_WRITE = 2 };

/* One registered descriptor. */
struct task_io {
    int fd;
    unsigned ready;         /* directions not known to block */
    bool watches_room;      /* to write; else EPOLLOUT is not reported */
    bool hung_up;           /* the peer closed: reading gives the rest, then the end */
    struct list waiting[2]; /* tasks, by direction */
    /* When set, called on the loop's stack whenever fd becomes readable; must not YIELD. */
    void (*on_readable)(struct task_io *io);
    unsigned process; /* of a simulation: its opener's; see simulation.h */
};

/* Register a non-blocking descriptor, which the caller still owns. TRY_LATER when the kernel has
 * no room. */
enum status task_io_open(struct task_io *io, int fd);
/* Before closing fd. A waiting task is woken as if ready, and finds the error itself. */
void task_io_close(struct task_io *io);
/* A read took less than it asked for: there is no more for now, so the next one need not try before
 * waiting. Has no effect once the peer has hung up, for its end is not announced twice. */
void task_io_drained(struct task_io *io);
/* Call after EAGAIN in this direction: waits until the kernel reports readiness anew. OK; TRY_LATER
 * at the deadline ("timed out") or when cancelled. YIELDS. */
enum status task_io_wait(struct task_io *io, enum task_io_direction direction, int64_t deadline_ms);
/* A blocking call in progress on another task returns as if ready (used to end a peer task). */
void task_io_wake(struct task_io *io);

#endif
