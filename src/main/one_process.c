#include "main/one_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/verbs_parent.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/memory.h"
#include "main/certificates.h"
#include "main/changing.h"
#include "main/processes.h"
#include "main/programs.h"
#include "main/queue_place.h"
#include "main/servers.h"
#include "main/signals.h"
#include "main/ticket_keys.h"

struct server {
    const char *settings_path;
    struct site site;
    struct certificates certificates;
    struct role_instance *roles[ROLE_PARENT];
    int admin_fds[ROLE_KINDS];
    struct task_group group;
    struct task_event told_to_end;
    struct signals *signals;
    int lock_fd; /* claims the data; closed by ending */
    struct changing changing;
    bool ending;
    int exit_status;
};

static const struct role_program *const programs[] = {&store_program, &auth_program, &send_program,
                                                      &front_program};
enum { PROGRAMS = sizeof(programs) / sizeof(*programs) };

static enum status configure(struct server *server, enum role_kind kind)
{
    struct role_configuration configuration;
    struct buffer bytes;
    buffer_init(&bytes, SITE_CONFIGURATION_MAX);
    site_configuration(&server->site, kind, &bytes);
    check(role_configuration_decode(buffer_text(&bytes), &configuration));
    enum status status = role_instance_configure(server->roles[kind], &configuration);
    buffer_forget(&bytes);
    return status;
}

static enum status configure_all(struct server *server)
{
    enum status status = OK;
    size_t wanted = (size_t)server->site.settings->memory;
    memory_limit(wanted != 0 ? wanted : memory_of_machine());
    for (unsigned i = 0; i < PROGRAMS && status == OK; i++)
        status = configure(server, programs[i]->kind);
    return status;
}

static void renew_certificates(void *argument)
{
    struct server *server = argument;
    if (changing_begin(&server->changing) != OK)
        return;
    if (configure(server, ROLE_FRONT) != OK)
        log_error("role.reload", "name=front reason=%s", log_text(text_from(fail_reason())));
    changing_end(&server->changing);
}

/* The parent's part in a server of many processes. */
static void tickets_task(void *argument)
{
    struct server *server = argument;
    struct ticket_keys keys;
    ticket_keys_init(&keys);
    do {
        check(role_instance_tickets(server->roles[ROLE_FRONT], ticket_keys_text(&keys)) == OK);
        ticket_keys_turn(&keys);
    } while (task_sleep(TICKET_KEY_HOURS * HOUR) == OK);
    ticket_keys_forget(&keys);
}

/* A socket pair for each pair of roles that the table joins. */
static void wire_all(struct server *server)
{
    for (enum role_kind a = 0; a < ROLE_PARENT; a++)
        for (enum role_kind b = a + 1; b < ROLE_PARENT; b++) {
            if ((role_find(a)->peers & 1u << b) == 0)
                continue;
            int ends[2];
            check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
            check(role_instance_connect(server->roles[a], b, 0, ends[0]) == OK);
            check(role_instance_connect(server->roles[b], a, 0, ends[1]) == OK);
        }
}

static enum status listen_new(struct server *server)
{
    enum status status = OK;
    for (unsigned i = 0; i < server->site.listener_count && status == OK; i++) {
        struct site_listener *listener = &server->site.listeners[i];
        if (listener->is_new)
            status = role_instance_listen(server->roles[ROLE_FRONT], listener->server,
                                          listener->service, dup(listener->fd));
    }
    return status;
}

static void relisten(void *context, const struct site *old)
{
    struct server *server = context;
    char address[NET_ADDRESS_TEXT_BYTES];
    for (unsigned i = 0; i < old->listener_count; i++)
        if (old->listeners[i].fd >= 0)
            role_instance_unlisten(
                server->roles[ROLE_FRONT],
                text_from(net_address_text(&old->listeners[i].address, address)));
    if (listen_new(server) != OK)
        log_error("role.reload", "name=front reason=%s", log_text(text_from(fail_reason())));
}

static void end_sessions(void *context, struct text name)
{
    struct server *server = context;
    role_instance_end_server(server->roles[ROLE_FRONT], name);
}

static enum status order_server(void *argument, struct text name, enum server_order order)
{
    struct server *server = argument;
    struct servers servers = {&server->site, relisten, end_sessions, server};
    enum status status = changing_begin(&server->changing);
    if (status != OK)
        return status;
    status = servers_order(&servers, name, order);
    changing_end(&server->changing);
    return status;
}

static void list_servers(void *argument, bool json, struct buffer *out)
{
    servers_list(&((struct server *)argument)->site, json, out);
}

static enum status reload_all(struct server *server, struct buffer *messages)
{
    struct site old;
    enum status status = site_reload(server->settings_path, &server->site, &old, messages);
    if (status != OK)
        return status;
    status = configure_all(server);
    relisten(server, &old);
    site_free(&old);
    return status;
}

static enum status reload(void *argument, struct buffer *messages)
{
    struct server *server = argument;
    enum status status = changing_begin(&server->changing);
    if (status != OK)
        return status;
    status = reload_all(server, messages);
    changing_end(&server->changing);
    return status;
}

