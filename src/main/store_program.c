/* The store role: the queue and its mailboxes, the POP3 and IMAP sessions of users that auth named,
 * and the administrator's verbs about them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "account/preference.h"
#include "admin/admin.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/memory.h"
#include "directory/client.h"
#include "mail/charset.h"
#include "main/programs.h"
#include "main/report_files.h"
#include "main/store_pop3.h"
#include "main/store_sessions.h"
#include "proto/imap/search/imap_index.h"
#include "protolog/writer.h"
#include "queue/queue.h"

struct store_role {
    struct role_context *context;
    struct store_pop3 *pop3;
    struct charsets *charsets;  /* for searching; can't be loaded once the role is confined */
    struct task_group sessions; /* of users */
    struct task_group serving;  /* verbs, and the watch for new settings */
    struct protolog_writer *protolog;
    bool stopping;
};

/* The server whose limits hold for a service; NULL when none listens for it. */
static const struct setting_server *server_for(const struct settings *settings,
                                               enum service service)
{
    for (unsigned i = 0; i < settings->server_count; i++)
        for (unsigned k = 0; k < settings->servers[i].listen_count; k++)
            if (settings->servers[i].listens[k].service == service)
                return &settings->servers[i];
    return NULL;
}

static enum status has_room(void *context)
{
    return queue_check_room(context);
}

static enum status begin_imap(struct queue *queue, struct imap_options options,
                              enum service service, int fd)
{
    struct store_role *role = queue_owner(queue);
    const struct setting_server *server = server_for(role->context->settings, service);
    char name[ID_TEXT_BYTES];
    options.store = queue_store(queue);
    options.accounts = queue_accounts(queue);
    options.idle_ms = server == NULL ? 0 : server->idle_ms;
    options.max_errors = server == NULL ? 10 : server->max_errors;
    options.append_bytes = server == NULL ? 0 : server->max_append_bytes;
    options.has_room = has_room;
    options.context = queue;
    log_info("imap.session", "session=%s user=%s peer=%s", id_format(options.session, name),
             log_text(options.user), log_text(options.peer));
    store_imap_begin(&role->sessions, &options, fd);
    return OK;
}

static enum status begin_managesieve(struct queue *queue, struct text user, uint64_t id, int fd)
{
    struct store_role *role = queue_owner(queue);
    const struct setting_server *server = server_for(role->context->settings, SERVICE_MANAGESIEVE);
    char name[ID_TEXT_BYTES];
    struct managesieve_options options = {.store = queue_store(queue),
                                          .user = user,
                                          .idle_ms = server == NULL ? 5 * MINUTE : server->idle_ms,
                                          .max_errors = server == NULL ? 10 : server->max_errors};
    log_info("managesieve.session", "session=%s user=%s", id_format(id, name), log_text(user));
    store_managesieve_begin(&role->sessions, &options, fd);
    return OK;
}

/* By the user's settings. */
static bool is_allowed(struct queue *queue, struct text user, enum service service)
{
    enum preference which = service == SERVICE_MANAGESIEVE                        ? PREFERENCE_SIEVE
                            : service == SERVICE_IMAP || service == SERVICE_IMAPS ? PREFERENCE_IMAP
                                                                                  : PREFERENCE_POP3;
    return preference_get(queue_accounts(queue), user, which) != 0;
}

static enum status take_session(struct queue *queue, struct text request, int fd)
{
    struct store_role *role = queue_owner(queue);
    struct wire_reader in = wire_reader_of(request);
    uint8_t service = wire_get_u8(&in);
    struct text user = wire_get_text(&in);
    uint64_t id = wire_get_u64(&in);
    struct text peer = wire_get_text(&in);
    if (!wire_end(&in) || text_is_empty(user) || fd < 0 || service < SERVICE_POP3 ||
        service > SERVICE_MANAGESIEVE)
        return refused("malformed request");
    if (queue_store(queue) == NULL || role->stopping)
        return try_later("the store is not open");
    if (memory_ask(MEMORY_FOR_SESSION, 0) != OK)
        return TRY_LATER;
    if (!is_allowed(queue, user, (enum service)service))
        return try_later(DIRECTORY_SERVICE_OFF);
    if (service == SERVICE_IMAP || service == SERVICE_IMAPS)
        return begin_imap(queue, (struct imap_options){.user = user, .session = id, .peer = peer},
                          (enum service)service, fd);
    if (service == SERVICE_MANAGESIEVE)
        return begin_managesieve(queue, user, id, fd);
    const struct setting_server *server = server_for(role->context->settings, service);
    struct store_pop3_login login = {.user = user,
                                     .session = id,
                                     .peer = peer,
                                     .idle_ms = server == NULL ? 10 * MINUTE : server->idle_ms};
    return store_pop3_begin(role->pop3, queue, &role->sessions, &login, fd);
}

