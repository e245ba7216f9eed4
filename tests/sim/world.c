/* One epoch: both servers are started on what their disks have, and the world is let loose. */
#include "world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "administrator.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/random.h"
#include "client.h"
#include "holdings.h"
#include "killer.h"
#include "outside.h"
#include "pop.h"
#include "reader.h"
#include "registrar.h"
#include "remains.h"
#include "rocks.h"
#include "rot.h"
#include "site.h"
#include "task/simulation.h"
#include "trouble.h"
#include "verdict.h"
#include "wire.h"
#include "witness.h"

enum { CLIENTS = 3, LAST_MESSAGES = 5 /* each, in the last epoch */ };
/* Wires: to each door of each site, for clients and for the other site; outside, from each. */
enum { WIRE_OUTSIDE = SITES * DOORS, WIRES = WIRE_OUTSIDE + SITES };

struct world {
    struct ledger *ledger;
    const char *directory;
    bool is_last;
    struct weather weather;
    struct task_simulation simulation;
    struct site sites[SITES];
    struct wire wires[WIRES];
    struct outside outside;
    struct client client;
    struct administrator administrator;
    struct registrar registrars[SITES];
    struct killer killer;
    struct reader readers[SITES * SEATS];
    struct pop pops[SITES * USERS];
    struct task_group around; /* the world around the sites */
    struct log_files disks[SITES];
    /* Where it is cut; UINT64_MAX: nowhere. */
    uint64_t cut_switch, cut_call, switches, calls;
    unsigned cut_slow, slow; /* soon after so many works of a thread that take long */
    unsigned victim;         /* the site whose power fails; SITES: kill -9 of both */
};

/* ---- The cut ---- */

static void note_progress(struct world *world)
{
    world->ledger->now_ms = world->simulation.now_ms;
    world->ledger->switches += world->switches;
    world->ledger->disk_calls += world->calls;
}

/* Of both sites, as far as they were flushed. */
static void indexes_path(const struct world *world, char out[128])
{
    snprintf(out, 128, "%s/indexes", world->directory);
}

static void save_indexes(const struct world *world)
{
    char path[128];
    indexes_path(world, path);
    rocks_save(path);
}

static void cut(struct world *world)
{
    bool power_fails = world->victim < SITES;
    if (!weather_happens(&world->weather, power_fails ? WEATHER_POWER_CUT : WEATHER_KILL))
        return;
    for (unsigned i = 0; i < SITES; i++)
        site_save(&world->sites[i], i == world->victim);
    save_indexes(world);
    note_progress(world);
    fflush(stdout);
    _exit(EXIT_CUT);
}

static void at_switch(void *context, unsigned process)
{
    struct world *world = context;
    if (++world->switches == world->cut_switch)
        cut(world);
    killer_at_switch(&world->killer, process);
}

/* Mostly much less than the longest. */
static int64_t work_takes_ms(void *context)
{
    struct world *world = context;
    if (!weather_strikes(&world->weather, WEATHER_SLOW_DISK))
        return 0;
    if (++world->slow == world->cut_slow)
        world->cut_switch =
            world->switches + 1 + weather_below(&world->weather, WEATHER_POWER_CUT, 64);
    uint32_t bits = weather_below(&world->weather, WEATHER_SLOW_DISK, 18);
    return weather_below(&world->weather, WEATHER_SLOW_DISK, 1u << bits);
}

/* The disks' calls, counted over both. */
static struct world *the_world; /* the calls of log_files have the disk as context */

static void at_call(void)
{
    if (++the_world->calls == the_world->cut_call)
        cut(the_world);
    killer_at_call(&the_world->killer);
}

static ssize_t counted_write(void *context, int fd, const void *bytes, size_t length, off_t offset)
{
    at_call();
    struct memory_disk *disk = context;
    if (length > 1 && weather_strikes(&the_world->weather, WEATHER_SHORT_WRITE))
        length = 1 + weather_below(&the_world->weather, WEATHER_SHORT_WRITE, (uint32_t)length - 1);
    holdings_kernel_begin();
    ssize_t count = memory_disk_files(disk)->write(context, fd, bytes, length, offset);
    holdings_kernel_end();
    return count;
}

static int kept_allocate(void *context, int fd, off_t length)
{
    struct memory_disk *disk = context;
    holdings_kernel_begin();
    int result = memory_disk_files(disk)->allocate(context, fd, length);
    holdings_kernel_end();
    return result;
}

static int counted_sync(void *context, int fd)
{
    at_call();
    struct memory_disk *disk = context;
    return the_world->ledger->plan.disk_lies ? 0 : memory_disk_files(disk)->sync(context, fd);
}

