/* The front role: takes connections, one task each, and serves what needs no files: TLS, SMTP, and
 * POP3 and IMAP until the password was right. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/map.h"
#include "main/programs.h"
#include "net/listener.h"
#include "net/stream.h"
#include "proto/imap/imap.h"
#include "proto/line/front.h"
#include "proto/managesieve/managesieve.h"
#include "proto/pop3/pop3.h"
#include "proto/smtp/server/smtp_server.h"
#include "queue/turn/turn.h"

/* Whatever the settings allow: each has a stack, and the kernel maps some 65,000 pieces at most. */
enum { STOP_MS = 10 * SECOND, SESSIONS_MOST = 30000 };

struct accepting {
    struct front *front;
    struct task_group task;        /* the one that accepts */
    struct role_listener listener; /* taken over from the context */
};

/* One server's sessions, under its name for as long as this process is there. */
struct serving {
    struct task_group sessions;
};

struct front {
    struct role_context *context;
    struct line_front line;
    struct map *serving; /* name to struct serving */
    unsigned session_count;
    bool stopping;              /* no session begins any more */
    struct task_group watching; /* settings and listeners */
    struct accepting *accepting[ROLE_LISTENERS_MAX];
};

struct session {
    struct front *front;
    struct settings *settings;
    const struct setting_server *server;
    enum service service;
    struct stream *stream;
};

static void serve(const struct session *session)
{
    struct line_front *line = &session->front->line;
    if (session->service == SERVICE_POP3 || session->service == SERVICE_POP3S)
        pop3_serve_front(line, session->server, session->service, session->stream);
    else if (session->service == SERVICE_IMAP || session->service == SERVICE_IMAPS)
        imap_serve_front(line, session->server, session->service, session->stream);
    else if (session->service == SERVICE_MANAGESIEVE)
        managesieve_serve_front(line, session->server, session->stream);
    else
        smtp_serve(line, session->server, session->service, session->stream);
}

static void session_task(void *argument)
{
    struct session *session = argument;
    if (session->service == SERVICE_FETCHED || line_meet_proxy(session->server, session->stream))
        serve(session);
    stream_close(&session->stream);
    settings_release(&session->settings);
    session->front->session_count--;
    free(session);
}

static struct serving *serving_of(struct front *front, struct text server)
{
    struct serving *serving = map_get(front->serving, server);
    if (serving != NULL)
        return serving;
    serving = calloc(1, sizeof(*serving));
    check(serving != NULL);
    task_group_init(&serving->sessions);
    map_put(front->serving, server, serving);
    return serving;
}

/* The descriptor is the session's from now on. False: there are too many, and it is closed. */
static bool session_begin(struct front *front, const struct setting_server *server,
                          enum service service, int fd, const struct net_address *peer)
{
    if (front->stopping || front->session_count >= SESSIONS_MOST || server == NULL) {
        close(fd);
        return false;
    }
    struct session *session = calloc(1, sizeof(*session));
    check(session != NULL);
    *session = (struct session){.front = front,
                                .settings = settings_hold(front->context->settings),
                                .server = server,
                                .service = service,
                                .stream = stream_new(fd, peer)};
    front->session_count++;
    task_spawn(&serving_of(front, server->name)->sessions, "session", session_task, session);
    return true;
}

static void on_connection(void *context, int fd, const struct net_address *peer)
{
    const struct accepting *accepting = context;
    struct front *front = accepting->front;
    /* Or a reload took the server away, and its listener is about to go. */
    session_begin(front, settings_server_find(front->context->settings, accepting->listener.server),
                  accepting->listener.service, fd, peer);
}

static void accept_task(void *argument)
{
    struct accepting *accepting = argument;
    net_accept_loop(accepting->listener.fd, on_connection, accepting);
}

static void accept_begin(struct front *front, unsigned place)
{
    struct accepting *accepting = calloc(1, sizeof(*accepting));
    check(accepting != NULL);
    accepting->front = front;
    accepting->listener = front->context->listeners[place];
    task_group_init(&accepting->task);
    front->accepting[place] = accepting;
    task_spawn(&accepting->task, "accept", accept_task, accepting);
}

/* YIELDS. */
static void accept_end(struct front *front, unsigned place)
{
    struct accepting *accepting = front->accepting[place];
    if (accepting == NULL)
        return;
    task_group_finish(&accepting->task);
    front->accepting[place] = NULL;
    free(accepting);
}

/* Accept on the listeners that came, and no longer on those that go. YIELDS. */
static void follow_listeners(struct front *front)
{
    struct role_context *context = front->context;
    for (unsigned i = 0; i < context->listener_count; i++) {
        struct role_listener *listener = &context->listeners[i];
        if (listener->fd >= 0 && listener->closing) {
            accept_end(front, i);
            close(listener->fd);
            free((char *)(uintptr_t)listener->server.data);
            *listener = (struct role_listener){.fd = -1};
        } else if (listener->fd >= 0 && front->accepting[i] == NULL) {
            accept_begin(front, i);
        }
    }
}