static void serve_session(void *context, struct rpc_call *call, struct text request)
{
    int fd = rpc_take_fd(call);
    enum status status = take_session(context, request, fd);
    if (status == OK) {
        rpc_answer(&call, TEXT(""));
        return;
    }
    if (fd >= 0)
        close(fd);
    rpc_fail(&call, status, fail_reason());
}

static void serve_changed(void *context, struct rpc_call *call, struct text message)
{
    unused(call);
    unused(message);
    queue_directory_back(context);
}

static const struct rpc_method from_auth[] = {
    {DIRECTORY_CHANGED, RPC_INLINE | RPC_ONE_WAY, "directory.changed", serve_changed},
    {STORE_SESSION, RPC_INLINE, "store.session", serve_session},
    {STORE_TURN, 0, "store.turn", queue_serve_turn},
    {QUEUE_STORY, RPC_INLINE | RPC_ONE_WAY, "queue.story", queue_serve_story},
};

static void *store_new(struct role_context *context)
{
    struct store_role *role = calloc(1, sizeof(*role));
    check(role != NULL);
    role->context = context;
    role->pop3 = store_pop3_new();
    role->charsets = charsets_hold();
    task_group_init(&role->sessions);
    task_group_init(&role->serving);
    struct queue *queue = queue_new();
    queue_set_owner(queue, role);
    role->protolog = protolog_writer_new();
    queue_set_protolog(queue, role->protolog);
    queue_set_urls(queue, imap_follow_sent);
    return queue;
}

static void take_settings(struct queue *queue, const struct role_context *context)
{
    const struct store_role *role = queue_owner(queue);
    struct report_catalog *texts = report_files_catalog(buffer_text(&context->files));
    queue_set_settings(queue, context->settings);
    queue_set_report_texts(queue, &texts);
    protolog_writer_configure(role->protolog, context->settings);
}

static void watch_settings(void *argument)
{
    struct queue *queue = argument;
    struct role_context *context = ((struct store_role *)queue_owner(queue))->context;
    while (task_event_wait(&context->reloaded, NO_DEADLINE) == OK) {
        take_settings(queue, context);
        imap_index_follow(queue_accounts(queue), TEXT(""));
    }
}

static void serve_verbs(void *argument)
{
    struct queue *queue = argument;
    struct store_role *role = queue_owner(queue);
    admin_serve(role->context->admin_fd, admin_queue_actions, queue);
}

static enum status store_start(void *state)
{
    struct queue *queue = state;
    struct store_role *role = queue_owner(queue);
    struct role_context *context = role->context;
    struct arena arena;
    arena_init(&arena);
    struct text path = role_directory(context->role, context->settings, &arena);
    struct queue_options options = {.directory = path.data,
                                    .settings = context->settings,
                                    .auth = context->auth,
                                    .send = context->send};
    if (context->disk != NULL) {
        options.disk = context->disk->files;
        options.segment_bytes = context->disk->segment_bytes;
    }
    enum status status = queue_start(queue, &options);
    arena_finish(&arena);
    if (status != OK)
        return status;
    /* Opening took time, in which newer settings may have come. */
    take_settings(queue, context);
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        if (context->fronts[i] != NULL)
            queue_watch_front(queue, context->fronts[i]);
    task_spawn(&role->serving, "store settings", watch_settings, queue);
    imap_index_begin(&role->serving, queue_accounts(queue));
    if (context->admin_fd >= 0)
        task_spawn(&role->serving, "store verbs", serve_verbs, queue);
    return OK;
}

static void store_stop(void *state)
{
    struct queue *queue = state;
    struct store_role *role = queue_owner(queue);
    role->stopping = true;
    task_group_finish(&role->serving);
    task_group_finish(&role->sessions);
    queue_stop(&queue);
    protolog_writer_free(&role->protolog);
    store_pop3_free(&role->pop3);
    charsets_release(&role->charsets);
    free(role);
}

const struct role_program store_program = {
    .kind = ROLE_STORE,
    .methods = {[ROLE_FRONT] = queue_front_methods,
                [ROLE_SEND] = queue_send_methods,
                [ROLE_AUTH] = from_auth},
    .method_count = {[ROLE_FRONT] = QUEUE_FRONT_METHODS,
                     [ROLE_SEND] = QUEUE_SEND_METHODS,
                     [ROLE_AUTH] = sizeof(from_auth) / sizeof(from_auth[0])},
    .new_state = store_new,
    .start = store_start,
    .stop = store_stop,
};
