#include "main/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"

enum {
    ANSWER_MS = 30 * SECOND,
    START_MS = HOUR, /* a store may have a long log to replay */
    STOP_MS = 20 * SECOND,
    QUICK_MS = 5 * SECOND, /* ending sooner than this after its start counts as quick */
    PARENT_FD = 3
};

/* In the new process: nothing but async-signal-safe calls until exec. */
static _Noreturn void become_role(const char *path, const char *name, const char *number, int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == PARENT_FD)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, PARENT_FD);
    execl(path, name, number, (char *)NULL);
    _exit(127);
}

static enum status spawn(struct child *child)
{
    char path[SITE_PATH_BYTES], name[32], number[16];
    if (!site_program_path(child->role->name, path))
        return refused("no program for role %s at %s", child->role->name, path);
    snprintf(name, sizeof(name), "mailroot-%s", child->role->name);
    snprintf(number, sizeof(number), "%u", child->number);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return try_later("socketpair: %m");
    child->pid = fork();
    if (child->pid == 0)
        become_role(path, name, number, ends[1]);
    close(ends[1]);
    if (child->pid < 0) {
        child->pid = 0;
        close(ends[0]);
        return try_later("fork: %m");
    }
    child->incarnation++;
    rpc_channel_connect(child->channel, ends[0]);
    return OK;
}

static enum status ask(struct child *child, uint16_t method, struct text request, int fd,
                       int64_t within_ms)
{
    struct rpc_reply reply;
    enum status status =
        rpc_ask(child->channel, method, request, fd, clock_monotonic_ms() + within_ms, &reply);
    rpc_reply_finish(&reply);
    return status;
}

static enum status configure(struct child *child)
{
    struct buffer configuration;
    buffer_init(&configuration, SITE_CONFIGURATION_MAX);
    site_configuration(child->all->site, child->role->kind, &configuration);
    enum status status = ask(child, PARENT_CONFIGURE, buffer_text(&configuration), -1, ANSWER_MS);
    buffer_forget(&configuration);
    return status;
}

static enum status connect_to(struct child *child, const struct child *peer, int fd)
{
    struct buffer request;
    buffer_init(&request, 64);
    wire_put_u8(&request, (uint8_t)peer->role->kind);
    wire_put_u32(&request, peer->number);
    enum status status = ask(child, PARENT_CONNECT, buffer_text(&request), fd, ANSWER_MS);
    buffer_finish(&request);
    return status;
}

