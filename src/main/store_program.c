/* The store role: the queue and its mailboxes, the POP3 and IMAP sessions of users that auth named,
 * and the administrator's verbs about them. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "mail/charset.h"
#include "main/programs.h"
#include "main/store_imap.h"
#include "main/store_managesieve.h"
#include "proto/pop3/pop3.h"
#include "queue/queue.h"
#include "store/mailbox.h"
#include "store/shown.h"

struct store_role {
    struct role_context *context;
    struct charsets *charsets;  /* for searching; can't be loaded once the role is confined */
    struct task_group sessions; /* of users */
    struct task_group serving;  /* verbs, and the watch for new settings */
    bool stopping;
};

/* A user's POP3 session: the mailbox as it was at login. */
struct session {
    struct queue *queue;
    struct mailbox *box;
    struct mailbox_entry *entries;
    unsigned count;
    bool in_use;
    int64_t idle_ms;
    int fd;
    uint64_t id;
};

static uint64_t drop_size(void *state, unsigned index)
{
    const struct session *session = state;
    return session->entries[index].size;
}

static void drop_uid(void *state, unsigned index, char out[POP3_UID_BYTES])
{
    const struct session *session = state;
    snprintf(out, POP3_UID_BYTES, "%08x.%u", mailbox_uid_validity(session->box),
             session->entries[index].uid);
}

static enum status drop_read(void *state, unsigned index, uint64_t offset, uint32_t length,
                             struct buffer *out)
{
    const struct session *session = state;
    return mailbox_read(queue_store(session->queue), session->entries[index].message, offset,
                        length, out);
}

static enum status drop_remove(void *state, const unsigned *indexes, unsigned count)
{
    const struct session *session = state;
    uint32_t *uids = calloc(count, sizeof(*uids));
    check(uids != NULL || count == 0);
    for (unsigned i = 0; i < count; i++)
        uids[i] = session->entries[indexes[i]].uid;
    enum status status = mailbox_expunge(session->box, uids, count);
    free(uids);
    return status;
}

static void run_session(struct session *session, struct stream *stream)
{
    if (session->in_use) {
        pop3_refuse_mailbox(stream, true, "another session has the mailbox");
        return;
    }
    struct pop3_maildrop drop = {.state = session,
                                 .count = session->count,
                                 .size = drop_size,
                                 .uid = drop_uid,
                                 .read = drop_read,
                                 .remove = drop_remove};
    pop3_serve_mailbox(stream, &drop, session->idle_ms);
}

static void session_task(void *argument)
{
    struct session *session = argument;
    struct stream *stream = stream_new(session->fd, NULL);
    run_session(session, stream);
    stream_close(&stream);
    if (!session->in_use)
        mailbox_unlock(session->box);
    mailbox_close(&session->box);
    free(session->entries);
    free(session);
}

/* The mailbox of a user who never got mail does not exist yet; it is empty all the same. */
static struct session *session_new(struct queue *queue, struct text user, uint64_t id, int fd)
{
    struct mailbox *box = mailbox_find_or_make(queue_store(queue), user, TEXT("INBOX"));
    if (box == NULL)
        return NULL;
    struct session *session = calloc(1, sizeof(*session));
    check(session != NULL);
    *session = (struct session){.queue = queue, .box = box, .fd = fd, .id = id};
    session->in_use = !mailbox_lock(box);
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &session->count);
    session->entries = calloc(session->count + 1, sizeof(*entries));
    check(session->entries != NULL);
    for (unsigned i = 0; i < session->count; i++)
        session->entries[i] = entries[i];
    return session;
}

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

static enum status take_session(struct queue *queue, struct text request, int fd)
{
    struct store_role *role = queue_owner(queue);
    struct wire_reader in = wire_reader_of(request);
    uint8_t service = wire_get_u8(&in);
    struct text user = wire_get_text(&in);
    uint64_t id = wire_get_u64(&in);
    struct text peer = wire_get_text(&in);
    char name[ID_TEXT_BYTES];
    if (!wire_end(&in) || text_is_empty(user) || fd < 0 || service < SERVICE_POP3 ||
        service > SERVICE_LAST)
        return refused("malformed request");
    if (queue_store(queue) == NULL || role->stopping)
        return try_later("the store is not open");
    if (service == SERVICE_IMAP || service == SERVICE_IMAPS)
        return begin_imap(queue, (struct imap_options){.user = user, .session = id, .peer = peer},
                          (enum service)service, fd);
    if (service == SERVICE_MANAGESIEVE)
        return begin_managesieve(queue, user, id, fd);
    struct session *session = session_new(queue, user, id, fd);
    if (session == NULL)
        return refused("the user's name is too long");
    const struct setting_server *server = server_for(role->context->settings, service);
    session->idle_ms = server == NULL ? 10 * MINUTE : server->idle_ms;
    log_info("pop3.session", "session=%s user=%s peer=%s messages=%u", id_format(id, name),
             log_text(user), log_text(peer), session->count);
    task_spawn(&role->sessions, "pop3", session_task, session);
    return OK;
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
    queue_directory_changed(context);
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
    role->charsets = charsets_hold();
    task_group_init(&role->sessions);
    task_group_init(&role->serving);
    struct queue *queue = queue_new();
    queue_set_owner(queue, role);
    return queue;
}

static void watch_settings(void *argument)
{
    struct queue *queue = argument;
    struct role_context *context = ((struct store_role *)queue_owner(queue))->context;
    while (task_event_wait(&context->reloaded, NO_DEADLINE) == OK)
        queue_set_settings(queue, context->settings);
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
    char *path;
    check(asprintf(&path, "%.*s/%s", TEXT_ARG(context->settings->data_directory),
                   context->role->data) > 0);
    struct queue_options options = {.directory = path,
                                    .settings = context->settings,
                                    .auth = context->auth,
                                    .send = context->send};
    enum status status = queue_start(queue, &options);
    free(path);
    if (status != OK)
        return status;
    /* Opening took time, in which newer settings may have come. */
    queue_set_settings(queue, context->settings);
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        if (context->fronts[i] != NULL)
            queue_watch_front(queue, context->fronts[i]);
    task_spawn(&role->serving, "store settings", watch_settings, queue);
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