static void describe(void *argument, bool json, struct buffer *out)
{
    struct server *server = argument;
    struct process_shown all = {"all", 0, getpid(), "serving", memory_now()};
    processes_head(json, out);
    processes_line(&all, json, out);
    certificates_describe(&server->site, json, out);
}

static const struct settings *current_settings(void *argument)
{
    return ((struct server *)argument)->site.settings;
}

static void admin_task(void *argument)
{
    struct server *server = argument;
    struct admin_parent verbs = {server,           reload,       describe,
                                 current_settings, order_server, list_servers};
    admin_serve(server->admin_fds[ROLE_PARENT], admin_parent_actions, &verbs);
}

static void on_signal(void *argument, int number)
{
    struct server *server = argument;
    if (number == SIGHUP) {
        struct buffer messages;
        buffer_init(&messages, 64 << 10);
        reload(server, &messages);
        fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
        buffer_finish(&messages);
    } else if (number != SIGCHLD) {
        server->ending = true;
        task_event_tell_all(&server->told_to_end);
    }
}

static enum status open_sockets(struct server *server)
{
    const struct settings *settings = server->site.settings;
    static const enum role_kind controlled[] = {ROLE_STORE, ROLE_AUTH, ROLE_PARENT};
    enum status status = site_make_directories(&server->site);
    if (status == OK)
        status = site_lock(&server->site, &server->lock_fd);
    if (status == OK)
        status = queue_place_settle(settings);
    for (unsigned i = 0; status == OK && i < 3; i++)
        status = site_listen_admin(settings, controlled[i], &server->admin_fds[controlled[i]]);
    if (status == OK)
        status = site_listen(&server->site);
    return status;
}

static enum status start(struct server *server)
{
    struct buffer messages;
    buffer_init(&messages, 64 << 10);
    enum status status = site_load(server->settings_path, 1, &messages, &server->site);
    fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
    buffer_finish(&messages);
    if (status != OK)
        return refused("nothing was started: correct the configuration (mailroot config check)");
    status = open_sockets(server);
    if (status != OK)
        return status;
    for (unsigned i = 0; i < PROGRAMS; i++)
        server->roles[programs[i]->kind] = role_instance_new(programs[i], 0);
    struct seats *seats = NULL;
    status = seats_new(1, &seats);
    if (status != OK)
        return status;
    role_instance_seats(server->roles[ROLE_FRONT], seats);
    status = configure_all(server);
    if (status != OK)
        return status;
    wire_all(server);
    role_instance_admin(server->roles[ROLE_STORE], dup(server->admin_fds[ROLE_STORE]));
    role_instance_admin(server->roles[ROLE_AUTH], dup(server->admin_fds[ROLE_AUTH]));
    status = listen_new(server);
    for (unsigned i = 0; i < PROGRAMS && status == OK; i++)
        status = role_instance_start(server->roles[programs[i]->kind]);
    return status;
}

static void close_sockets(struct server *server)
{
    char path[108];
    for (enum role_kind kind = 0; kind < ROLE_KINDS; kind++)
        if (server->admin_fds[kind] >= 0) {
            close(server->admin_fds[kind]);
            if (site_socket_path(server->site.settings, kind, path))
                unlink(path);
        }
}

static void serve(struct server *server)
{
    server->certificates = (struct certificates){.site = &server->site,
                                                 .is_changing = &server->changing.is_under_way,
                                                 .changed = renew_certificates,
                                                 .context = server};
    server->signals = signals_open(&server->group, on_signal, server);
    task_spawn(&server->group, "admin", admin_task, server);
    task_spawn(&server->group, "certificates", certificates_watch, &server->certificates);
    task_spawn(&server->group, "tickets", tickets_task, server);
    log_info("server.ready", "host=%s config=1 listeners=%u", log_text(server->site.settings->host),
             server->site.listener_count);
    while (!server->ending)
        task_event_wait(&server->told_to_end, NO_DEADLINE);
    log_info("server.stopping", "pid=%d", (int)getpid());
    task_group_finish(&server->group);
    signals_close(&server->signals);
}

static void server_task(void *argument)
{
    struct server *server = argument;
    task_group_init(&server->group);
    task_event_init(&server->told_to_end);
    changing_init(&server->changing);
    for (enum role_kind kind = 0; kind < ROLE_KINDS; kind++)
        server->admin_fds[kind] = -1;
    if (start(server) == OK) {
        serve(server);
    } else {
        log_error("server.start", "reason=%s", log_text(text_from(fail_reason())));
        server->exit_status = EXIT_FAILURE;
    }
    static const enum role_kind order[] = {ROLE_FRONT, ROLE_SEND, ROLE_AUTH, ROLE_STORE};
    for (unsigned i = 0; i < PROGRAMS; i++)
        role_instance_stop(&server->roles[order[i]]);
    close_sockets(server);
    site_free(&server->site);
    log_info("server.stopped", "pid=%d", (int)getpid());
}

int one_process_serve(const char *settings_path)
{
    struct server *server = calloc(1, sizeof(*server));
    check(server != NULL);
    server->settings_path = settings_path;
    log_setup("one", LOG_LEVEL_INFO);
    process_prepare();
    signals_hold();
    task_loop_run(server_task, server);
    int exit_status = server->exit_status;
    free(server);
    return exit_status;
}
