/* Whether a recipient's mailbox has room: asked at RCPT, so that a sender hears it before the
 * message. Whoever turns out to be full only later, as a member of a group, is reported. */
#include "account/quota.h"
#include "queue/internal.h"

/* The one mailbox an address leads to. False: it is none, or several. YIELDS. */
static bool one_mailbox(struct queue *queue, struct text key, struct arena *arena,
                        struct text *mailbox)
{
    struct directory_target *targets;
    unsigned count;
    if (queue->auth == NULL ||
        directory_cache_expand(queue->cache, queue->auth, &key, 1, arena, &targets, &count) != OK)
        return false;
    if (count == 1 && targets[0].kind == TARGET_MAILBOX)
        *mailbox = targets[0].address;
    return count == 1 && targets[0].kind == TARGET_MAILBOX;
}

/* REFUSED: no, and for good; TRY_LATER: not now. */
static enum status look(struct queue *queue, struct text request, struct arena *arena)
{
    struct wire_reader in = wire_reader_of(request);
    uint64_t bytes = wire_get_u64(&in);
    struct text key = wire_get_text(&in), mailbox;
    if (!wire_end(&in) || text_is_empty(key))
        return refused("malformed request");
    if (!one_mailbox(queue, key, arena, &mailbox) ||
        quota_admit(&queue->accounts, mailbox, 1, bytes) == OK)
        return OK;
    return quota_refuses(&queue->accounts, mailbox) ? REFUSED : TRY_LATER;
}

void queue_serve_room(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct arena arena;
    arena_init(&arena);
    enum status status = serve_begin_call(queue);
    if (status == OK) {
        char answer[1 + REASON_BYTES];
        answer[0] = (char)look(queue, request, &arena);
        struct text reason = answer[0] == OK ? TEXT("") : text_from(fail_reason());
        text_copy(reason, answer + 1, REASON_BYTES);
        rpc_answer(&call, text_of(answer, 1 + reason.length));
    } else {
        rpc_fail(&call, status, fail_reason());
    }
    serve_end_call(queue);
    arena_finish(&arena);
}

enum status queue_check_user(struct queue *queue, struct text user)
{
    struct arena arena;
    struct directory_target *targets;
    unsigned count;
    if (queue->auth == NULL)
        return OK;
    arena_init(&arena);
    enum status status =
        directory_cache_expand(queue->cache, queue->auth, &user, 1, &arena, &targets, &count);
    bool is_user = status == OK && count == 1 && targets[0].kind == TARGET_MAILBOX &&
                   text_equals(targets[0].address, user);
    arena_finish(&arena);
    return status != OK || is_user ? status
                                   : refused("'%.*s' is no user with a mailbox", TEXT_ARG(user));
}
