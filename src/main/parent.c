#include "main/parent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/verbs_parent.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "main/certificates.h"
#include "main/changing.h"
#include "main/child.h"
#include "main/processes.h"
#include "main/queue_place.h"
#include "main/servers.h"
#include "main/signals.h"

struct parent {
    const char *settings_path;
    struct site site;
    struct children children;
    struct certificates certificates;
    unsigned fronts;         /* how many, for as long as we run */
    struct task_group group; /* control socket, ready watcher */
    struct task_event told_to_end;
    struct signals *signals;
    int lock_fd; /* claims the data; closed by ending */
    int exit_status;
    struct changing changing;
    bool ending;
};

static void log_lines(struct text lines)
{
    for (struct text line; text_split(&lines, '\n', &line);)
        if (!text_is_empty(text_trim(line)))
            fprintf(stderr, "%.*s\n", TEXT_ARG(line));
}

/* Take up the settings file anew: all of it or nothing. YIELDS. */
static enum status parent_reload(void *argument, struct buffer *messages)
{
    struct parent *parent = argument;
    struct site old;
    enum status status = changing_begin(&parent->changing);
    if (status != OK)
        return status;
    status = site_reload(parent->settings_path, &parent->site, &old, messages);
    if (status == OK) {
        children_reload(&parent->children, &old);
        site_free(&old);
    }
    changing_end(&parent->changing);
    return status;
}

static const struct settings *parent_settings(void *argument)
{
    return ((struct parent *)argument)->site.settings;
}

static void parent_describe(void *argument, bool json, struct buffer *out)
{
    struct parent *parent = argument;
    processes_head(json, out);
    for (unsigned i = 0; i < parent->children.count; i++) {
        struct child *child = &parent->children.list[i];
        const char *state = child->started ? "serving" : child->pid > 0 ? "starting" : "down";
        struct process_shown shown = {child->role->name, child->number, child->pid, state, {0}};
        child_memory(child, &shown.memory);
        processes_line(&shown, json, out);
    }
    certificates_describe(&parent->site, json, out);
}

static void renew_certificates(void *argument)
{
    struct parent *parent = argument;
    if (changing_begin(&parent->changing) != OK)
        return;
    children_renew_certificates(&parent->children);
    changing_end(&parent->changing);
}

static void tickets_task(void *argument)
{
    struct parent *parent = argument;
    while (task_sleep(TICKET_KEY_HOURS * HOUR) == OK)
        children_turn_tickets(&parent->children);
}

static void reload_by_signal(struct parent *parent)
{
    struct buffer messages;
    buffer_init(&messages, 64 << 10);
    if (parent_reload(parent, &messages) != OK)
        log_error("config.refused", "reason=%s", log_text(text_from(fail_reason())));
    log_lines(buffer_text(&messages));
    buffer_finish(&messages);
}

static void on_signal(void *argument, int number)
{
    struct parent *parent = argument;
    if (number == SIGCHLD) {
        children_reap(&parent->children);
    } else if (number == SIGHUP) {
        reload_by_signal(parent);
    } else {
        parent->ending = true;
        task_event_tell_all(&parent->told_to_end);
    }
}

static void announce_task(void *argument)
{
    struct parent *parent = argument;
    while (!children_all_started(&parent->children))
        if (task_event_wait(&parent->children.changed, NO_DEADLINE) != OK)
            return;
    log_info("server.ready", "host=%s config=%llu listeners=%u",
             log_text(parent->site.settings->host),
             (unsigned long long)parent->site.settings->version, parent->site.listener_count);
}

static void relisten(void *context, const struct site *old)
{
    children_relisten(context, old);
}

static void end_sessions(void *context, struct text server)
{
    children_end_sessions(context, server);
}

static enum status parent_order(void *argument, struct text name, enum server_order order)
{
    struct parent *parent = argument;
    struct servers servers = {&parent->site, relisten, end_sessions, &parent->children};
    enum status status = changing_begin(&parent->changing);
    if (status != OK)
        return status;
    status = servers_order(&servers, name, order);
    changing_end(&parent->changing);
    return status;
}

