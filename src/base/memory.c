#include "base/memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/logline.h"

enum { LOOK_EVERY_MS = 20, TRIM_EVERY_MS = SECOND, TRIM_HUNDREDTHS = 6, TELL_EVERY_MS = MINUTE };

/* In hundredths of the limit. What is above the last is for what can't ask. */
static const struct {
    const char *name;
    unsigned mark;
} asks[MEMORY_ASKS] = {
    [MEMORY_FOR_SESSION] = {"session", 70}, [MEMORY_FOR_REFUSAL] = {"refusal", 76},
    [MEMORY_FOR_MESSAGE] = {"message", 79}, [MEMORY_FOR_COMMAND] = {"command", 84},
    [MEMORY_FOR_REST] = {"rest", 90},
};

static struct {
    atomic_size_t drawn;
    size_t limit, resident, drawn_then; /* when it was looked at */
    size_t drawn_most;                  /* seen since it was last trimmed */
    int64_t looked_ms, trimmed_ms, told_ms;
    int statm; /* 0: not opened yet */
    uint64_t refused[MEMORY_ASKS];
} account;

void memory_limit(size_t bytes)
{
    account.limit = bytes;
#ifndef MAILROOT_ASAN       /* there, most of what the process has is the sanitizer's */
    if (account.statm == 0) /* it can't be opened any more in a process that is confined */
        account.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
#endif
}

size_t memory_part(size_t most, unsigned part)
{
    return account.limit != 0 && account.limit / part < most ? account.limit / part : most;
}

void memory_draw(size_t bytes)
{
    atomic_fetch_add_explicit(&account.drawn, bytes, memory_order_relaxed);
}

void memory_give_back(size_t bytes)
{
    atomic_fetch_sub_explicit(&account.drawn, bytes, memory_order_relaxed);
}

static size_t drawn_now(void)
{
    return atomic_load_explicit(&account.drawn, memory_order_relaxed);
}

/* Of its own: what it shares with others, as the pages of programs, is in memory once for all. */
static void look(void)
{
    char line[128];
    unsigned long size, resident, shared;
    ssize_t got = account.statm > 0 ? pread(account.statm, line, sizeof(line) - 1, 0) : -1;
    account.looked_ms = clock_monotonic_ms();
    if (got <= 0)
        return;
    line[got] = '\0';
    if (sscanf(line, "%lu %lu %lu", &size, &resident, &shared) != 3 || shared > resident)
        return;
    account.resident = (resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
    account.drawn_then = drawn_now();
}

static size_t held_now(void)
{
    size_t drawn = drawn_now(), held = account.resident;
    if (drawn > account.drawn_then)
        held += drawn - account.drawn_then;
    return held > drawn ? held : drawn; /* what was drawn may not be written to yet */
}

static bool fits(enum memory_for what, size_t bytes)
{
    size_t mark = account.limit / 100 * asks[what].mark, held = held_now();
    return held <= mark && bytes <= mark - held;
}

/* What is free in the heap counts as held until it is trimmed: at once when it is much, so that who
 * goes on has what others gave up. */
static bool is_time_to_trim(int64_t now, size_t drawn)
{
    return account.trimmed_ms == 0 || now - account.trimmed_ms >= TRIM_EVERY_MS ||
           account.drawn_most - drawn >= account.limit / 100 * TRIM_HUNDREDTHS;
}

static bool has_room(enum memory_for what, size_t bytes)
{
    int64_t now = clock_monotonic_ms();
    size_t drawn = drawn_now();
    if (account.drawn_most < drawn)
        account.drawn_most = drawn;
    if (now - account.looked_ms >= LOOK_EVERY_MS || account.looked_ms == 0)
        look();
    if (fits(what, bytes))
        return true;
    if (!is_time_to_trim(now, drawn))
        return false;
    account.trimmed_ms = now;
    account.drawn_most = drawn;
    malloc_trim(0); /* what is free is not held */
    look();
    return fits(what, bytes);
}

enum status memory_ask(enum memory_for what, size_t bytes)
{
    enum { MB_SHIFT = 20 };
    if (account.limit == 0 || has_room(what, bytes))
        return OK;
    account.refused[what]++;
    int64_t now = clock_monotonic_ms();
    if (account.told_ms == 0 || now - account.told_ms >= TELL_EVERY_MS) {
        account.told_ms = now;
        log_warning("memory.full",
                    "for=%s held_mb=%zu limit_mb=%zu remedy=\"see memory in "
                    "mailroot.conf(5)\"",
                    asks[what].name, held_now() >> MB_SHIFT, account.limit >> MB_SHIFT);
    }
    return try_later("no memory for it at the moment");
}

struct memory_now memory_now(void)
{
    look();
    struct memory_now now = {.limit = account.limit, .held = held_now(), .drawn = drawn_now()};
    memcpy(now.refused, account.refused, sizeof(now.refused));
    return now;
}

const char *memory_for_name(enum memory_for what)
{
    return asks[what].name;
}

/* A number in a file; SIZE_MAX: there is none, as "max". */
static size_t number_in(const char *path)
{
    char line[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        close(fd);
    char *end = line;
    unsigned long long number = got > 0 ? strtoull(line, &end, 10) : 0;
    return end == line ? SIZE_MAX : (size_t)number;
}

/* cgroups(7): of version 2 it is the one line that begins so. */
static size_t of_control_group(void)
{
    char line[512] = "", path[600];
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (fd >= 0)
        close(fd);
    if (got <= 0 || strncmp(line, "0::", 3) != 0)
        return SIZE_MAX;
    line[strcspn(line, "\n")] = '\0';
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
    return number_in(path);
}

size_t memory_of_machine(void)
{
    size_t pages = (size_t)sysconf(_SC_PHYS_PAGES), machine = pages * (size_t)sysconf(_SC_PAGESIZE);
    size_t group = of_control_group();
    return (group < machine ? group : machine) / 4 * 3;
}
