#include "task/io.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "task/loop.h"
#include "task/switch.h"

enum { EVENTS_AT_ONCE = 256 };

int loop_epoll_open(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    check(fd >= 0);
    return fd;
}

void loop_epoll_close(struct loop *loop)
{
    close(loop->epoll_fd);
}

/* Room to write is watched for only while somebody waits for it: a local peer that reads all we
 * write makes room each time, which would wake this process for nothing. */
static enum status watch(struct task_io *io, int operation, bool is_for_room)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = io};
    if (is_for_room)
        event.events |= EPOLLOUT;
    if (epoll_ctl(task_loop->epoll_fd, operation, io->fd, &event) != 0)
        return try_later("cannot watch a descriptor: %m");
    io->watches_room = is_for_room;
    return OK;
}

static void wake_direction(struct task_io *io, enum task_io_direction direction)
{
    io->ready |= direction;
    struct list *waiting = &io->waiting[direction - 1];
    while (!list_is_empty(waiting))
        task_wake(list_entry(waiting->next, struct task, waiting), WAKE_TOLD);
    if (direction == TASK_READ && io->on_readable != NULL) {
        task_loop->process = io->process;
        io->on_readable(io);
        task_loop->process = 0;
    }
}

static void wake_writers(struct task_io *io)
{
    /* Who did not wait now may wait again at once: so it ends with the first that is for nobody. */
    if (list_is_empty(&io->waiting[TASK_WRITE - 1]) && io->watches_room)
        (void)watch(io, EPOLL_CTL_MOD, false);
    wake_direction(io, TASK_WRITE);
}

static int wait_ms(const struct loop *loop)
{
    if (!list_is_empty(&loop->ready))
        return 0;
    const struct timer *first = timer_first(&loop->timers);
    if (first == NULL)
        return -1;
    int64_t left = first->deadline_ms - clock_monotonic_ms();
    return left <= 0 ? 0 : left > HOUR ? HOUR : (int)left;
}

static int wait_simulated(struct loop *loop, struct epoll_event *events)
{
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, 0);
    if (count != 0 || !list_is_empty(&loop->ready))
        return count;
    const struct timer *first = timer_first(&loop->timers);
    check(first != NULL); /* else nothing would ever happen again */
    if (first->deadline_ms > task_simulation->now_ms)
        task_simulation->now_ms = first->deadline_ms;
    return 0;
}

void loop_epoll_wait(struct loop *loop)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    log_write_gathered();
    int count = task_simulation != NULL
                    ? wait_simulated(loop, events)
                    : epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, wait_ms(loop));
    check(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        struct task_io *io = events[i].data.ptr;
        bool broken = (events[i].events & (EPOLLERR | EPOLLHUP)) != 0;
        if ((events[i].events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0)
            io->hung_up = true;
        if (broken || (events[i].events & (EPOLLIN | EPOLLRDHUP)) != 0)
            wake_direction(io, TASK_READ);
        if (broken || (events[i].events & EPOLLOUT) != 0)
            wake_writers(io);
    }
}

enum status task_io_open(struct task_io *io, int fd)
{
    *io = (struct task_io){.fd = fd, .ready = TASK_READ | TASK_WRITE, .process = task_process()};
    list_init(&io->waiting[0]);
    list_init(&io->waiting[1]);
    return watch(io, EPOLL_CTL_ADD, false);
}

void task_io_close(struct task_io *io)
{
    if (io->fd < 0)
        return;
    epoll_ctl(task_loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
    io->on_readable = NULL;
    task_io_wake(io);
    io->fd = -1;
}

void task_io_wake(struct task_io *io)
{
    wake_direction(io, TASK_READ);
    wake_direction(io, TASK_WRITE);
}

void task_io_drained(struct task_io *io)
{
    if (!io->hung_up)
        io->ready &= ~(unsigned)TASK_READ;
}

enum status task_io_wait(struct task_io *io, enum task_io_direction direction, int64_t deadline_ms)
{
    io->ready &= ~(unsigned)direction;
    /* If there is room by now, that is told at once. */
    if (direction == TASK_WRITE && !io->watches_room) {
        enum status status = watch(io, EPOLL_CTL_MOD, true);
        if (status != OK)
            return status;
    }
    list_append(&io->waiting[direction - 1], &task_loop->running->waiting);
    return task_wake_status(task_park(deadline_ms));
}
