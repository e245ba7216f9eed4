#include "site.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/check.h"
#include "base/logline.h"
#include "net/listener.h"
#include "people.h"
#include "process.h"
#include "wire.h"

/* Of the store's log, and of the directory's, whose records are small. */
static const uint32_t segment_bytes[SITE_DISKS] = {1 << 20, 64 << 10};
static const char *const disk_names[SITE_DISKS] = {"store", "directory"};

enum { IMAGE_MAX = 1 << 30, CONFIGURATION_MAX = 1 << 20 };

static void image_path(const struct site *site, unsigned which, char out[128])
{
    snprintf(out, 128, "%s/%s.%s.disk", site->directory, site->name, disk_names[which]);
}

static struct memory_disk *restore(const struct site *site, unsigned which)
{
    char path[128];
    image_path(site, which, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return memory_disk_new();
    struct buffer image;
    buffer_init(&image, IMAGE_MAX);
    ssize_t count;
    while ((count = read(fd, buffer_reserve(&image, 1 << 20), 1 << 20)) > 0)
        buffer_grew(&image, (size_t)count);
    close(fd);
    struct memory_disk *disk = memory_disk_restore(buffer_text(&image));
    buffer_finish(&image);
    check(disk != NULL);
    return disk;
}

static void save_disk(const struct site *site, unsigned which, bool power_fails)
{
    struct memory_disk *disk = site->disks[which].disk;
    if (disk == NULL)
        return; /* not opened yet, so as it was */
    if (power_fails)
        memory_disk_crash(disk);
    else
        memory_disk_settle(disk);
    char path[128];
    struct buffer image;
    buffer_init(&image, IMAGE_MAX);
    memory_disk_save(disk, &image);
    image_path(site, which, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(!image.overflowed && fd >= 0);
    check(write(fd, image.data, image.length) == (ssize_t)image.length);
    close(fd);
    buffer_finish(&image);
}

void site_save(struct site *site, bool power_fails)
{
    for (unsigned i = 0; i < SITE_DISKS; i++)
        save_disk(site, i, power_fails);
}

static void name_keepers(struct site *site)
{
    site->keeper_count = ROLE_PARENT - 1 + site->fronts;
    for (unsigned i = 0; i < site->keeper_count; i++)
        site->keepers[i] =
            i < ROLE_PARENT
                ? (struct keeper){.site = site, .kind = i}
                : (struct keeper){.site = site, .kind = ROLE_FRONT, .number = i - ROLE_PARENT + 1};
}

void site_open(struct site *site, const char *directory, unsigned number, unsigned fronts)
{
    *site = (struct site){.name = {(char)('a' + number)}, .fronts = fronts};
    name_keepers(site);
    snprintf(site->directory, sizeof(site->directory), "%s", directory);
    task_group_init(&site->keeping);
    task_group_init(&site->starting);
    task_event_init(&site->changed);
    for (unsigned i = 0; i < SITE_DISKS; i++) {
        struct site_disk *disk = &site->disks[i];
        disk->disk = restore(site, i);
        disk->files = *memory_disk_files(disk->disk);
        disk->role = (struct role_disk){&disk->files, segment_bytes[i]};
    }
    for (unsigned i = 0; i < DOORS; i++)
        site->fds[i] = wire_listen(&site->ports[i]);
}

enum { SOCKET_BYTES = 108, WORDS_MOST = 10, ANSWER_MOST = 1 << 20 };

static void control_path(const struct site *site, enum role_kind role, char out[SOCKET_BYTES])
{
    snprintf(out, SOCKET_BYTES, "%s/%s.%s", site->directory, site->name, role_find(role)->name);
}

enum status site_ask(const struct site *site, enum role_kind role, const char *const *words,
                     const char *input, struct buffer *out)
{
    struct text texts[WORDS_MOST];
    struct buffer answer;
    char path[SOCKET_BYTES];
    unsigned count = 0;
    for (; words[count] != NULL; count++)
        texts[count] = text_from(words[count]);
    control_path(site, role, path);
    buffer_init(&answer, ANSWER_MOST);
    enum status status =
        admin_ask(path, texts, count, text_from(input), out == NULL ? &answer : out);
    log_info("asked", "site=%s verb=%s_%s about=%s status=%d reason=%s", site->name, words[0],
             words[1], count > 2 ? words[count - 1] : "", status,
             status == OK ? "" : log_text(text_from(fail_reason())));
    buffer_finish(&answer);
    return status;
}

void site_store_path(const struct site *site, char *out, size_t room)
{
    snprintf(out, room, "%s/%s/store", site->directory, site->name);
}

static const struct {
    const char *idle, *other, *outside, *after;
} variants[SITE_VARIANTS] = {
    {"2m", "timeout greeting 5m", "timeout greeting 5m", "10m 10m then 20m"},
    {"5m", "limit connections 1", "limit messages 3", "5m 15m then 30m"},
    {"1m", "limit messages 1", "timeout end 2m", "20m then 10m"},
    {"10m", "hello helo", "limit connections 2", "1m 2m then 40m"},
};

static void write_settings(const struct site *site, struct buffer *out)
{
    const char *name = site->name;
    buffer_printf(out, "host %s.test\ndata %s/%s\nrun %s/%s\nsandbox off\n", name, site->directory,
                  name, site->directory, name);
    buffer_printf(out, "domain %s.test {\n    user sender u0 u1 u2\n}\n", name);
    buffer_printf(out,
                  "server in {\n    listen 127.0.0.1:%u smtp\n    relay 127.0.0.0/8\n"
                  "    limit connections-per-address 100000\n    limit idle %s\n}\n",
                  site->ports[DOOR_SMTP], variants[site->variant].idle);
    buffer_printf(out,
                  "server mailboxes {\n    listen 127.0.0.1:%u imap\n    listen 127.0.0.1:%u pop3\n"
                  "    login cleartext\n    limit connections-per-address 100000\n}\n",
                  site->ports[DOOR_IMAP], site->ports[DOOR_POP3]);
    buffer_printf(out,
                  "connector other {\n    to %c.test\n    smart-host 127.0.0.1:%u\n    %s\n}\n",
                  name[0] == 'a' ? 'b' : 'a', site->other_port, variants[site->variant].other);
    buffer_printf(out, "connector outside {\n    to *\n    smart-host 127.0.0.1:%u\n    %s\n}\n",
                  site->outside_port, variants[site->variant].outside);
    buffer_printf(
        out, "retry {\n    glitch 1m x3\n    after %s\n    delay-notice 0\n    expire %uh\n}\n",
        variants[site->variant].after, SITE_EXPIRE_HOURS);
}

static struct settings_source *source_of(const struct site *site)
{
    struct settings_source *source;
    struct buffer text;
    buffer_init(&text, CONFIGURATION_MAX);
    write_settings(site, &text);
    check(settings_source_of(TEXT("sim.conf"), buffer_text(&text), &source) == OK);
    buffer_finish(&text);
    return source;
}

struct settings *site_settings(const struct site *site)
{
    struct settings_source *source = source_of(site);
    struct settings *settings = NULL;
    struct buffer errors;
    buffer_init(&errors, 1 << 16);
    if (settings_parse(source, 1, &errors, &settings) != OK)
        fprintf(stderr, "%.*s\n", TEXT_ARG(buffer_text(&errors)));
    check(settings != NULL);
    buffer_finish(&errors);
    settings_source_free(&source);
    return settings;
}

void site_configure(struct keeper *keeper)
{
    const struct site *site = keeper->site;
    struct settings_source *source = source_of(site);
    struct buffer bytes;
    buffer_init(&bytes, CONFIGURATION_MAX);
    settings_source_encode(source, &bytes);
    settings_source_free(&source);
    struct role_configuration configuration = {.version = site->version,
                                               .source = buffer_text(&bytes)};
    unsigned before = process_begin(keeper_process(keeper));
    check(role_instance_configure(keeper->role, &configuration) == OK);
    process_end(before);
    buffer_finish(&bytes);
}

void site_reload(struct site *site, unsigned variant)
{
    site->variant = variant;
    site->version++;
    for (unsigned i = 0; i < site->keeper_count; i++)
        if (site->keepers[i].is_configured)
            site_configure(&site->keepers[i]);
}

/* The parent's part, as far as the kernel's files go. */
static void make_directories(const struct site *site)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", site->directory, site->name);
    mkdir(path, 0700);
    for (unsigned kind = 0; kind < ROLE_PARENT; kind++) {
        const char *data = role_find(kind)->data;
        if (data == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", site->directory, site->name, data);
        mkdir(path, 0700);
    }
}

static void take_orders(struct site *site)
{
    static const enum role_kind roles[] = {ROLE_STORE, ROLE_AUTH};
    struct net_address address = {.length = sizeof(struct sockaddr_un)};
    address.local.sun_family = AF_UNIX;
    for (unsigned i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        control_path(site, roles[i], address.local.sun_path);
        check(net_listen(&address, 0600, &site->control_fds[roles[i]]) == OK);
    }
}

static void make_roles(struct site *site)
{
    site->version++;
    for (unsigned i = 0; i < site->keeper_count; i++)
        keeper_make(&site->keepers[i]);
    for (unsigned a = 0; a < site->keeper_count; a++)
        for (unsigned b = a + 1; b < site->keeper_count; b++)
            keeper_join(&site->keepers[a], &site->keepers[b]);
    for (unsigned i = 0; i < site->keeper_count; i++)
        keeper_hand_over(&site->keepers[i]);
}

/* Nobody kills them yet. YIELDS. */
static bool start_role(struct keeper *keeper)
{
    unsigned before = process_begin(keeper_process(keeper));
    keeper->is_started = role_instance_start(keeper->role) == OK;
    process_end(before);
    return keeper->is_started;
}

static bool start_kind(struct site *site, enum role_kind kind)
{
    for (unsigned i = 0; i < site->keeper_count; i++)
        if (site->keepers[i].kind == kind && !start_role(&site->keepers[i]))
            return false;
    return true;
}

bool site_start(struct site *site)
{
    static const enum role_kind order[ROLE_PARENT] = {ROLE_STORE, ROLE_AUTH, ROLE_SEND, ROLE_FRONT};
    struct settings *settings = site_settings(site);
    make_directories(site);
    people_settle(site->name[0], settings, &site->disks[SITE_DIRECTORY].role);
    settings_release(&settings);
    check(seats_new(site->fronts, &site->seats) == OK);
    take_orders(site);
    make_roles(site);
    for (unsigned i = 0; i < ROLE_PARENT; i++)
        if (!start_kind(site, order[i]))
            return false;
    for (unsigned i = 0; i < site->keeper_count; i++)
        task_spawn(&site->keeping, "keeper", keeper_task, &site->keepers[i]);
    return true;
}

void site_kill(struct keeper *keeper)
{
    if (keeper->role == NULL)
        return;
    task_event_tell_all(&keeper->site->changed); /* so that somebody runs, and it is done at once */
    process_doom(keeper_process(keeper));
}

void site_lost(struct keeper *keeper)
{
    struct site *site = keeper->site;
    keeper->role = NULL;
    keeper->is_configured = keeper->is_started = false;
    if (keeper->kind == ROLE_STORE)
        memory_disk_abandon(site->disks[SITE_STORE].disk);
    if (keeper->kind == ROLE_AUTH)
        memory_disk_abandon(site->disks[SITE_DIRECTORY].disk);
    if (keeper->kind == ROLE_FRONT)
        seats_clear_row(site->seats, keeper->number);
    task_event_tell_all(&site->changed);
}

static bool all_are_started(const struct site *site)
{
    for (unsigned i = 0; i < site->keeper_count; i++)
        if (!site->keepers[i].is_started)
            return false;
    return true;
}

static void stop_kind(struct site *site, enum role_kind kind)
{
    for (unsigned i = 0; i < site->keeper_count; i++)
        if (site->keepers[i].kind == kind) {
            unsigned before = process_begin(keeper_process(&site->keepers[i]));
            role_instance_stop(&site->keepers[i].role);
            process_end(before);
        }
}

void site_stop(struct site *site)
{
    static const enum role_kind order[ROLE_PARENT] = {ROLE_FRONT, ROLE_SEND, ROLE_AUTH, ROLE_STORE};
    while (!all_are_started(site))
        task_event_wait(&site->changed, NO_DEADLINE);
    task_group_finish(&site->keeping);
    task_group_finish(&site->starting);
    for (unsigned i = 0; i < ROLE_PARENT; i++)
        stop_kind(site, order[i]);
    seats_free(&site->seats);
    close(site->control_fds[ROLE_STORE]);
    close(site->control_fds[ROLE_AUTH]);
}
