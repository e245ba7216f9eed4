/* Two mail servers and the world around them, in one process, on simulated time, disks and network,
 * all from one seed:
 *
 *     sim [--seed N] [--runs N] [--seconds N] [--lying-disk] [-v]
 *
 * A run is some epochs: each begins with starting both servers on what their disks have, and ends
 * in order, by a power cut, or by kill -9, at a task switch or a disk call that chance chooses. The
 * last epoch has no faults and all the time that the queues need; then the verdict. A failing run
 * prints its seed, and leaves its disks. --seconds: runs from --seed on until then. --lying-disk:
 * its syncs do nothing, so that there must be runs that fail. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/random.h"
#include "client.h"
#include "outside.h"
#include "pop.h"
#include "proc/instance.h"
#include "reader.h"
#include "site.h"
#include "task/simulation.h"
#include "verdict.h"
#include "wire.h"

enum {
    CLIENTS = 3,
    EPOCHS_MOST = 6,
    EXIT_CUT = 3, /* of an epoch's process: it ended as it was to, by a cut */
    EXIT_NO_START = 4
};
/* Wires: to each door of each site, for clients and for the other site; outside, from each. */
enum { WIRE_OUTSIDE = SITES * DOORS, WIRES = WIRE_OUTSIDE + SITES };
#define BEGIN_MS INT64_C(1767225600000) /* 2026-01-01 */

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
    struct reader readers[SITES * SEATS];
    struct pop pops[SITES * USERS];
    struct task_group around; /* the world around the sites */
    struct log_files disks[SITES];
    /* Where it is cut; UINT64_MAX: nowhere. */
    uint64_t cut_switch, cut_call, switches, calls;
    bool disk_lies;
    unsigned victim; /* the site whose power fails; SITES: kill -9 of both */
};

/* ---- The cut ---- */

static void note_progress(struct world *world)
{
    world->ledger->now_ms = world->simulation.now_ms;
    world->ledger->switches += world->switches;
    world->ledger->disk_calls += world->calls;
}

static void cut(struct world *world)
{
    for (unsigned i = 0; i < SITES; i++)
        site_save(&world->sites[i], i == world->victim);
    world->ledger->cuts++;
    note_progress(world);
    _exit(EXIT_CUT);
}

static void at_switch(void *context)
{
    struct world *world = context;
    if (++world->switches == world->cut_switch)
        cut(world);
}

/* The disks' calls, counted over both. */
static struct world *the_world; /* the calls of log_files have the disk as context */

static void at_call(void)
{
    if (++the_world->calls == the_world->cut_call)
        cut(the_world);
}

static ssize_t counted_write(void *context, int fd, const void *bytes, size_t length, off_t offset)
{
    at_call();
    struct memory_disk *disk = context;
    return memory_disk_files(disk)->write(context, fd, bytes, length, offset);
}

static int counted_sync(void *context, int fd)
{
    at_call();
    struct memory_disk *disk = context;
    return the_world->disk_lies ? 0 : memory_disk_files(disk)->sync(context, fd);
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
    site->files.write = counted_write;
    site->files.sync = counted_sync;
    site->files.rename = counted_rename;
    site->files.sync_directory = counted_sync_directory;
}

/* ---- One epoch ---- */

