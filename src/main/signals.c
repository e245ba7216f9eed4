#include "main/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "task/io.h"

struct signals {
    int fd;
    void (*on_signal)(void *, int);
    void *context;
};

static void signals_task(void *argument)
{
    struct signals *signals = argument;
    struct task_io io;
    check(task_io_open(&io, signals->fd) == OK);
    for (;;) {
        struct signalfd_siginfo signal;
        if (read(io.fd, &signal, sizeof(signal)) == sizeof(signal))
            signals->on_signal(signals->context, (int)signal.ssi_signo);
        else if (task_io_wait(&io, TASK_READ, NO_DEADLINE) != OK)
            break;
    }
    task_io_close(&io);
}

static sigset_t signals_obeyed(void)
{
    sigset_t obeyed;
    sigemptyset(&obeyed);
    sigaddset(&obeyed, SIGCHLD);
    sigaddset(&obeyed, SIGHUP);
    sigaddset(&obeyed, SIGINT);
    sigaddset(&obeyed, SIGTERM);
    return obeyed;
}

void signals_hold(void)
{
    sigset_t obeyed = signals_obeyed();
    sigprocmask(SIG_BLOCK, &obeyed, NULL);
}

struct signals *signals_open(struct task_group *group, void (*on_signal)(void *, int),
                             void *context)
{
    struct signals *signals = calloc(1, sizeof(*signals));
    check(signals != NULL);
    sigset_t obeyed = signals_obeyed();
    signals_hold();
    signals->fd = signalfd(-1, &obeyed, SFD_CLOEXEC | SFD_NONBLOCK);
    check(signals->fd >= 0);
    signals->on_signal = on_signal;
    signals->context = context;
    task_spawn(group, "signals", signals_task, signals);
    return signals;
}

void signals_close(struct signals **signals)
{
    if (*signals == NULL)
        return;
    close((*signals)->fd);
    free(*signals);
    *signals = NULL;
}
