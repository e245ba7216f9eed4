#include "proto/smtp/send/smtp_send_request.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/map.h"
#include "queue/turn/turn.h"

enum { FETCH_MOST_MS = 12 * HOUR };

/* One connector that asks on schedule. */
struct request {
    struct smtp_requests *requests;
    struct text name; /* owned */
    int64_t next_ms;  /* monotonic */
    bool is_running;
};

void smtp_requests_init(struct smtp_requests *requests, const struct smtp_sender *sender)
{
    *requests = (struct smtp_requests){.sender = sender, .by_connector = map_new()};
    task_group_init(&requests->tasks);
}

static void log_said(const struct smtp_connection *connection,
                     const struct setting_connector *connector, const char *verb,
                     const struct smtp_client_trouble *said)
{
    log_info("smtp.request", "connector=%s host=%s verb=%s status=%s reply=%s",
             log_text(connector->name), log_text(text_from(connection->relay)),
             log_text(text_from(verb)), log_text(text_from(status_name(said->status))),
             log_text(text_from(said->words)));
}

/* Each node in turn, while the peer is there. YIELDS. */
static void ask_by_etrn(struct smtp_connection *connection,
                        const struct setting_connector *connector)
{
    const struct setting_request *request = &connector->request;
    for (unsigned i = 0; i < request->node_count; i++) {
        struct smtp_client_trouble said;
        if (connection->client == NULL || !smtp_client_is_in_step(connection->client))
            return;
        (void)smtp_client_etrn(connection->client, request->nodes[i], &said);
        log_said(connection, connector, "ETRN", &said);
    }
}

void smtp_request_when_sending(struct smtp_connection *connection,
                               const struct setting_connector *connector)
{
    if (text_is_empty(connector->request.at.host))
        ask_by_etrn(connection, connector);
}

/* The peer is the client now, and a front serves it; its TLS is here. YIELDS. */
static void serve_peer(const struct smtp_sender *sender, struct stream *peer)
{
    char address[NET_ADDRESS_TEXT_BYTES];
    int pair[2];
    net_address_text(stream_peer(peer), address);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        log_error("smtp.fetch-failed", "reason=\"no socket pair\"");
        return;
    }
    if (queue_receive(sender->context->store, text_from(address), pair[1]) != OK) {
        log_error("smtp.fetch-failed", "reason=%s", log_text(text_from(fail_reason())));
        close(pair[0]);
        return;
    }
    struct stream *front = stream_new(pair[0], NULL);
    stream_set_deadline(peer, clock_monotonic_ms() + FETCH_MOST_MS);
    stream_relay(peer, front);
    stream_close(&front);
}

/* YIELDS. */
static void fetch(const struct smtp_sender *sender, struct smtp_connection *connection,
                  const struct setting_connector *connector)
{
    const struct setting_request *request = &connector->request;
    struct stream *turned = NULL;
    struct smtp_client_trouble said;
    enum status status = smtp_client_turn(&connection->client, request->domains,
                                          request->domain_count, &turned, &said);
    log_said(connection, connector, "ATRN", &said);
    if (status != OK)
        return;
    serve_peer(sender, turned);
    log_info("smtp.fetched", "connector=%s host=%s bytes=%llu", log_text(connector->name),
             log_text(text_from(connection->relay)), (unsigned long long)stream_bytes_in(turned));
    stream_close(&turned);
}

static void ask(const struct smtp_sender *sender, const struct settings *settings,
                const struct setting_connector *connector)
{
    struct smtp_connection connection = {.settings_version = settings->version};
    struct smtp_client_trouble trouble;
    struct arena arena;
    arena_init(&arena);
    if (smtp_attempt_connect(sender, connector, settings, &arena, &connection, &trouble) != OK) {
        log_said(&connection, connector, "connect", &trouble);
    } else {
        ask_by_etrn(&connection, connector);
        if (connector->request.turns && smtp_client_is_in_step(connection.client))
            fetch(sender, &connection, connector);
    }
    smtp_connection_close(&connection);
    arena_finish(&arena);
}

static void run_request(void *argument)
{
    struct request *request = argument;
    const struct smtp_sender *sender = request->requests->sender;
    struct settings *settings = settings_hold(sender->context->settings);
    const struct setting_connector *connector = smtp_connector_find(settings, request->name);
    if (connector->request.every_ms > 0) /* or it went with a reload */
        ask(sender, settings, connector);
    settings_release(&settings);
    request->is_running = false;
}

static struct request *request_for(struct smtp_requests *requests, struct text connector)
{
    struct request *request = map_get(requests->by_connector, connector);
    if (request != NULL)
        return request;
    request = calloc(1, sizeof(*request));
    check(request != NULL);
    request->requests = requests;
    request->name = text_of(text_to_string(connector), connector.length);
    map_put(requests->by_connector, request->name, request);
    return request;
}

/* Begin what is due. When the next is (monotonic). */
static int64_t begin_due(struct smtp_requests *requests)
{
    const struct settings *settings = requests->sender->context->settings;
    int64_t now = clock_monotonic_ms(), next_ms = NO_DEADLINE;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        if (connector->request.every_ms == 0)
            continue;
        struct request *request = request_for(requests, connector->name);
        /* Settings may have been told to ask more often. */
        if (request->next_ms > now + connector->request.every_ms)
            request->next_ms = now + connector->request.every_ms;
        if (request->next_ms <= now) {
            request->next_ms = now + connector->request.every_ms;
            if (!request->is_running)
                task_spawn(&requests->tasks, "request", run_request, request);
            request->is_running = true;
        }
        if (request->next_ms < next_ms)
            next_ms = request->next_ms;
    }
    return next_ms;
}

static void keep_schedule(void *argument)
{
    struct smtp_requests *requests = argument;
    while (!task_is_cancelled())
        task_event_wait(&requests->sender->context->reloaded, begin_due(requests));
}

void smtp_requests_start(struct smtp_requests *requests)
{
    task_spawn(&requests->tasks, "requests", keep_schedule, requests);
}

void smtp_requests_finish(struct smtp_requests *requests)
{
    size_t position = 0;
    void *value;
    task_group_finish(&requests->tasks);
    while (map_next(requests->by_connector, &position, NULL, &value)) {
        struct request *request = value;
        free((char *)request->name.data);
        free(request);
    }
    map_free(&requests->by_connector);
}
