/* The asking side of the door: front and send link this, not the queue itself. */
#include "queue/client.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "queue/wire.h"

enum {
    CALL_MS = 2 * MINUTE,
    REPORT_MS = 10 * MINUTE, /* the store keeps trying: what was delivered must be recorded */
};

struct queue_message {
    struct rpc_channel *store;
    const struct queue_envelope *envelope;
    struct buffer body; /* not sent yet */
    uint64_t appended;
    enum status status;
    struct reason reason;
};

struct queue_message *queue_begin(struct rpc_channel *store, const struct queue_envelope *envelope)
{
    struct queue_message *message = calloc(1, sizeof(*message));
    check(message != NULL);
    message->store = store;
    message->envelope = envelope;
    buffer_init(&message->body, QUEUE_INLINE_MAX);
    return message;
}

static void note_failure(struct queue_message *message, enum status status)
{
    message->status = status;
    message->reason = fail_keep();
}

/* The body so far is given away. */
static void send_chunk(struct queue_message *message)
{
    struct buffer head;
    struct rpc_reply reply;
    size_t length = message->body.length;
    buffer_init(&head, 64);
    wire_put_u64(&head, message->envelope->id);
    wire_put_u64(&head, message->appended);
    wire_put_u32(&head, (uint32_t)length);
    struct rpc_request request = {QUEUE_APPEND, buffer_text(&head), &message->body};
    enum status status =
        rpc_ask_giving(message->store, &request, clock_monotonic_ms() + CALL_MS, &reply);
    if (status != OK)
        note_failure(message, status);
    rpc_reply_finish(&reply);
    buffer_finish(&head);
    message->appended += length;
    buffer_init(&message->body, QUEUE_INLINE_MAX);
}

/* Room for a part of it. Small ones do not ask. */
static bool has_memory(struct queue_message *message, struct text part)
{
    enum { SMALL_BYTES = 16 << 10 };
    size_t grown = message->body.length + part.length;
    if (grown <= message->body.capacity || grown <= SMALL_BYTES ||
        memory_ask(MEMORY_FOR_REST, grown) == OK)
        return true;
    note_failure(message, try_later(QUEUE_FULL_REASON ": no memory"));
    return false;
}

enum status queue_append(struct queue_message *message, struct text bytes)
{
    while (bytes.length > 0 && message->status == OK) {
        struct text part = text_head(bytes, QUEUE_INLINE_MAX - message->body.length);
        if (!has_memory(message, part))
            break;
        buffer_append(&message->body, part);
        bytes = text_from_position(bytes, part.length);
        /* The buffer is full when something is left; it goes only then, so that a body of just this
         * size still travels inside the commit. */
        if (bytes.length > 0)
            send_chunk(message);
    }
    return message->status == OK ? OK : try_later("%s", message->reason.text);
}

static void free_message(struct queue_message **message)
{
    buffer_finish(&(*message)->body);
    free(*message);
    *message = NULL;
}

static enum status read_results(struct text bytes, unsigned count, struct arena *arena,
                                struct queue_result *results)
{
    struct wire_reader in = wire_reader_of(bytes);
    for (unsigned i = 0; i < count; i++) {
        uint8_t status = wire_get_u8(&in);
        struct text reason = status == REFUSED ? wire_get_text(&in) : TEXT("");
        if (status > REFUSED)
            in.bad = true;
        if (results != NULL)
            results[i] = (struct queue_result){(enum status)status, arena_copy(arena, reason)};
    }
    return wire_end(&in) ? OK : try_later("the store's answer is malformed");
}