static void open_world(struct world *world)
{
    task_group_init(&world->around);
    world->outside = (struct outside){
        .group = &world->around, .ledger = world->ledger, .weather = &world->weather};
    outside_open(&world->outside);
    for (unsigned i = 0; i < SITES; i++) {
        site_open(&world->sites[i], world->directory, i);
        count_calls(&world->sites[i]);
    }
    for (unsigned i = 0; i < WIRES; i++) {
        world->wires[i] =
            (struct wire){.group = &world->around,
                          .ledger = world->ledger,
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

static void spoil_disks(struct world *world)
{
    static const int errors[] = {5 /* EIO */, 28 /* ENOSPC */};
    for (unsigned i = 0; i < SITES; i++)
        if (weather_strikes(world->weather.disk_error)) {
            memory_disk_fail(world->sites[i].disk, 20 + random_below(3000), errors[random_below(2)],
                             false);
            world->ledger->disk_errors++;
        }
}

static void start_sites(struct world *world)
{
    for (unsigned i = 0; i < SITES; i++)
        if (!site_start(&world->sites[i], port_to(world, 1 - i, DOOR_SMTP),
                        world->wires[WIRE_OUTSIDE + i].port)) {
            printf("  wrong: site %s does not start: %s\n", world->sites[i].name, fail_reason());
            fflush(stdout);
            _exit(EXIT_NO_START);
        }
}

/* Clients of the mailboxes; in the last epoch too, to see what is left. */
static void open_mailboxes(struct world *world)
{
    uint32_t pause_ms = world->is_last ? 10 * MINUTE : 1000u << random_below(12);
    for (unsigned i = 0; i < SITES * SEATS; i++) {
        world->readers[i] = (struct reader){.ledger = world->ledger,
                                            .port = port_to(world, i / SEATS, DOOR_IMAP),
                                            .site = i / SEATS,
                                            .seat = i % SEATS,
                                            .pause_ms = pause_ms,
                                            .most = world->is_last ? 2 : random_below(8)};
        task_spawn(&world->around, "reader", reader_task, &world->readers[i]);
    }
    for (unsigned i = 0; i < SITES * USERS; i++) {
        world->pops[i] = (struct pop){.ledger = world->ledger,
                                      .port = port_to(world, i / USERS, DOOR_POP3),
                                      .user = i,
                                      .pause_ms = pause_ms,
                                      .most = world->is_last ? 1 : random_below(4)};
        task_spawn(&world->around, "pop", pop_task, &world->pops[i]);
    }
}

static void serve_world(struct world *world)
{
    outside_serve(&world->outside);
    for (unsigned i = 0; i < WIRES; i++)
        wire_serve(&world->wires[i]);
    open_mailboxes(world);
    if (world->is_last)
        return;
    world->client =
        (struct client){.ledger = world->ledger,
                        .ports = {port_to(world, 0, DOOR_SMTP), port_to(world, 1, DOOR_SMTP)},
                        .pause_ms = 1000u << random_below(10),
                        .most = 1 + random_below(40)};
    for (unsigned i = 0; i < CLIENTS; i++)
        task_spawn(&world->around, "client", client_task, &world->client);
}

static bool was_calm(const struct ledger *ledger)
{
    return ledger->cuts + ledger->resets + ledger->stalls + ledger->refused + ledger->answers_lost +
               ledger->disk_errors ==
           0;
}

static unsigned judge(struct world *world)
{
    struct settings *settings[SITES];
    for (unsigned i = 0; i < SITES; i++)
        settings[i] = site_settings(&world->sites[i], port_to(world, 1 - i, DOOR_SMTP),
                                    world->wires[WIRE_OUTSIDE + i].port);
    unsigned wrong = verdict(world->ledger, world->sites, settings, was_calm(world->ledger));
    for (unsigned i = 0; i < SITES; i++)
        settings_release(&settings[i]);
    return wrong + world->ledger->wrong;
}

static void epoch_main(void *argument)
{
    struct world *world = argument;
    open_world(world);
    start_sites(world);
    spoil_disks(world);
    serve_world(world);
    task_sleep(world->is_last ? 8 * HOUR : MINUTE + random_below(2 * HOUR));
    task_group_finish(&world->around);
    for (unsigned i = 0; i < SITES; i++) {
        memory_disk_fail(world->sites[i].disk, 0, 0, false);
        site_stop(&world->sites[i]);
    }
    world->cut_call = world->cut_switch = UINT64_MAX;
    note_progress(world);
    if (world->is_last && judge(world) > 0) {
        fflush(stdout);
        _exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < SITES; i++) {
        site_save(&world->sites[i], false);
        memory_disk_free(&world->sites[i].disk);
        for (unsigned door = 0; door < DOORS; door++)
            close(world->sites[i].fds[door]);
    }
}

static void choose_fate(struct world *world)
{
    world->cut_switch = world->cut_call = UINT64_MAX;
    world->victim = random_below(SITES + 1);
    if (world->is_last)
        return;
    world->weather = weather_by_chance();
    uint32_t fate = random_below(5);
    if (fate == 1 || fate == 2)
        world->cut_switch = 1 + random_below(1u << (8 + random_below(9)));
    else if (fate >= 3)
        world->cut_call = 1 + random_below(1u << (3 + random_below(8)));
}

/* What the command line says. */
struct manner {
    bool is_loud, disk_lies;
};

/* In a process of its own; returns its exit status. */
static int epoch(struct ledger *ledger, const char *directory, bool is_last, struct manner manner)
{
    struct world world = {.ledger = ledger,
                          .directory = directory,
                          .is_last = is_last,
                          .disk_lies = manner.disk_lies};
    the_world = &world;
    log_setup("sim", manner.is_loud ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR + 1);
    signal(SIGPIPE, SIG_IGN);
    random_seed_for_test(ledger->seed * 1000 + ledger->epoch);
    choose_fate(&world);
    world.simulation = (struct task_simulation){
        .now_ms = ledger->now_ms, .at_switch = at_switch, .context = &world};
    task_simulate(&world.simulation);
    task_loop_run(epoch_main, &world);
    task_simulate(NULL);
    return EXIT_SUCCESS;
}

/* ---- Runs ---- */

static int fork_epoch(struct ledger *ledger, const char *directory, bool is_last,
                      struct manner manner)
{
    int how;
    fflush(stdout);
    pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
        int status = epoch(ledger, directory, is_last, manner);
        fflush(stdout);
        exit(status);
    }
    check(waitpid(child, &how, 0) == child);
    ledger->epoch++;
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

static bool run(struct ledger *ledger, uint64_t seed, struct manner manner)
{
    char directory[] = "/tmp/sim-XXXXXX", command[64];
    check(mkdtemp(directory) != NULL);
    memset(ledger, 0, sizeof(*ledger));
    ledger->seed = seed;
    ledger->now_ms = BEGIN_MS;
    random_seed_for_test(seed);
    unsigned epochs = 1 + random_below(EPOCHS_MOST);
    int status = 0;
    for (unsigned i = 0; i <= epochs && (status == 0 || status == EXIT_CUT); i++)
        status = fork_epoch(ledger, directory, i == epochs, manner);
    printf("seed %llu: %s: %u epochs, %u cuts; %u messages, %u acknowledged: %u delivered, %u "
           "relayed, %u more than once, %u returned; %u resets, %u stalls, %u refused, %u answers "
           "lost, %u disk errors; %u visits, %u answers, %u resumed, %u appended, %u removed; "
           "%.1f days\n",
           (unsigned long long)seed, status == 0 ? "ok" : "FAILED", ledger->epoch, ledger->cuts,
           ledger->count, ledger->acknowledged, ledger->delivered, ledger->relayed, ledger->twice,
           ledger->returned, ledger->resets, ledger->stalls, ledger->refused, ledger->answers_lost,
           ledger->disk_errors, ledger->visits, ledger->answers, ledger->resumed, ledger->appended,
           ledger->removed, (double)(ledger->now_ms - BEGIN_MS) / DAY);
    if (status != 0)
        printf("  ended with %d in epoch %u; again: sim --seed %llu -v\n", status, ledger->epoch,
               (unsigned long long)seed);
    if (status != 0 && !manner.disk_lies) {
        printf("  its disks: %s\n", directory);
        return false;
    }
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    check(system(command) == 0);
    return status == 0;
}

int main(int count, char **arguments)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"runs", required_argument, NULL, 'r'},
                                            {"seconds", required_argument, NULL, 'm'},
                                            {"lying-disk", no_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    uint64_t seed = 1, runs = 1;
    time_t end = 0;
    struct manner manner = {0};
    for (int option; (option = getopt_long(count, arguments, "v", options, NULL)) != -1;) {
        if (option == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (option == 'r')
            runs = strtoull(optarg, NULL, 10);
        else if (option == 'm')
            end = time(NULL) + strtol(optarg, NULL, 10);
        else if (option == 'v')
            manner.is_loud = true;
        else if (option == 'l')
            manner.disk_lies = true;
        else
            return 2;
    }
    struct ledger *ledger =
        mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(ledger != MAP_FAILED);
    unsigned failed = 0;
    for (uint64_t done = 0; end != 0 ? time(NULL) < end : done < runs; done++)
        failed += !run(ledger, seed + done, manner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