static int counted_rename(void *context, const char *from, const char *to)
{
    at_call();
    struct memory_disk *disk = context;
    return memory_disk_files(disk)->rename(context, from, to);
}

static int counted_sync_directory(void *context, const char *path)
{
    at_call();
    struct memory_disk *disk = context;
    return memory_disk_files(disk)->sync_directory(context, path);
}

static void count_calls(struct site *site)
{
    for (unsigned i = 0; i < SITE_DISKS; i++) {
        struct log_files *files = &site->disks[i].files;
        files->write = counted_write;
        files->allocate = kept_allocate;
        files->sync = counted_sync;
        files->rename = counted_rename;
        files->sync_directory = counted_sync_directory;
    }
}

/* ---- One epoch ---- */

static void open_world(struct world *world)
{
    task_group_init(&world->around);
    world->outside = (struct outside){
        .group = &world->around, .ledger = world->ledger, .weather = &world->weather};
    outside_open(&world->outside);
    for (unsigned i = 0; i < SITES; i++) {
        uint32_t fronts = 1 + random_below(FRONTS_MOST);
        uint32_t most = world->ledger->plan.fronts;
        site_open(&world->sites[i], world->directory, i, fronts < most ? fronts : most);
        count_calls(&world->sites[i]);
    }
    char path[128];
    indexes_path(world, path);
    rocks_restore(path);
    for (unsigned i = 0; i < WIRES; i++) {
        world->wires[i] =
            (struct wire){.group = &world->around,
                          .weather = &world->weather,
                          .to_port = i < WIRE_OUTSIDE ? world->sites[i / DOORS].ports[i % DOORS]
                                                      : world->outside.port};
        wire_open(&world->wires[i]);
    }
}

/* Of the wire to it. */
static uint16_t port_to(const struct world *world, unsigned site, enum door door)
{
    return world->wires[site * DOORS + door].port;
}

/* A directory makes few calls. */
static void spoil_disks(struct world *world)
{
    static const int errors[] = {EIO, ENOSPC};
    static const uint32_t calls[SITE_DISKS] = {3000, 100};
    for (unsigned i = 0; i < SITES * SITE_DISKS; i++)
        if (weather_strikes(&world->weather, WEATHER_DISK_ERROR))
            memory_disk_fail(
                world->sites[i / SITE_DISKS].disks[i % SITE_DISKS].disk,
                20 + weather_below(&world->weather, WEATHER_DISK_ERROR, calls[i % SITE_DISKS]),
                errors[weather_below(&world->weather, WEATHER_DISK_ERROR, 2)], false);
}

static void rot_disks(struct world *world)
{
    for (unsigned i = 0; i < SITES; i++)
        rot_strike(world->ledger, &world->weather, &world->sites[i], i);
}

static void start_sites(struct world *world)
{
    for (unsigned i = 0; i < SITES; i++) {
        world->sites[i].other_port = port_to(world, 1 - i, DOOR_SMTP);
        world->sites[i].outside_port = world->wires[WIRE_OUTSIDE + i].port;
        if (!site_start(&world->sites[i])) {
            ledger_wrong(world->ledger, WRONG_START, "site %s does not start: %s",
                         world->sites[i].name, fail_reason());
            fflush(stdout);
            _exit(EXIT_FAILURE);
        }
    }
}

/* Clients of the mailboxes; in the last epoch too, to see what is left. */
static void open_mailboxes(struct world *world)
{
    bool is_short = world->ledger->plan.is_short;
    uint32_t pause_ms =
        world->is_last && !is_short ? 10 * MINUTE : 1000u << random_below(is_short ? 4 : 12);
    for (unsigned i = 0; i < SITES * SEATS; i += is_short ? SEATS : 1) {
        world->readers[i] = (struct reader){.ledger = world->ledger,
                                            .weather = &world->weather,
                                            .port = port_to(world, i / SEATS, DOOR_IMAP),
                                            .site = i / SEATS,
                                            .seat = i % SEATS,
                                            .pause_ms = pause_ms,
                                            .most = world->is_last ? 2 : random_below(8)};
        task_spawn(&world->around, "reader", reader_task, &world->readers[i]);
    }
    for (unsigned i = 0; i < SITES * USERS; i += is_short ? USERS : 1) {
        world->pops[i] = (struct pop){.ledger = world->ledger,
                                      .port = port_to(world, i / USERS, DOOR_POP3),
                                      .user = i,
                                      .pause_ms = pause_ms,
                                      .most = world->is_last ? 1 : random_below(4)};
        task_spawn(&world->around, "pop", pop_task, &world->pops[i]);
    }
}

