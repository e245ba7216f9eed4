#include "main/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "main/report_files.h"
#include "net/listener.h"
#include "proc/folders.h"
#include "proc/sandbox.h"

enum { SECRETS_MAX = 1 << 20, BIND_WAIT_MS = 2 * SECOND, BIND_PAUSE_MS = 50 };

/* Every file of the directory is a secret of that name; a missing directory holds none. */
static enum status read_secrets(const char *settings_path, struct buffer *out)
{
    char *copy = text_to_string(text_from(settings_path));
    char directory[SITE_PATH_BYTES];
    snprintf(directory, sizeof(directory), "%.700s/secrets", dirname(copy));
    free(copy);
    DIR *entries = opendir(directory);
    if (entries == NULL)
        return errno == ENOENT ? OK : refused("%s: %m", directory);
    enum status status = OK;
    for (struct dirent *entry; status == OK && (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char path[sizeof(directory) + sizeof(entry->d_name) + 1];
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        struct buffer value;
        buffer_init(&value, 64 << 10);
        status = site_file_read(path, &value);
        wire_put_text(out, text_from(entry->d_name));
        wire_put_text(out, text_trim(buffer_text(&value)));
        buffer_finish(&value);
    }
    closedir(entries);
    return status;
}

static bool has_secret(const struct site *site, struct text name)
{
    struct wire_reader in = wire_reader_of(buffer_text(&site->secrets));
    while (!wire_end(&in) && !in.bad) {
        struct text one = wire_get_text(&in), value = wire_get_text(&in);
        if (text_equals(one, name) && !text_is_empty(value))
            return true;
    }
    return false;
}

/* name "": none is named. */
static enum status check_secret(const struct site *site, struct text name,
                                struct setting_place place)
{
    if (text_is_empty(name) || has_secret(site, name))
        return OK;
    char where[SITE_PATH_BYTES] = "";
    if (place.line > 0)
        snprintf(where, sizeof(where), "%.*s:%u: ", TEXT_ARG(place.file), place.line);
    return refused("%sthere is no secret '%.*s' (put it into the file secrets/%.*s beside the "
                   "configuration, which nobody else may read)",
                   where, TEXT_ARG(name), TEXT_ARG(name));
}

enum status site_check_secrets(const struct site *site)
{
    const struct settings *settings = site->settings;
    const struct setting_group *group = settings_group(settings);
    enum status status = check_secret(site, settings->oauth_secret, (struct setting_place){0});
    if (status == OK && group != NULL)
        status = check_secret(site, group->login_secret, group->place);
    for (unsigned i = 0; i < settings->connector_count && status == OK; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        status = check_secret(site, connector->login.secret,
                              settings_connector_place(settings, connector, "login secret"));
    }
    return status;
}

static enum status load_rest(const char *path, struct settings_source *source,
                             struct buffer *messages, struct site *site)
{
    enum status status = settings_source_encode(source, &site->source);
    if (status == OK)
        status = site_files_read(site->settings, &site->files);
    if (status == OK)
        status = read_secrets(path, &site->secrets);
    if (status == OK)
        status = report_files_read(site->settings, messages, &site->reports);
    for (enum role_kind kind = 0; kind < ROLE_PARENT && status == OK; kind++) {
        struct buffer configuration;
        buffer_init(&configuration, SITE_CONFIGURATION_MAX);
        site_configuration(site, kind, &configuration);
        if (site->secrets.overflowed || configuration.overflowed)
            status = refused("settings, certificates and secrets are larger than %d bytes together",
                             SITE_CONFIGURATION_MAX);
        buffer_forget(&configuration);
    }
    return status;
}

void site_configuration(const struct site *site, enum role_kind kind, struct buffer *out)
{
    struct buffer files;
    buffer_init(&files, SITE_CONFIGURATION_MAX);
    site_files_encode(&site->files, site->settings, kind, &files);
    struct role_configuration configuration = {
        .version = site->settings->version,
        .source = buffer_text(&site->source),
        .files = buffer_text(kind == ROLE_STORE ? &site->reports : &files),
        .secrets = kind == ROLE_SEND ? buffer_text(&site->secrets) : TEXT("")};
    role_configuration_encode(&configuration, out);
    buffer_forget(&files);
}

enum status site_load(const char *path, uint64_t version, struct buffer *messages, struct site *out)
{
    *out = (struct site){0};
    buffer_init(&out->source, SITE_CONFIGURATION_MAX);
    buffer_init(&out->secrets, SECRETS_MAX);
    buffer_init(&out->reports, REPORT_FILES_MAX);
    struct settings_source *source = NULL;
    enum status status = settings_read(path, &source);
    if (status != OK)
        buffer_printf(messages, "%s\n", fail_reason());
    else if ((status = settings_parse(source, version, messages, &out->settings)) == OK &&
             (status = load_rest(path, source, messages, out)) != OK)
        buffer_printf(messages, "%s\n", fail_reason());
    settings_source_free(&source);
    if (status != OK)
        site_free(out);
    return status;
}

void site_free(struct site *site)
{
    for (unsigned i = 0; i < site->listener_count; i++)
        if (site->listeners[i].fd >= 0)
            close(site->listeners[i].fd);
    free(site->listeners);
    site->listeners = NULL;
    site->listener_count = 0;
    map_free(&site->ordered);
    settings_release(&site->settings);
    site_files_free(&site->files);
    buffer_finish(&site->source);
    buffer_forget(&site->secrets);
    buffer_finish(&site->reports);
}

enum status site_make_directory(const char *path, unsigned mode)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return OK;
    if (errno != ENOENT)
        return refused("cannot make directory %s: %m", path);
    char *copy = text_to_string(text_from(path));
    enum status status = site_make_directory(dirname(copy), 0755);
    free(copy);
    if (status == OK && mkdir(path, mode) != 0 && errno != EEXIST)
        status = refused("cannot make directory %s: %m", path);
    return status;
}

