#include "site.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "main/programs.h"
#include "people.h"
#include "wire.h"

enum { SEGMENT_BYTES = 1 << 20, IMAGE_MAX = 1 << 30, CONFIGURATION_MAX = 1 << 20 };

static const struct role_program *const programs[] = {&store_program, &auth_program, &send_program,
                                                      &front_program};
enum { PROGRAMS = sizeof(programs) / sizeof(*programs) };

static void image_path(const struct site *site, char out[128])
{
    snprintf(out, 128, "%s/%s.disk", site->directory, site->name);
}

static struct memory_disk *restore(const struct site *site)
{
    char path[128];
    image_path(site, path);
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

void site_save(struct site *site, bool power_fails)
{
    if (power_fails)
        memory_disk_crash(site->disk);
    else
        memory_disk_settle(site->disk);
    char path[128];
    struct buffer image;
    buffer_init(&image, IMAGE_MAX);
    memory_disk_save(site->disk, &image);
    image_path(site, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(!image.overflowed && fd >= 0);
    check(write(fd, image.data, image.length) == (ssize_t)image.length);
    close(fd);
    buffer_finish(&image);
}

void site_open(struct site *site, const char *directory, unsigned number)
{
    *site = (struct site){.name = {(char)('a' + number)}};
    snprintf(site->directory, sizeof(site->directory), "%s", directory);
    site->disk = restore(site);
    site->files = *memory_disk_files(site->disk);
    site->role_disk = (struct role_disk){&site->files, SEGMENT_BYTES};
    for (unsigned i = 0; i < DOORS; i++)
        site->fds[i] = wire_listen(&site->ports[i]);
}

void site_store_path(const struct site *site, char *out, size_t room)
{
    snprintf(out, room, "%s/%s/store", site->directory, site->name);
}

static struct settings_source *source_of(const struct site *site, uint16_t other_port,
                                         uint16_t outside_port)
{
    char *text;
    struct settings_source *source;
    check(asprintf(&text,
                   "host %1$s.test\ndata %2$s/%1$s\nrun %2$s/%1$s\nsandbox off\n"
                   "domain %1$s.test {\n    user sender u0 u1 u2\n}\n"
                   "server in {\n    listen 127.0.0.1:%3$u smtp\n    relay 127.0.0.0/8\n"
                   "    limit connections-per-address 100000\n    limit idle 2m\n}\n"
                   "server mailboxes {\n    listen 127.0.0.1:%7$u imap\n"
                   "    listen 127.0.0.1:%8$u pop3\n    login cleartext\n"
                   "    limit connections-per-address 100000\n}\n"
                   "connector other {\n    to %4$c.test\n    smart-host 127.0.0.1:%5$u\n}\n"
                   "connector outside {\n    to *\n    smart-host 127.0.0.1:%6$u\n}\n"
                   "retry {\n    glitch 1m x3\n    after 10m 10m then 20m\n    delay-notice 0\n"
                   "    expire 6h\n}\n",
                   site->name, site->directory, site->ports[DOOR_SMTP],
                   site->name[0] == 'a' ? 'b' : 'a', other_port, outside_port,
                   site->ports[DOOR_IMAP], site->ports[DOOR_POP3]) > 0);
    check(settings_source_of(TEXT("sim.conf"), text_from(text), &source) == OK);
    free(text);
    return source;
}

struct settings *site_settings(const struct site *site, uint16_t other_port, uint16_t outside_port)
{
    struct settings_source *source = source_of(site, other_port, outside_port);
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

static void configure(struct site *site, uint16_t other_port, uint16_t outside_port)
{
    struct settings_source *source = source_of(site, other_port, outside_port);
    struct buffer bytes;
    buffer_init(&bytes, CONFIGURATION_MAX);
    settings_source_encode(source, &bytes);
    settings_source_free(&source);
    struct role_configuration configuration = {.version = 1, .source = buffer_text(&bytes)};
    for (unsigned i = 0; i < PROGRAMS; i++)
        check(role_instance_configure(site->roles[programs[i]->kind], &configuration) == OK);
    buffer_finish(&bytes);
}

static void join(struct site *site)
{
    for (enum role_kind a = 0; a < ROLE_PARENT; a++)
        for (enum role_kind b = a + 1; b < ROLE_PARENT; b++) {
            int ends[2];
            if ((role_find(a)->peers & 1u << b) == 0)
                continue;
            check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
            check(role_instance_connect(site->roles[a], b, 0, ends[0]) == OK);
            check(role_instance_connect(site->roles[b], a, 0, ends[1]) == OK);
        }
}

/* The parent's part, as far as the kernel's files go. */
static void make_directories(const struct site *site)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", site->directory, site->name);
    mkdir(path, 0700);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        const char *data = role_find(programs[i]->kind)->data;
        if (data == NULL)
            continue;
        snprintf(path, sizeof(path), "%s/%s/%s", site->directory, site->name, data);
        mkdir(path, 0700);
    }
}

static void listen_at(const struct site *site)
{
    static const struct {
        struct text server;
        enum service service;
    } doors[DOORS] = {
        [DOOR_SMTP] = {TEXT("in"), SERVICE_SMTP},
        [DOOR_IMAP] = {TEXT("mailboxes"), SERVICE_IMAP},
        [DOOR_POP3] = {TEXT("mailboxes"), SERVICE_POP3},
    };
    for (unsigned i = 0; i < DOORS; i++)
        check(role_instance_listen(site->roles[ROLE_FRONT], doors[i].server, doors[i].service,
                                   dup(site->fds[i])) == OK);
}

bool site_start(struct site *site, uint16_t other_port, uint16_t outside_port)
{
    struct settings *settings = site_settings(site, other_port, outside_port);
    make_directories(site);
    people_settle(site->name[0], settings);
    settings_release(&settings);
    for (unsigned i = 0; i < PROGRAMS; i++)
        site->roles[programs[i]->kind] = role_instance_new(programs[i], 0);
    struct seats *seats = NULL;
    check(seats_new(1, &seats) == OK);
    role_instance_seats(site->roles[ROLE_FRONT], seats);
    role_instance_disk(site->roles[ROLE_STORE], &site->role_disk);
    configure(site, other_port, outside_port);
    join(site);
    listen_at(site);
    for (unsigned i = 0; i < PROGRAMS; i++)
        if (role_instance_start(site->roles[programs[i]->kind]) != OK)
            return false;
    return true;
}

void site_stop(struct site *site)
{
    static const enum role_kind order[] = {ROLE_FRONT, ROLE_SEND, ROLE_AUTH, ROLE_STORE};
    for (unsigned i = 0; i < PROGRAMS; i++)
        role_instance_stop(&site->roles[order[i]]);
}