static void watch_task(void *argument)
{
    struct front *front = argument;
    while (task_event_wait(&front->context->reloaded, NO_DEADLINE) == OK)
        follow_listeners(front);
}

static void directory_changed(void *context)
{
    struct front *front = context;
    directory_cache_clear(front->line.directory);
}

static void serve_changed(void *context, struct rpc_call *call, struct text message)
{
    unused(call);
    unused(message);
    directory_changed(context);
}

static void room_changed(void *context)
{
    struct front *front = context;
    room_cache_clear(front->line.rooms);
}

static void serve_room_changed(void *context, struct rpc_call *call, struct text message)
{
    unused(call);
    unused(message);
    room_changed(context);
}

/* Fetched mail comes in as if the host had called: by the first server that takes mail. */
static const struct setting_server *receiving_server(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->server_count; i++)
        for (unsigned k = 0; k < settings->servers[i].listen_count; k++)
            if (settings->servers[i].listens[k].service == SERVICE_SMTP)
                return &settings->servers[i];
    return NULL;
}

static void serve_receive(void *context, struct rpc_call *call, struct text request)
{
    struct front *front = context;
    struct net_address peer;
    int fd = rpc_take_fd(call);
    if (fd < 0 || !net_address_parse_endpoint(request, 0, &peer) || peer.any.sa_family == AF_UNIX) {
        if (fd >= 0)
            close(fd);
        rpc_fail(&call, REFUSED, "malformed request");
    } else if (session_begin(front, receiving_server(front->context->settings), SERVICE_FETCHED, fd,
                             &peer)) {
        rpc_answer(&call, TEXT(""));
    } else {
        rpc_fail(&call, TRY_LATER, "no server takes mail by smtp, or too many sessions");
    }
}

static const struct rpc_method from_store[] = {
    {FRONT_RECEIVE, RPC_INLINE, "front.receive", serve_receive},
    {FRONT_ROOM_CHANGED, RPC_INLINE | RPC_ONE_WAY, "room.changed", serve_room_changed},
};
static const struct rpc_method from_auth[] = {
    {DIRECTORY_CHANGED, RPC_INLINE | RPC_ONE_WAY, "directory.changed", serve_changed},
};

static void *front_new(struct role_context *context)
{
    struct front *front = calloc(1, sizeof(*front));
    check(front != NULL);
    front->context = context;
    line_front_init(&front->line, context);
    front->serving = map_new();
    task_group_init(&front->watching);
    return front;
}

static enum status front_start(void *state)
{
    struct front *front = state;
    rpc_channel_on_down(front->context->auth, directory_changed, front);
    rpc_channel_on_down(front->context->store, room_changed, front);
    line_front_start(&front->line);
    follow_listeners(front);
    task_spawn(&front->watching, "listeners", watch_task, front);
    return OK;
}

/* Every session says 421 and goodbye; a commit under way is waited for. YIELDS. */
static void end_group(struct task_group *sessions)
{
    task_group_cancel(sessions);
    if (task_group_wait(sessions, clock_monotonic_ms() + STOP_MS) != OK)
        log_warning("front.stop", "reason=%s", log_text(text_from(fail_reason())));
    task_group_finish(sessions);
}

static void end_server(void *state, struct text server)
{
    struct front *front = state;
    struct serving *serving = map_get(front->serving, server);
    if (serving == NULL || serving->sessions.cancelled)
        return;
    end_group(&serving->sessions);
    task_group_init(&serving->sessions);
}

static void end_all(struct front *front)
{
    size_t position = 0;
    void *value;
    front->stopping = true;
    while (map_next(front->serving, &position, NULL, &value))
        task_group_cancel(&((struct serving *)value)->sessions);
    position = 0;
    while (map_next(front->serving, &position, NULL, &value)) {
        end_group(&((struct serving *)value)->sessions);
        free(value);
    }
    map_free(&front->serving);
}

static void front_stop(void *state)
{
    struct front *front = state;
    rpc_channel_on_down(front->context->auth, NULL, NULL);
    rpc_channel_on_down(front->context->store, NULL, NULL);
    task_group_finish(&front->watching);
    for (unsigned i = 0; i < ROLE_LISTENERS_MAX; i++)
        accept_end(front, i);
    end_all(front);
    line_front_finish(&front->line);
    free(front);
}

const struct role_program front_program = {
    .kind = ROLE_FRONT,
    .methods = {[ROLE_AUTH] = from_auth, [ROLE_STORE] = from_store},
    .method_count = {[ROLE_AUTH] = 1, [ROLE_STORE] = sizeof(from_store) / sizeof(from_store[0])},
    .new_state = front_new,
    .start = front_start,
    .end_server = end_server,
    .stop = front_stop,
};
