/* Whether a recipient takes mail from the sender, and his mailbox has room: asked at RCPT, so that
 * a sender hears it before the message. What turns out only later, of a member of a group, is
 * reported. */
#include "account/quota.h"
#include "queue/plan.h"

/* Whose mailbox has no limit, and who takes the same from everybody. */
static bool is_open(const struct queue *queue, const struct directory_answer *answer)
{
    const struct directory_target *target = answer->targets;
    return !answer->depends && target->group == 0 && target->receive_bytes == DIRECTORY_NO_LIMIT &&
           queue->settings->max_received_bytes == 0 &&
           !quota_limits(&queue->accounts, target->address);
}

/* REFUSED: no, and for good; TRY_LATER: not now. OK also when it leads to several, or cannot be
 * told: then the commit tells. *open: as in queue_room_answer. YIELDS. */
static enum status look_at(struct plan *plan, const struct queue_room_question *question,
                           bool *open)
{
    struct queue *queue = plan->queue;
    struct directory_answer answer;
    if (plan_ask(plan, &question->recipient, 1, &answer) != OK || answer.target_count != 1)
        return OK;
    struct directory_target *target = answer.targets;
    plan->targets = target;
    plan->target_count = 1;
    plan_limit(plan, &answer);
    if (target->kind == TARGET_REFUSED)
        return refused(QUEUE_STATUS_REASON "%.*s %.*s", TEXT_ARG(target->status),
                       TEXT_ARG(target->reason));
    *open = target->kind == TARGET_MAILBOX && is_open(queue, &answer);
    if (target->kind != TARGET_MAILBOX || *open ||
        quota_admit(&queue->accounts, target->address, 1, question->bytes) == OK)
        return OK;
    return quota_refuses(&queue->accounts, target->address) ? REFUSED : TRY_LATER;
}

static enum status look(struct queue *queue, struct text request, bool *open)
{
    struct wire_reader in = wire_reader_of(request);
    struct queue_room_question question = {.bytes = wire_get_u64(&in)};
    question.recipient = wire_get_text(&in);
    question.sender = wire_get_text(&in);
    question.login = wire_get_text(&in);
    if (!wire_end(&in) || text_is_empty(question.recipient))
        return refused("malformed request");
    struct plan plan;
    plan_init(&plan, queue, NULL, 0);
    plan.sender = question.sender;
    plan.login = question.login;
    plan.size = question.bytes;
    enum status status = look_at(&plan, &question, open);
    plan_finish(&plan);
    return status;
}

void queue_serve_room(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    enum status status = serve_begin_call(queue);
    if (status == OK) {
        struct buffer answer;
        bool open = false;
        enum status found = look(queue, request, &open);
        buffer_init(&answer, 2 * REASON_BYTES);
        wire_put_u8(&answer, (uint8_t)found);
        wire_put_u8(&answer, open);
        wire_put_text(&answer, found == OK ? TEXT("") : text_from(fail_reason()));
        rpc_answer(&call, buffer_text(&answer));
        buffer_finish(&answer);
    } else {
        rpc_fail(&call, status, fail_reason());
    }
    serve_end_call(queue);
}

/* He may forward, and keep nothing, and has one all the same. */
static bool has_mailbox(const struct directory_answer *answer, struct text user)
{
    for (unsigned i = 0; i < answer->target_count; i++)
        if (answer->targets[i].kind == TARGET_MAILBOX &&
            text_equals(answer->targets[i].address, user))
            return true;
    return false;
}

enum status queue_check_user(struct queue *queue, struct text user)
{
    struct arena arena;
    struct directory_answer answer;
    struct directory_question question = {.keys = &user, .count = 1};
    if (queue->auth == NULL)
        return OK;
    arena_init(&arena);
    enum status status =
        directory_cache_expand(queue->cache, queue->auth, &question, &arena, &answer);
    bool is_user = status == OK && has_mailbox(&answer, user);
    arena_finish(&arena);
    return status != OK || is_user ? status
                                   : refused("'%.*s' is no user with a mailbox", TEXT_ARG(user));
}