/* Nothing in the world but the sites looks at it. */
static void set_clock(struct world *world)
{
    static const int64_t steps_ms[] = {MINUTE, 4 * HOUR, DAY};
    struct weather *weather = &world->weather;
    int64_t step_ms = steps_ms[weather_below(weather, WEATHER_CLOCK_SET, 3)];
    int64_t ahead_ms = step_ms * (int64_t)(1 + weather_below(weather, WEATHER_CLOCK_SET, 3));
    uint32_t way = weather_below(weather, WEATHER_CLOCK_SET, 3);
    calendar_set(&world->ledger->calendar, way == 0 ? 0 : way == 1 ? ahead_ms : -ahead_ms);
}

/* One that is being started takes the wall clock as it stands at some moment of that. */
static bool stores_are_started(const struct world *world)
{
    for (unsigned i = 0; i < SITES; i++)
        if (!world->sites[i].keepers[ROLE_STORE].is_started)
            return false;
    return true;
}

/* An administrator who changes his mind. */
static void change_settings(void *argument)
{
    struct world *world = argument;
    while (task_sleep(MINUTE + random_below(20 * MINUTE)) == OK) {
        if (stores_are_started(world) && weather_strikes(&world->weather, WEATHER_CLOCK_SET))
            set_clock(world);
        for (unsigned i = 0; i < SITES; i++)
            if (weather_strikes(&world->weather, WEATHER_RELOAD))
                site_reload(&world->sites[i],
                            weather_below(&world->weather, WEATHER_RELOAD, SITE_VARIANTS));
    }
}

static void serve_world(struct world *world)
{
    outside_serve(&world->outside);
    for (unsigned i = 0; i < WIRES; i++)
        wire_serve(&world->wires[i]);
    open_mailboxes(world);
    task_spawn(&world->around, "settings", change_settings, world);
    world->administrator = (struct administrator){world->ledger, &world->weather, world->sites};
    task_spawn(&world->around, "administrator",
               world->is_last ? administrator_end_task : administrator_task, &world->administrator);
    for (unsigned i = 0; i < SITES; i++) {
        world->registrars[i] =
            (struct registrar){world->ledger, &world->weather, &world->sites[i], i, world->is_last};
        task_spawn(&world->around, "registrar", registrar_task, &world->registrars[i]);
    }
    bool is_short = world->ledger->plan.is_short;
    world->client =
        (struct client){.ledger = world->ledger,
                        .weather = &world->weather,
                        .ports = {port_to(world, 0, DOOR_SMTP), port_to(world, 1, DOOR_SMTP)},
                        .pause_ms = is_short ? SECOND : 1000u << random_below(10),
                        .most = world->is_last ? LAST_MESSAGES : 1 + random_below(40)};
    for (unsigned i = 0; i < CLIENTS; i++)
        task_spawn(&world->around, "client", client_task, &world->client);
}

/* No sender of mail is left in doubt about a message by it. */
static bool is_unnoticed(enum weather_kind kind)
{
    return kind == WEATHER_GREYLISTED || kind == WEATHER_UNKNOWN || kind == WEATHER_SHORT_WRITE ||
           kind == WEATHER_RELOAD || kind == WEATHER_CLOCK_SET || kind == WEATHER_ORDER ||
           kind == WEATHER_ROLL || kind == WEATHER_LARGE || kind == WEATHER_ROT ||
           kind == WEATHER_KILL_AUTH;
}

/* What send knows may go with it, or with the store's disk. */
static bool is_forgetting(enum weather_kind kind)
{
    return kind == WEATHER_POWER_CUT || kind == WEATHER_KILL || kind == WEATHER_DISK_ERROR ||
           kind == WEATHER_KILL_SEND;
}

static struct excuses excuses_for(const struct ledger *ledger)
{
    struct excuses excuses = {.between = ledger->is_interrupted};
    for (unsigned i = 0; i < WEATHER_KINDS; i++) {
        bool has_happened = ledger->happened[i] > 0;
        excuses.between = excuses.between || (has_happened && !is_unnoticed(i));
        excuses.heard = excuses.heard || (has_happened && is_forgetting(i));
    }
    return excuses;
}

static void note_interrupted(struct world *world)
{
    for (unsigned i = 0; i < SITES; i++)
        if (world->wires[i * DOORS + DOOR_SMTP].links > 0)
            world->ledger->is_interrupted = true;
}

static void judge(struct world *world)
{
    struct settings *settings[SITES];
    for (unsigned i = 0; i < SITES; i++)
        settings[i] = site_settings(&world->sites[i]);
    struct excuses excuses = excuses_for(world->ledger);
    verdict(world->ledger, world->sites, settings, &excuses);
    for (unsigned i = 0; i < SITES; i++)
        settings_release(&settings[i]);
}