void site_warn_of_root(void)
{
    unsigned uid, gid;
    if (geteuid() == 0 && !sandbox_user(role_find(ROLE_STORE), &uid, &gid))
        log_warning("server.root",
                    "reason=\"there is no user %s, so the processes keep root's files (but no "
                    "capabilities)\" remedy=\"make the users that `mailroot roles` names\"",
                    role_find(ROLE_STORE)->user);
}

enum status site_lock(const struct site *site, int *fd)
{
    char path[SITE_PATH_BYTES];
    snprintf(path, sizeof(path), "%.*s/lock", TEXT_ARG(site->settings->data_directory));
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return refused("cannot open %s: %m", path);
    /* A command that works without a server has it for a moment. */
    int64_t deadline_ms = clock_monotonic_ms() + BIND_WAIT_MS;
    while (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_monotonic_ms() < deadline_ms && task_sleep(BIND_PAUSE_MS) == OK)
            continue;
        close(*fd);
        *fd = -1;
        return refused("another mailroot serves %.*s already (mailroot status), or a command works "
                       "on it",
                       TEXT_ARG(site->settings->data_directory));
    }
    return OK;
}

/* A folder that is there keeps its owner and mode: they are the administrator's by now. */
static enum status make_folder(const struct folder_place *place)
{
    const char *path = place->path.data;
    unsigned uid, gid;
    struct stat about;
    if (stat(path, &about) == 0)
        return S_ISDIR(about.st_mode) ? OK : refused("%s is no directory", path);
    enum status status = site_make_directory(path, 0700);
    if (status != OK)
        return status;
    if (sandbox_user(role_find(ROLE_STORE), &uid, &gid) && chown(path, uid, gid) != 0)
        return refused("cannot give %s to user %s: %m", path, role_find(ROLE_STORE)->user);
    return chmod(path, place->mode) == 0 ? OK : refused("cannot set the mode of %s: %m", path);
}

static enum status make_folders(const struct settings *settings)
{
    struct arena arena;
    struct folder_place *places;
    arena_init(&arena);
    unsigned count = folders_list(settings, &arena, &places);
    enum status status = OK;
    for (unsigned i = 0; i < count && status == OK; i++)
        status = make_folder(&places[i]);
    arena_finish(&arena);
    return status;
}