enum status queue_commit(struct queue_message **committed, struct arena *arena,
                         struct queue_result *results)
{
    struct queue_message *message = *committed;
    if (message->status != OK) {
        enum status status = message->status;
        struct reason reason = message->reason;
        queue_abandon(committed);
        return fail_again(status, reason.text);
    }
    struct queue_commit_request commit = {.envelope = *message->envelope,
                                          .appended = message->appended,
                                          .body = buffer_text(&message->body)};
    struct buffer head;
    struct rpc_reply reply = {0};
    buffer_init(&head, RPC_FRAME_MAX);
    queue_commit_encode_head(&commit, &head);
    struct rpc_request request = {QUEUE_COMMIT, buffer_text(&head), &message->body};
    enum status status = head.overflowed ? refused("the envelope is too large")
                                         : rpc_ask_giving(message->store, &request,
                                                          clock_monotonic_ms() + CALL_MS, &reply);
    if (status == OK)
        status = read_results(buffer_text(&reply.bytes), message->envelope->recipient_count, arena,
                              results);
    rpc_reply_finish(&reply);
    buffer_finish(&head);
    free_message(committed);
    return status;
}

void queue_abandon(struct queue_message **message)
{
    if (*message == NULL)
        return;
    if ((*message)->appended > 0) {
        struct buffer request;
        buffer_init(&request, 64);
        wire_put_u64(&request, (*message)->envelope->id);
        /* Lost when the store is down; then the upload went down with it. */
        (void)rpc_tell((*message)->store, QUEUE_ABANDON, buffer_text(&request));
        buffer_finish(&request);
    }
    free_message(message);
}

bool queue_rejection(struct text reason, struct text *words)
{
    struct text prefix = TEXT(QUEUE_REJECTED_REASON);
    *words = text_from_position(reason, prefix.length);
    return text_starts_with(reason, prefix);
}

bool queue_status_reason(struct text reason, struct text *status, struct text *words)
{
    struct text prefix = TEXT(QUEUE_STATUS_REASON);
    struct text rest = text_from_position(reason, prefix.length);
    *status = text_before(rest, ' ');
    *words = text_after(rest, ' ');
    return text_starts_with(reason, prefix) && status->length == 5 && status->data[0] == '5';
}

bool queue_commit_is_full(void)
{
    return text_starts_with(text_from(fail_reason()), TEXT(QUEUE_FULL_REASON));
}

enum status queue_room(struct rpc_channel *store, const struct queue_room_question *question,
                       struct queue_room_answer *answer)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 4096);
    wire_put_u64(&request, question->bytes);
    wire_put_text(&request, question->recipient);
    wire_put_text(&request, question->sender);
    wire_put_text(&request, question->login);
    enum status status = rpc_ask(store, QUEUE_ROOM, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CALL_MS, &reply);
    struct wire_reader in = wire_reader_of(buffer_text(&reply.bytes));
    uint8_t told = wire_get_u8(&in);
    bool is_open = wire_get_u8(&in) == 1;
    struct text reason = wire_get_text(&in);
    bool is_answered = status == OK && wire_end(&in) && told <= REFUSED;
    status = is_answered ? (enum status)told : OK;
    answer->is_open = is_answered && status == OK && is_open;
    text_copy(is_answered ? reason : TEXT(""), answer->reason.text, sizeof(answer->reason.text));
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

enum status queue_read_url(struct rpc_channel *store, const struct queue_url_question *question,
                           struct queue_url_answer *answer)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 64 << 10);
    queue_url_encode(question, &request);
    enum status status = request.overflowed ? try_later("the URL is too long")
                                            : rpc_ask(store, QUEUE_URL, buffer_text(&request), -1,
                                                      clock_monotonic_ms() + CALL_MS, &reply);
    buffer_finish(&request);
    if (status == OK && !queue_url_answer_decode(buffer_text(&reply.bytes), answer))
        status = try_later("the store's answer is malformed");
    rpc_reply_finish(&reply);
    return status == OK ? OK : TRY_LATER;
}