/* Mail comes and roles die in the beginning of the last epoch too: those that are there then must
 * see to all that is left. */
static void let_time_pass(struct world *world)
{
    world->killer.is_armed = true;
    trouble_arm(true);
    if (!world->is_last) {
        task_sleep(MINUTE + random_below(2 * HOUR));
        return;
    }
    task_sleep(30 * MINUTE);
    world->killer.is_armed = false;
    trouble_arm(false);
    task_sleep(world->ledger->plan.is_short ? 90 * MINUTE : 8 * HOUR);
}

static void epoch_main(void *argument)
{
    struct world *world = argument;
    task_sleep(1); /* by which the loop has its heap of timers, before there are processes */
    struct remains before = remains_before();
    open_world(world);
    rot_disks(world);
    start_sites(world);
    spoil_disks(world);
    serve_world(world);
    let_time_pass(world);
    note_interrupted(world);
    task_group_finish(&world->around);
    world->killer.is_armed = false;
    trouble_arm(false);
    world->ledger->kill_points += world->killer.points;
    for (unsigned i = 0; i < SITES; i++) {
        for (unsigned disk = 0; disk < SITE_DISKS; disk++)
            memory_disk_fail(world->sites[i].disks[disk].disk, 0, 0, false);
        site_stop(&world->sites[i]);
    }
    world->cut_call = world->cut_switch = UINT64_MAX;
    note_progress(world);
    if (world->is_last)
        judge(world);
    for (unsigned i = 0; i < SITES; i++) {
        site_save(&world->sites[i], false);
        for (unsigned disk = 0; disk < SITE_DISKS; disk++)
            memory_disk_free(&world->sites[i].disks[disk].disk);
        for (unsigned door = 0; door < DOORS; door++)
            close(world->sites[i].fds[door]);
    }
    save_indexes(world);
    remains_check(&before, world->ledger);
}

static void choose_weather(struct world *world)
{
    struct ledger *ledger = world->ledger;
    uint64_t seed = ledger->plan.seed * 1000 + ledger->epoch;
    world->weather = world->is_last ? weather_calm(seed, ledger->plan.most, ledger->happened)
                                    : weather_by_chance(seed, ledger->plan.most, ledger->happened);
    if (ledger->plan.is_short)
        world->weather.once_in[WEATHER_LARGE] = 2;
}

static void choose_fate(struct world *world)
{
    struct weather *weather = &world->weather;
    world->cut_switch = world->cut_call = UINT64_MAX;
    if (world->is_last)
        return;
    world->victim = weather_below(weather, WEATHER_POWER_CUT, SITES + 1);
    uint32_t fate = weather_below(weather, WEATHER_POWER_CUT, 6);
    uint32_t bits = weather_below(weather, WEATHER_POWER_CUT, 9);
    if (fate == 1 || fate == 2)
        world->cut_switch = 1 + weather_below(weather, WEATHER_POWER_CUT, 256u << bits);
    else if (fate == 3)
        world->cut_slow = 1 + weather_below(weather, WEATHER_POWER_CUT, 8);
    else if (fate > 3)
        world->cut_call = 1 + weather_below(weather, WEATHER_POWER_CUT, 8u << bits);
}

/* By the last start somebody has set it right. */
static void begin_calendar(struct world *world)
{
    struct calendar *calendar = &world->ledger->calendar;
    clock_set_wall_for_test(&calendar->ahead_ms);
    if (world->is_last)
        calendar_set(calendar, 0);
    calendar_start(calendar);
    world->ledger->calm_ms = world->is_last ? clock_monotonic_ms() : INT64_MAX;
}

int world_epoch(struct ledger *ledger, const char *directory, bool is_last, bool is_loud)
{
    static struct world world; /* too large for a stack; each epoch is a process of its own */
    world.ledger = ledger;
    world.directory = directory;
    world.is_last = is_last;
    the_world = &world;
    log_setup("sim", is_loud ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR + 1);
    signal(SIGPIPE, SIG_IGN);
    random_seed_for_test(ledger->plan.seed * 1000 + ledger->epoch);
    witness_begin(ledger);
    choose_weather(&world);
    choose_fate(&world);
    world.killer =
        (struct killer){.ledger = ledger, .weather = &world.weather, .sites = world.sites};
    killer_choose(&world.killer);
    trouble_choose(&world.weather);
    world.simulation = (struct task_simulation){.now_ms = ledger->now_ms,
                                                .at_switch = at_switch,
                                                .work_takes_ms = work_takes_ms,
                                                .context = &world};
    task_simulate(&world.simulation);
    begin_calendar(&world);
    task_loop_run(epoch_main, &world);
    task_simulate(NULL);
    return EXIT_SUCCESS;
}