enum status site_make_role_directory(const struct role *role, const char *path)
{
    if (site_make_directory(path, 0700) != OK)
        return fail_within(REFUSED, "data");
    unsigned uid, gid;
    if (sandbox_user(role, &uid, &gid) && chown(path, uid, gid) != 0)
        return refused("cannot give %s to user %s: %m", path, role->user);
    return OK;
}

enum status site_make_directories(const struct site *site)
{
    char path[SITE_PATH_BYTES];
    struct arena arena;
    const struct settings *settings = site->settings;
    if (!text_copy(settings->run_directory, path, sizeof(path)) ||
        site_make_directory(path, 0755) != OK)
        return fail_within(REFUSED, "run");
    enum status status = OK;
    arena_init(&arena);
    for (enum role_kind kind = 0; status == OK && kind < ROLE_PARENT; kind++)
        if (kind != ROLE_STORE && role_find(kind)->data != NULL)
            status = site_make_role_directory(
                role_find(kind), role_directory(role_find(kind), settings, &arena).data);
    arena_finish(&arena);
    return status == OK ? make_folders(settings) : status;
}

bool site_socket_path(const struct settings *settings, enum role_kind role, char out[108])
{
    const char *name = role == ROLE_PARENT ? "parent" : role_find(role)->name;
    return snprintf(out, 108, "%.*s/%s.sock", TEXT_ARG(settings->run_directory), name) < 108;
}

/* A server that was killed a moment ago may leave the address to roles that are still ending. */
static enum status listen_until(const struct net_address *address, unsigned mode,
                                int64_t deadline_ms, int *fd)
{
    for (;;) {
        errno = 0;
        enum status status = net_listen(address, mode, fd);
        if (status == OK || errno != EADDRINUSE || clock_monotonic_ms() >= deadline_ms)
            return status;
        task_sleep(BIND_PAUSE_MS);
    }
}

enum status site_listen_admin(const struct settings *settings, enum role_kind role, int *fd)
{
    struct net_address address = {.length = sizeof(struct sockaddr_un)};
    address.local.sun_family = AF_UNIX;
    if (!site_socket_path(settings, role, address.local.sun_path))
        return refused("the run directory's name is too long for a socket: %.*s",
                       TEXT_ARG(settings->run_directory));
    return listen_until(&address, 0600, clock_monotonic_ms() + BIND_WAIT_MS, fd);
}

static bool same_listener(const struct site_listener *a, const struct site_listener *b)
{
    return a->service == b->service && text_equals(a->server, b->server) &&
           a->address.length == b->address.length &&
           memcmp(&a->address.any, &b->address.any, a->address.length) == 0;
}

/* By enum site_server_state: what a map may hold. */
static const enum site_server_state server_states[] = {SITE_RUNS, SITE_PAUSED, SITE_STOPPED};

enum site_server_state site_server_state(const struct site *site, struct text server)
{
    const enum site_server_state *state =
        site->ordered == NULL ? NULL : map_get(site->ordered, server);
    return state == NULL ? SITE_RUNS : *state;
}

static void order_server(struct site *site, struct text server, enum site_server_state state)
{
    if (site->ordered == NULL)
        site->ordered = map_new();
    map_put(site->ordered, server, (void *)&server_states[state]);
}

static void add_listeners(struct site *site, const struct setting_server *server)
{
    if (site_server_state(site, server->name) != SITE_RUNS)
        return;
    for (unsigned i = 0; i < server->listen_count && site->listener_count < ROLE_LISTENERS_MAX; i++)
        site->listeners[site->listener_count++] =
            (struct site_listener){.fd = -1,
                                   .server = server->name,
                                   .service = server->listens[i].service,
                                   .address = server->listens[i].address,
                                   .is_new = true};
}

static void listeners_wanted(struct site *site)
{
    const struct settings *settings = site->settings;
    site->listeners = calloc(ROLE_LISTENERS_MAX, sizeof(*site->listeners));
    check(site->listeners != NULL);
    for (unsigned i = 0; i < settings->server_count; i++)
        add_listeners(site, &settings->servers[i]);
}

static struct site_listener *listener_find(const struct site *site,
                                           const struct site_listener *wanted)
{
    for (unsigned i = 0; site != NULL && i < site->listener_count; i++)
        if (site->listeners[i].fd >= 0 && same_listener(&site->listeners[i], wanted))
            return &site->listeners[i];
    return NULL;
}