static void parent_list_servers(void *argument, bool json, struct buffer *out)
{
    servers_list(&((struct parent *)argument)->site, json, out);
}

static void admin_task(void *argument)
{
    struct parent *parent = argument;
    struct admin_parent verbs = {parent,          parent_reload, parent_describe,
                                 parent_settings, parent_order,  parent_list_servers};
    admin_serve(parent->children.admin_fds[ROLE_PARENT], admin_parent_actions, &verbs);
}

static enum status open_everything(struct parent *parent)
{
    for (enum role_kind kind = 0; kind < ROLE_KINDS; kind++)
        parent->children.admin_fds[kind] = -1;
    struct buffer messages;
    buffer_init(&messages, 64 << 10);
    enum status status = site_load(parent->settings_path, 1, &messages, &parent->site);
    log_lines(buffer_text(&messages));
    buffer_finish(&messages);
    if (status != OK)
        return refused("nothing was started: correct the configuration (mailroot config check)");
    const struct settings *settings = parent->site.settings;
    parent->fronts = role_front_count(settings);
    status = site_make_directories(&parent->site);
    if (status == OK)
        status = site_lock(&parent->site, &parent->lock_fd);
    if (status == OK)
        status = queue_place_settle(settings);
    static const enum role_kind controlled[] = {ROLE_STORE, ROLE_AUTH, ROLE_PARENT};
    for (unsigned i = 0; status == OK && i < 3; i++)
        status =
            site_listen_admin(settings, controlled[i], &parent->children.admin_fds[controlled[i]]);
    if (status == OK)
        status = site_listen(&parent->site);
    if (status == OK)
        status = seats_new(parent->fronts, &parent->children.seats);
    return status;
}

static void remove_sockets(const struct parent *parent)
{
    char path[108];
    for (enum role_kind kind = 0; kind < ROLE_KINDS; kind++)
        if (parent->children.admin_fds[kind] >= 0) {
            close(parent->children.admin_fds[kind]);
            if (site_socket_path(parent->site.settings, kind, path))
                unlink(path);
        }
}

static void parent_task(void *argument)
{
    struct parent *parent = argument;
    if (open_everything(parent) != OK) {
        log_error("server.start", "reason=%s", log_text(text_from(fail_reason())));
        parent->exit_status = EXIT_FAILURE;
        if (parent->site.settings != NULL)
            remove_sockets(parent);
        site_free(&parent->site);
        return;
    }
    site_warn_of_root();
    parent->children.site = &parent->site;
    parent->certificates = (struct certificates){.site = &parent->site,
                                                 .is_changing = &parent->changing.is_under_way,
                                                 .changed = renew_certificates,
                                                 .context = parent};
    task_group_init(&parent->group);
    task_event_init(&parent->told_to_end);
    changing_init(&parent->changing);
    parent->signals = signals_open(&parent->group, on_signal, parent);
    children_start(&parent->children, parent->fronts);
    task_spawn(&parent->group, "announce", announce_task, parent);
    task_spawn(&parent->group, "admin", admin_task, parent);
    task_spawn(&parent->group, "certificates", certificates_watch, &parent->certificates);
    task_spawn(&parent->group, "tickets", tickets_task, parent);
    while (!parent->ending)
        task_event_wait(&parent->told_to_end, NO_DEADLINE);
    log_info("server.stopping", "pid=%d", (int)getpid());
    children_stop(&parent->children);
    seats_free(&parent->children.seats);
    task_group_finish(&parent->group);
    remove_sockets(parent);
    signals_close(&parent->signals);
    site_free(&parent->site);
    log_info("server.stopped", "pid=%d", (int)getpid());
}

int parent_serve(const char *settings_path)
{
    struct parent *parent = calloc(1, sizeof(*parent));
    check(parent != NULL);
    parent->settings_path = settings_path;
    log_setup("parent", LOG_LEVEL_INFO);
    process_prepare();
    signals_hold();
    task_loop_run(parent_task, parent);
    int exit_status = parent->exit_status;
    free(parent);
    return exit_status;
}
