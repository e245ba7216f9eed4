#include "keeper.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "holdings.h"
#include "main/programs.h"
#include "process.h"
#include "site.h"

enum { QUICK_MS = 10 * SECOND, DOUBLINGS_MOST = 8, FIRST_PAUSE_MS = 25 };

static const struct role_program *const programs[ROLE_PARENT] = {[ROLE_FRONT] = &front_program,
                                                                 [ROLE_STORE] = &store_program,
                                                                 [ROLE_AUTH] = &auth_program,
                                                                 [ROLE_SEND] = &send_program};

unsigned keeper_process(const struct keeper *keeper)
{
    const struct site *site = keeper->site;
    return 1 + (unsigned)(site->name[0] - 'a') * KEEPERS_MOST + (unsigned)(keeper - site->keepers);
}

unsigned keeper_site_of(unsigned process)
{
    return (process - 1) / KEEPERS_MOST;
}

struct keeper *keeper_of(struct site *sites, unsigned process)
{
    return &sites[keeper_site_of(process)].keepers[(process - 1) % KEEPERS_MOST];
}

void keeper_make(struct keeper *keeper)
{
    unsigned before = process_begin(keeper_process(keeper));
    keeper->role = role_instance_new(programs[keeper->kind], keeper->number);
    if (keeper->kind == ROLE_STORE)
        role_instance_disk(keeper->role, &keeper->site->disks[SITE_STORE].role);
    if (keeper->kind == ROLE_AUTH)
        role_instance_disk(keeper->role, &keeper->site->disks[SITE_DIRECTORY].role);
    keeper->incarnation++;
    process_end(before);
    site_configure(keeper);
    keeper->is_configured = true;
}

static void hand_over_doors(struct keeper *keeper)
{
    static const struct {
        struct text server;
        enum service service;
    } doors[DOORS] = {
        [DOOR_SMTP] = {TEXT("in"), SERVICE_SMTP},
        [DOOR_IMAP] = {TEXT("mailboxes"), SERVICE_IMAP},
        [DOOR_POP3] = {TEXT("mailboxes"), SERVICE_POP3},
    };
    struct seats *seats = NULL;
    check(seats_map(seats_descriptor(keeper->site->seats), keeper->number, &seats) == OK);
    role_instance_seats(keeper->role, seats);
    for (unsigned i = 0; i < DOORS; i++)
        check(role_instance_listen(keeper->role, doors[i].server, doors[i].service,
                                   dup(keeper->site->fds[i])) == OK);
}

void keeper_hand_over(struct keeper *keeper)
{
    unsigned before = process_begin(keeper_process(keeper));
    if (keeper->kind == ROLE_FRONT)
        hand_over_doors(keeper);
    if (keeper->kind == ROLE_STORE || keeper->kind == ROLE_AUTH)
        role_instance_admin(keeper->role, dup(keeper->site->control_fds[keeper->kind]));
    process_end(before);
}

static void connect_to(struct keeper *from, const struct keeper *to, int fd)
{
    holdings_hand_over(fd, keeper_process(from));
    unsigned before = process_begin(keeper_process(from));
    check(role_instance_connect(from->role, to->kind, to->number, fd) == OK);
    process_end(before);
}

void keeper_join(struct keeper *a, struct keeper *b)
{
    int ends[2];
    if (a->kind > b->kind) {
        keeper_join(b, a);
        return;
    }
    struct site *site = a->site;
    unsigned *joined = site->joined[a - site->keepers][b - site->keepers];
    if ((role_find(a->kind)->peers & 1u << b->kind) == 0 ||
        (joined[0] == a->incarnation && joined[1] == b->incarnation))
        return;
    joined[0] = a->incarnation;
    joined[1] = b->incarnation;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    connect_to(a, b, ends[0]);
    connect_to(b, a, ends[1]);
}

/* ---- Anew ---- */

static void join_others(struct keeper *keeper)
{
    struct site *site = keeper->site;
    for (unsigned i = 0; i < site->keeper_count && keeper->is_configured; i++)
        if (site->keepers[i].is_configured) {
            keeper_join(keeper, &site->keepers[i]);
            task_yield(); /* what would be asked of both */
        }
}

static bool others_are_started(const struct keeper *keeper)
{
    const struct site *site = keeper->site;
    for (unsigned i = 0; i < site->keeper_count; i++)
        if (site->keepers[i].kind != ROLE_FRONT && !site->keepers[i].is_started)
            return false;
    return true;
}

/* front is the last: nobody is greeted before mail can be taken. False: it died meanwhile, or the
 * site ends. */
static bool wait_for_others(struct keeper *keeper)
{
    while (keeper->is_configured && keeper->kind == ROLE_FRONT && !others_are_started(keeper))
        if (task_event_wait(&keeper->site->changed, NO_DEADLINE) != OK)
            return false;
    return keeper->is_configured;
}

/* Of the role's own process. */
static void start_task(void *argument)
{
    struct keeper *keeper = argument;
    if (role_instance_start(keeper->role) != OK) {
        log_error("role.start", "site=%s name=%s reason=%s", keeper->site->name,
                  role_find(keeper->kind)->name, log_text(text_from(fail_reason())));
        site_kill(keeper);
    }
    keeper->is_started = true;
    task_event_tell_all(&keeper->site->changed);
}

static void bring_up(struct keeper *keeper)
{
    struct site *site = keeper->site;
    keeper_make(keeper);
    task_event_tell_all(&site->changed);
    task_yield();
    join_others(keeper);
    if (!wait_for_others(keeper))
        return;
    keeper_hand_over(keeper);
    unsigned before = process_begin(keeper_process(keeper));
    task_spawn(&site->starting, "start", start_task, keeper);
    process_end(before);
}

void keeper_task(void *argument)
{
    struct keeper *keeper = argument;
    for (;;) {
        int64_t began_ms = clock_monotonic_ms();
        while (keeper->role != NULL)
            if (task_event_wait(&keeper->site->changed, NO_DEADLINE) != OK)
                return;
        bool is_quick = clock_monotonic_ms() - began_ms < QUICK_MS;
        keeper->quick_deaths = is_quick ? keeper->quick_deaths + 1 : 0;
        unsigned doublings =
            keeper->quick_deaths < DOUBLINGS_MOST ? keeper->quick_deaths : DOUBLINGS_MOST;
        if (task_sleep(doublings < 2 ? 0 : FIRST_PAUSE_MS << (doublings - 1)) != OK)
            return;
        bring_up(keeper);
    }
}