/* A socket pair between two roles, once for each pair of incarnations. YIELDS. */
static enum status wire(struct child *a, struct child *b)
{
    size_t i = (size_t)(a - a->all->list), j = (size_t)(b - a->all->list);
    unsigned *done = i < j ? a->all->wired[i][j] : a->all->wired[j][i];
    unsigned now[2] = {i < j ? a->incarnation : b->incarnation,
                       i < j ? b->incarnation : a->incarnation};
    if (done[0] == now[0] && done[1] == now[1])
        return OK;
    memcpy(done, now, sizeof(now));
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return try_later("socketpair: %m");
    int size = 1 << 20; /* room for bodies in flight; the kernel may give less */
    for (int end = 0; end < 2; end++)
        setsockopt(ends[end], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    enum status status = connect_to(a, b, ends[0]);
    if (status != OK) {
        close(ends[1]);
        return status;
    }
    return connect_to(b, a, ends[1]);
}

static enum status wire_to_peers(struct child *child)
{
    struct children *all = child->all;
    for (unsigned i = 0; i < all->count; i++) {
        struct child *peer = &all->list[i];
        if (peer == child || !peer->configured ||
            (child->role->peers & 1u << peer->role->kind) == 0)
            continue;
        if (wire(child, peer) != OK)
            log_warning("role.wire", "role=%s peer=%s reason=%s", child->role->name,
                        peer->role->name, log_text(text_from(fail_reason())));
    }
    return child->configured ? OK : try_later("%s ended while it was wired", child->role->name);
}

static enum status send_listener(struct child *child, const struct site_listener *listener)
{
    struct buffer request;
    buffer_init(&request, 1024);
    wire_put_text(&request, listener->server);
    wire_put_u8(&request, (uint8_t)listener->service);
    int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
    enum status status =
        fd < 0 ? try_later("%m") : ask(child, PARENT_LISTEN, buffer_text(&request), fd, ANSWER_MS);
    buffer_finish(&request);
    return status;
}

static enum status send_tickets(struct child *child)
{
    return ask(child, PARENT_TICKETS, ticket_keys_text(&child->all->tickets), -1, ANSWER_MS);
}

static enum status hand_over_sockets(struct child *child)
{
    struct children *all = child->all;
    int admin_fd = all->admin_fds[child->role->kind];
    if (admin_fd >= 0 &&
        ask(child, PARENT_ADMIN, TEXT(""), fcntl(admin_fd, F_DUPFD_CLOEXEC, 0), ANSWER_MS) != OK)
        return TRY_LATER;
    if (child->role->kind == ROLE_FRONT &&
        (ask(child, PARENT_SEATS, TEXT(""), seats_descriptor(all->seats), ANSWER_MS) != OK ||
         send_tickets(child) != OK))
        return TRY_LATER;
    for (unsigned i = 0; child->role->kind == ROLE_FRONT && i < all->site->listener_count; i++)
        if (send_listener(child, &all->site->listeners[i]) != OK)
            return TRY_LATER;
    return OK;
}

/* front waits for the others, so that nobody is greeted before mail can be taken. YIELDS. */
static enum status wait_for_others(struct child *child)
{
    struct children *all = child->all;
    for (unsigned i = 0; child->role->kind == ROLE_FRONT && i < all->count; i++)
        while (all->list[i].role->kind != ROLE_FRONT && !all->list[i].started)
            if (task_event_wait(&all->changed, NO_DEADLINE) != OK || all->stopping)
                return try_later("stopping");
    return OK;
}

static enum status bring_up(struct child *child)
{
    enum status status = spawn(child);
    if (status == OK)
        status = configure(child);
    if (status != OK)
        return status;
    child->configured = true;
    task_event_tell_all(&child->all->changed);
    status = wire_to_peers(child);
    if (status == OK)
        status = wait_for_others(child);
    if (status == OK)
        status = hand_over_sockets(child);
    if (status == OK)
        status = ask(child, PARENT_START, TEXT(""), -1, START_MS);
    if (status != OK)
        return status;
    child->started = true;
    log_info("role.started", "name=%s number=%u pid=%d", child->role->name, child->number,
             (int)child->pid);
    task_event_tell_all(&child->all->changed);
    return OK;
}

/* Never with pid 0, which would be our own process group. */
static void kill_child(const struct child *child)
{
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

/* Keep one role running. */
static void child_task(void *argument)
{
    struct child *child = argument;
    struct children *all = child->all;
    while (!all->stopping) {
        int64_t began = clock_monotonic_ms();
        if (bring_up(child) != OK && !all->stopping) {
            log_error("role.start", "name=%s number=%u reason=%s", child->role->name, child->number,
                      log_text(text_from(fail_reason())));
            kill_child(child);
        }
        while (child->pid > 0)
            if (task_event_wait(&all->changed, NO_DEADLINE) != OK)
                return;
        child->quick_deaths = clock_monotonic_ms() - began < QUICK_MS ? child->quick_deaths + 1 : 0;
        /* At once the first time; then 50 ms, 100 ms ... 5 s for one that keeps dying. */
        unsigned doublings = child->quick_deaths < 8 ? child->quick_deaths : 8;
        int64_t pause = doublings < 2 ? 0 : 25 << (doublings - 1);
        if (!all->stopping && task_sleep(pause) != OK)
            return;
    }
}

static void add_child(struct children *children, enum role_kind kind, unsigned number)
{
    struct child *child = &children->list[children->count++];
    *child = (struct child){.role = role_find(kind), .number = number, .all = children};
    child->channel = rpc_channel_new(child->role->name, NULL, 0, NULL, &children->group);
}

void children_start(struct children *children, unsigned fronts)
{
    task_group_init(&children->group);
    task_event_init(&children->changed);
    ticket_keys_init(&children->tickets);
    add_child(children, ROLE_STORE, 0);
    add_child(children, ROLE_AUTH, 0);
    add_child(children, ROLE_SEND, 0);
    for (unsigned i = 0; i < fronts; i++)
        add_child(children, ROLE_FRONT, i);
    for (unsigned i = 0; i < children->count; i++)
        task_spawn(&children->group, "child", child_task, &children->list[i]);
}

bool children_all_started(const struct children *children)
{
    for (unsigned i = 0; i < children->count; i++)
        if (!children->list[i].started)
            return false;
    return true;
}

static void unlisten(struct child *child, const struct site_listener *listener)
{
    struct buffer request;
    char address[NET_ADDRESS_TEXT_BYTES];
    buffer_init(&request, 1024);
    wire_put_text(&request, text_from(net_address_text(&listener->address, address)));
    ask(child, PARENT_UNLISTEN, buffer_text(&request), -1, ANSWER_MS);
    buffer_finish(&request);
}

static void reload_listeners(struct child *child, const struct site *old)
{
    const struct site *site = child->all->site;
    for (unsigned i = 0; i < old->listener_count; i++)
        if (old->listeners[i].fd >= 0)
            unlisten(child, &old->listeners[i]);
    for (unsigned i = 0; i < site->listener_count; i++)
        if (site->listeners[i].is_new && send_listener(child, &site->listeners[i]) != OK)
            log_error("role.reload", "name=%s number=%u reason=%s", child->role->name,
                      child->number, log_text(text_from(fail_reason())));
}

static void reconfigure(struct child *child)
{
    if (configure(child) != OK)
        log_error("role.reload", "name=%s number=%u reason=%s", child->role->name, child->number,
                  log_text(text_from(fail_reason())));
}

void children_reload(struct children *children, const struct site *old)
{
    for (unsigned i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        if (!child->configured)
            continue; /* it gets the new settings when it starts */
        reconfigure(child);
        if (child->role->kind == ROLE_FRONT)
            reload_listeners(child, old);
    }
}

void children_relisten(struct children *children, const struct site *old)
{
    for (unsigned i = 0; i < children->count; i++)
        if (children->list[i].configured && children->list[i].role->kind == ROLE_FRONT)
            reload_listeners(&children->list[i], old);
}

void children_end_sessions(struct children *children, struct text server)
{
    for (unsigned i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        if (child->configured && child->role->kind == ROLE_FRONT &&
            ask(child, PARENT_END_SERVER, server, -1, ANSWER_MS) != OK)
            log_error("role.end-server", "name=%s number=%u reason=%s", child->role->name,
                      child->number, log_text(text_from(fail_reason())));
    }
}

void children_renew_certificates(struct children *children)
{
    for (unsigned i = 0; i < children->count; i++)
        if (children->list[i].configured && children->list[i].role->kind == ROLE_FRONT)
            reconfigure(&children->list[i]);
}

void children_turn_tickets(struct children *children)
{
    ticket_keys_turn(&children->tickets);
    for (unsigned i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        if (child->role->kind == ROLE_FRONT && child->configured && send_tickets(child) != OK)
            log_error("role.tickets", "name=%s number=%u reason=%s", child->role->name,
                      child->number, log_text(text_from(fail_reason())));
    }
}

void child_memory(struct child *child, struct memory_now *out)
{
    enum { WITHIN_MS = 2 * SECOND };
    struct rpc_reply reply;
    *out = (struct memory_now){0};
    if (!child->configured)
        return;
    enum status status = rpc_ask(child->channel, PARENT_MEMORY, TEXT(""), -1,
                                 clock_monotonic_ms() + WITHIN_MS, &reply);
    if (status == OK && !memory_report_decode(buffer_text(&reply.bytes), out))
        *out = (struct memory_now){0};
    rpc_reply_finish(&reply);
}

static void child_ended(struct child *child, int how)
{
    struct children *all = child->all;
    if (!all->stopping && WIFSIGNALED(how))
        log_error("role.ended", "name=%s number=%u pid=%d signal=%d", child->role->name,
                  child->number, (int)child->pid, WTERMSIG(how));
    else if (!all->stopping)
        log_error("role.ended", "name=%s number=%u pid=%d status=%d", child->role->name,
                  child->number, (int)child->pid, WEXITSTATUS(how));
    child->pid = 0;
    child->configured = child->started = false;
    if (child->role->kind == ROLE_FRONT) /* its connections ended with it */
        seats_clear_row(all->seats, child->number);
    task_event_tell_all(&all->changed);
}

void children_reap(struct children *children)
{
    int how;
    pid_t pid;
    while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
        for (unsigned i = 0; i < children->count; i++)
            if (children->list[i].pid == pid)
                child_ended(&children->list[i], how);
}

/* Ask, wait, and at last kill. YIELDS. */
static void stop_kind(struct children *children, enum role_kind kind)
{
    int64_t deadline = clock_monotonic_ms() + STOP_MS;
    for (unsigned i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        if (child->role->kind == kind && child->pid > 0 &&
            (!child->configured || ask(child, PARENT_STOP, TEXT(""), -1, STOP_MS) != OK))
            kill_child(child); /* it may have ended while we asked */
    }
    for (unsigned i = 0; i < children->count; i++) {
        struct child *child = &children->list[i];
        while (child->role->kind == kind && child->pid > 0) {
            if (task_event_wait(&children->changed, deadline) != OK) {
                kill_child(child);
                deadline = clock_monotonic_ms() + STOP_MS;
            }
        }
    }
}

void children_stop(struct children *children)
{
    static const enum role_kind order[] = {ROLE_FRONT, ROLE_SEND, ROLE_AUTH, ROLE_STORE};
    children->stopping = true;
    task_event_tell_all(&children->changed);
    for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++)
        stop_kind(children, order[i]);
    task_group_finish(&children->group);
    ticket_keys_forget(&children->tickets);
    for (unsigned i = 0; i < children->count; i++)
        rpc_channel_close(&children->list[i].channel);
}
