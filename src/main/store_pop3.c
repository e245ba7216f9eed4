#include "main/store_pop3.h"

#include <stdio.h>
#include <stdlib.h>

#include "account/preference.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/map.h"
#include "proto/pop3/pop3.h"
#include "store/reduced.h"

struct store_pop3 {
    struct map *logins; /* user -> struct last_login */
};

struct last_login {
    int64_t at_ms; /* monotonic */
};

/* A user's session: the mailbox as it was at login. */
struct session {
    struct queue *queue;
    struct mailbox *box;
    struct mailbox_entry *entries;
    unsigned count;
    const char *refusal; /* why it can't begin, or NULL */
    bool has_lock;
    int64_t idle_ms, expire_ms, delay_ms;
    enum reduced_to body;
    bool has_fast_sizes;
    uint64_t *sizes; /* as shown; NULL: as the entries have them */
    int fd;
};

struct store_pop3 *store_pop3_new(void)
{
    struct store_pop3 *pop3 = calloc(1, sizeof(*pop3));
    check(pop3 != NULL);
    pop3->logins = map_new();
    return pop3;
}

void store_pop3_free(struct store_pop3 **freed)
{
    struct store_pop3 *pop3 = *freed;
    size_t position = 0;
    void *login;
    *freed = NULL;
    while (map_next(pop3->logins, &position, NULL, &login))
        free(login);
    map_free(&pop3->logins);
    free(pop3);
}

static uint64_t drop_size(void *state, unsigned index)
{
    const struct session *session = state;
    return session->sizes != NULL ? session->sizes[index] : session->entries[index].size;
}

/* On failure that of the whole. YIELDS. */
static uint64_t drop_exact_size(void *state, unsigned index)
{
    const struct session *session = state;
    const struct mailbox_entry *entry = &session->entries[index];
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    enum status status =
        reduced_find(queue_store(session->queue), NULL, entry, session->body, &arena, &reduced);
    uint64_t size = status == OK ? reduced_size(&reduced, entry) : entry->size;
    arena_finish(&arena);
    return size;
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
    const struct mailbox_entry *entry = &session->entries[index];
    struct store *store = queue_store(session->queue);
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    struct shown *shown = shown_open(store, NULL, entry->message);
    enum status status = shown == NULL ? refused("the message is gone") : OK;
    if (status == OK)
        status = reduced_find(store, NULL, entry, session->body, &arena, &reduced);
    if (status == OK)
        status = reduced_read(shown, &reduced, offset, length, out);
    shown_close(&shown);
    arena_finish(&arena);
    return status;
}

static bool drop_is_expired(void *state, unsigned index)
{
    const struct session *session = state;
    return session->expire_ms > 0 &&
           session->entries[index].date_ms < clock_wall_ms() - session->expire_ms;
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

static void drop_release(void *state)
{
    struct session *session = state;
    if (session->has_lock)
        mailbox_unlock(session->box);
    session->has_lock = false;
}

/* Of all messages, before the client asks for them: then there is no time to look. YIELDS. */
static void find_sizes(struct session *session)
{
    if (session->body == REDUCED_TO_BOTH || session->has_fast_sizes)
        return;
    session->sizes = calloc(session->count + 1, sizeof(*session->sizes));
    check(session->sizes != NULL);
    for (unsigned i = 0; i < session->count; i++)
        session->sizes[i] = drop_exact_size(session, i);
}

static void run_session(struct session *session, struct stream *stream)
{
    if (session->refusal != NULL) {
        pop3_refuse_mailbox(stream, session->refusal);
        return;
    }
    find_sizes(session);
    struct pop3_maildrop drop = {.state = session,
                                 .count = session->count,
                                 .expire_ms = session->expire_ms,
                                 .delay_ms = session->delay_ms,
                                 .size = drop_size,
                                 .exact_size = session->has_fast_sizes ? drop_exact_size : NULL,
                                 .uid = drop_uid,
                                 .read = drop_read,
                                 .is_expired = drop_is_expired,
                                 .remove = drop_remove,
                                 .release = drop_release};
    pop3_serve_mailbox(stream, &drop, session->idle_ms);
}

static void session_task(void *argument)
{
    struct session *session = argument;
    struct stream *stream = stream_new(session->fd, NULL);
    run_session(session, stream);
    stream_close(&stream);
    drop_release(session);
    mailbox_close(&session->box);
    free(session->entries);
    free(session->sizes);
    free(session);
}

/* RFC 2449 6.7. Since the last login that was not itself too soon. */
static bool comes_too_soon(struct store_pop3 *pop3, struct text user, int64_t delay_ms)
{
    int64_t now = clock_monotonic_ms();
    struct last_login *last = map_get(pop3->logins, user);
    if (delay_ms == 0)
        return false;
    if (last != NULL && now - last->at_ms < delay_ms)
        return true;
    if (last == NULL) {
        last = calloc(1, sizeof(*last));
        check(last != NULL);
        map_put(pop3->logins, user, last);
    }
    last->at_ms = now;
    return false;
}

/* The mailbox of a user who never got mail does not exist yet; it is empty all the same. */
static struct session *session_new(struct queue *queue, const struct store_pop3_login *login,
                                   int fd)
{
    const struct accounts *accounts = queue_accounts(queue);
    struct mailbox *box = mailbox_find_or_make(queue_store(queue), login->user, TEXT("INBOX"));
    if (box == NULL)
        return NULL;
    struct session *session = calloc(1, sizeof(*session));
    check(session != NULL);
    *session = (struct session){.queue = queue, .box = box, .idle_ms = login->idle_ms, .fd = fd};
    session->expire_ms = (int64_t)preference_get(accounts, login->user, PREFERENCE_POP3_EXPIRE);
    session->delay_ms = (int64_t)preference_get(accounts, login->user, PREFERENCE_POP3_DELAY);
    session->body = (enum reduced_to)preference_get(accounts, login->user, PREFERENCE_POP3_BODY);
    session->has_fast_sizes = preference_get(accounts, login->user, PREFERENCE_POP3_SIZES) != 0;
    session->has_lock = mailbox_lock(box);
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &session->count);
    session->entries = calloc(session->count + 1, sizeof(*entries));
    check(session->entries != NULL);
    for (unsigned i = 0; i < session->count; i++)
        session->entries[i] = entries[i];
    return session;
}

enum status store_pop3_begin(struct store_pop3 *pop3, struct queue *queue, struct task_group *group,
                             const struct store_pop3_login *login, int fd)
{
    char name[ID_TEXT_BYTES];
    struct session *session = session_new(queue, login, fd);
    if (session == NULL)
        return refused("the user's name is too long");
    if (!session->has_lock)
        session->refusal = "[IN-USE] another session has the mailbox";
    else if (comes_too_soon(pop3, login->user, session->delay_ms))
        session->refusal = "[LOGIN-DELAY] the last login is too short a time ago";
    log_info("pop3.session", "session=%s user=%s peer=%s messages=%u refusal=%s",
             id_format(login->session, name), log_text(login->user), log_text(login->peer),
             session->count,
             session->refusal == NULL ? "none" : log_text(text_from(session->refusal)));
    task_spawn(group, "pop3", session_task, session);
    return OK;
}
