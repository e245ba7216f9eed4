/* Parts of messages that are sent without having been fetched (RFC 4468): front names one by a URL,
 * and who knows such URLs says what it leads to. */
#include "base/check.h"
#include "base/memory.h"
#include "queue/internal.h"

void queue_set_urls(struct queue *queue, queue_follow_url *follow)
{
    queue->follow_url = follow;
}

static enum status follow(struct queue *queue, struct text request, struct queue_url_answer *answer)
{
    struct queue_url_question question;
    if (!queue_url_decode(request, &question))
        return refused("malformed request");
    check(queue->follow_url != NULL);
    if (memory_ask(MEMORY_FOR_REST, QUEUE_BODY_CHUNK) != OK)
        return TRY_LATER;
    return queue->follow_url(queue_accounts(queue), &question, answer);
}

void queue_serve_url(void *context, struct rpc_call *call, struct text request)
{
    struct queue_url_answer answer = {0};
    struct buffer bytes;
    buffer_init(&answer.bytes, QUEUE_BODY_CHUNK);
    buffer_init(&bytes, QUEUE_BODY_CHUNK + 4096);
    enum status status = serve_begin_call(context);
    if (status == OK)
        status = follow(context, request, &answer);
    if (status == OK) {
        queue_url_answer_encode(&answer, &bytes);
        rpc_answer_giving(&call, &bytes);
    } else {
        rpc_fail(&call, status, fail_reason());
    }
    buffer_finish(&answer.bytes);
    buffer_finish(&bytes);
    serve_end_call(context);
}