void queue_story(struct rpc_channel *store, uint64_t id, struct text event, struct text text)
{
    enum { BACKLOG_MOST = 1 << 20 };
    if (rpc_pending_bytes(store) > BACKLOG_MOST)
        return;
    struct buffer message;
    buffer_init(&message, 1 << 16);
    wire_put_u64(&message, id);
    wire_put_text(&message, event);
    wire_put_text(&message, text_head(text, 4096));
    (void)rpc_tell(store, QUEUE_STORY, buffer_text(&message)); /* lost while it restarts */
    buffer_finish(&message);
}

void queue_count_filtered(struct rpc_channel *store, enum queue_filtered what)
{
    const char byte = (char)what;
    (void)rpc_tell(store, QUEUE_FILTERED, text_of(&byte, 1)); /* lost while it restarts */
}

void queue_count_checked(struct rpc_channel *store, bool is_sender_id, enum spf_result result)
{
    const char bytes[] = {(char)is_sender_id, (char)result};
    (void)rpc_tell(store, QUEUE_CHECKED, text_of(bytes, sizeof(bytes)));
}

enum status queue_jobs_decode(struct text bytes, struct arena *arena, struct queue_job **jobs,
                              unsigned *count)
{
    struct wire_reader in = wire_reader_of(arena_copy(arena, bytes));
    uint32_t sent = wire_get_u32(&in);
    if (in.bad || sent > QUEUE_JOBS_MAX)
        return try_later("the store's answer is malformed");
    *jobs = arena_array(arena, sent, sizeof(**jobs));
    for (*count = 0; *count < sent; ++*count)
        if (!queue_job_decode(&in, arena, &(*jobs)[*count]))
            return try_later("the store's answer is malformed");
    return wire_end(&in) ? OK : try_later("the store's answer is malformed");
}

enum status queue_lease(struct rpc_channel *store, unsigned max, struct arena *arena,
                        struct queue_job **jobs, unsigned *count)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 64);
    wire_put_u32(&request, max);
    enum status status =
        rpc_ask(store, QUEUE_LEASE, buffer_text(&request), -1, NO_DEADLINE, &reply);
    buffer_finish(&request);
    if (status == OK)
        status = queue_jobs_decode(buffer_text(&reply.bytes), arena, jobs, count);
    rpc_reply_finish(&reply);
    return status;
}

enum status queue_read_body(struct rpc_channel *store, const struct queue_job *job, uint64_t offset,
                            uint32_t length, struct buffer *out)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 64);
    wire_put_u64(&request, job->lease);
    wire_put_u64(&request, offset);
    wire_put_u32(&request, length);
    enum status status = rpc_ask(store, QUEUE_BODY, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CALL_MS, &reply);
    buffer_finish(&request);
    if (status == OK && reply.bytes.length > length)
        status = try_later("the store sent more of the body than asked for");
    else if (status == OK && out->length == 0 && length <= out->limit) {
        reply.bytes.limit = out->limit;
        buffer_finish(out);
        *out = reply.bytes;
        return OK;
    } else if (status == OK && !buffer_append(out, buffer_text(&reply.bytes)))
        status = try_later("there is no room for the body");
    rpc_reply_finish(&reply);
    return status;
}

enum status queue_claim(struct rpc_channel *store, const struct queue_claim *claims, unsigned count)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, RPC_FRAME_MAX);
    queue_claims_encode(claims, count, &request);
    enum status status = rpc_ask(store, QUEUE_CLAIM, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CALL_MS, &reply);
    buffer_finish(&request);
    rpc_reply_finish(&reply);
    return status;
}

enum status queue_report(struct rpc_channel *store, const struct queue_job *job,
                         const struct queue_outcome *outcomes, unsigned count)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, RPC_FRAME_MAX);
    queue_report_encode(job->lease, outcomes, count, &request);
    enum status status = request.overflowed ? refused("the report is too large")
                                            : rpc_ask(store, QUEUE_REPORT, buffer_text(&request),
                                                      -1, clock_monotonic_ms() + REPORT_MS, &reply);
    buffer_finish(&request);
    rpc_reply_finish(&reply);
    return status;
}