/* Open what `before` does not have, and only when that succeeded take the rest over from it. */
static enum status listen_after(struct site *site, struct site *before)
{
    listeners_wanted(site);
    int64_t deadline_ms = clock_monotonic_ms() + BIND_WAIT_MS; /* for all of them together */
    struct buffer failures;
    buffer_init(&failures, 4096);
    for (unsigned i = 0; i < site->listener_count; i++) {
        struct site_listener *listener = &site->listeners[i];
        listener->is_new = listener_find(before, listener) == NULL;
        if (listener->is_new &&
            listen_until(&listener->address, 0666, deadline_ms, &listener->fd) != OK)
            buffer_printf(&failures, "%s%s", failures.length > 0 ? "; " : "", fail_reason());
    }
    enum status status = OK;
    if (failures.length > 0)
        status = refused("%.*s", TEXT_ARG(buffer_text(&failures)));
    buffer_finish(&failures);
    for (unsigned i = 0; i < site->listener_count && status == OK; i++) {
        struct site_listener *had = listener_find(before, &site->listeners[i]);
        if (site->listeners[i].is_new || had == NULL)
            continue;
        site->listeners[i].fd = had->fd;
        had->fd = -1;
    }
    return status;
}

enum status site_listen(struct site *site)
{
    return listen_after(site, NULL);
}

/* What is open can't be moved, and a role that is started again must find what it left. */
static enum status check_places(const struct site *next, const struct site *site)
{
    const struct settings *wanted = next->settings, *now = site->settings;
    if (!text_equals(wanted->data_directory, now->data_directory))
        return refused("'data' is another directory now: that is taken up by stopping and starting "
                       "mailroot alone");
    if (!text_equals(wanted->queue_directory, now->queue_directory))
        return refused("'queue' is another directory now: the queue is moved by stopping and "
                       "starting mailroot alone");
    return OK;
}

enum status site_reload(const char *path, struct site *site, struct site *old,
                        struct buffer *messages)
{
    struct site next;
    uint64_t version = site->settings->version + 1;
    enum status status = site_load(path, version, messages, &next);
    if (status == OK) {
        next.ordered = site->ordered;
        status = check_places(&next, site);
        if (status == OK)
            status = listen_after(&next, site);
        if (status != OK) {
            buffer_printf(messages, "%s\n", fail_reason());
            next.ordered = NULL;
            site_free(&next);
        }
    }
    if (status != OK) {
        buffer_printf(messages, "nothing changed: the running configuration is number %llu\n",
                      (unsigned long long)version - 1);
        return refused("the new configuration was not taken up");
    }
    *old = *site;
    old->ordered = NULL;
    *site = next;
    buffer_printf(messages, "the running configuration is now number %llu\n",
                  (unsigned long long)version);
    log_info("config.loaded", "version=%llu", (unsigned long long)version);
    return OK;
}

enum status site_set_server(struct site *site, struct text server, enum site_server_state state,
                            struct site *old)
{
    enum site_server_state before = site_server_state(site, server);
    order_server(site, server, state);
    struct site next = *site;
    next.listener_count = 0;
    enum status status = listen_after(&next, site);
    *old = (struct site){.listeners = next.listeners, .listener_count = next.listener_count};
    buffer_init(&old->source, 0);
    buffer_init(&old->secrets, 0);
    buffer_init(&old->reports, 0);
    if (status != OK) {
        site_free(old);
        order_server(site, server, before);
        return status;
    }
    old->listeners = site->listeners;
    old->listener_count = site->listener_count;
    site->listeners = next.listeners;
    site->listener_count = next.listener_count;
    return OK;
}

bool site_program_path(const char *name, char out[SITE_PATH_BYTES])
{
    char self[SITE_PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length > 0) {
        self[length] = '\0';
        snprintf(out, SITE_PATH_BYTES, "%.900s/../libexec/%s", dirname(self), name);
        if (access(out, X_OK) == 0)
            return true;
    }
    snprintf(out, SITE_PATH_BYTES, "%s/%s", MAILROOT_LIBEXEC, name);
    return access(out, X_OK) == 0;
}
