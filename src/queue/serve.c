/* What the other roles ask of the queue. Every byte is read as from a stranger: a front is where
 * hostile input is parsed, and may have been taken over. */
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/memory.h"
#include "protolog/gather.h"
#include "protolog/writer.h"
#include "queue/internal.h"
#include "queue/turn/turn.h"
#include "store/sync_point.h"

enum { UPLOADS_MOST = 10000, JOBS_BYTES = 2 << 20, READ_AGAIN_MS = MINUTE };

struct slot_key {
    struct rpc_channel *channel;
    uint64_t id;
};

static void answer(struct rpc_call *call, enum status status)
{
    sync_point("before-answer");
    if (status == OK)
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, status, fail_reason());
}

static struct upload_slot *slot_find(struct queue *queue, struct rpc_channel *channel, uint64_t id)
{
    struct slot_key key = {channel, id};
    return map_get(queue->uploads, text_of(&key, sizeof(key)));
}

static void slot_free(struct queue *queue, struct upload_slot *slot)
{
    struct slot_key key = {slot->channel, slot->id};
    map_remove(queue->uploads, text_of(&key, sizeof(key)));
    upload_free(&slot->upload);
    free(slot);
}

static struct upload_slot *slot_new(struct queue *queue, struct rpc_channel *channel, uint64_t id)
{
    struct slot_key key = {channel, id};
    struct upload_slot *slot = calloc(1, sizeof(*slot));
    check(slot != NULL);
    slot->id = id;
    slot->channel = channel;
    slot->upload = upload_new(queue->store, id);
    map_put(queue->uploads, text_of(&key, sizeof(key)), slot);
    return slot;
}

/* The call on it has ended; what was abandoned meanwhile goes. */
static void slot_end_call(struct queue *queue, struct upload_slot *slot)
{
    slot->busy = false;
    if (slot->channel == NULL)
        slot_free(queue, slot);
}

static void slot_abandon(struct queue *queue, struct upload_slot *slot)
{
    if (!slot->busy) {
        slot_free(queue, slot);
        return;
    }
    struct slot_key key = {slot->channel, slot->id};
    map_remove(queue->uploads, text_of(&key, sizeof(key)));
    slot->channel = NULL;
}

struct front_watch {
    struct queue *queue;
    struct rpc_channel *channel;
    struct list link;
};

static void front_lost(void *argument)
{
    struct front_watch *watch = argument;
    struct queue *queue = watch->queue;
    bool again = true;
    while (again) { /* the map must not change under the walk */
        size_t position = 0;
        void *value;
        again = false;
        while (!again && map_next(queue->uploads, &position, NULL, &value))
            again = ((struct upload_slot *)value)->channel == watch->channel;
        if (again)
            slot_abandon(queue, value);
    }
}

void queue_watch_front(struct queue *queue, struct rpc_channel *channel)
{
    struct front_watch *watch = calloc(1, sizeof(*watch));
    check(watch != NULL);
    watch->queue = queue;
    watch->channel = channel;
    list_append(&queue->watches, &watch->link);
    rpc_channel_on_down(channel, front_lost, watch);
}

void serve_finish(struct queue *queue)
{
    list_each(link, &queue->watches)
    {
        struct front_watch *watch = list_entry(link, struct front_watch, link);
        rpc_channel_on_down(watch->channel, NULL, NULL);
        front_lost(watch);
        free(watch);
    }
}

void serve_room_changed(struct queue *queue)
{
    list_each(link, &queue->watches)
    {
        /* A channel that is down has nobody behind it who keeps any. */
        const struct front_watch *watch = list_entry(link, struct front_watch, link);
        if (rpc_channel_is_up(watch->channel))
            (void)rpc_tell(watch->channel, FRONT_ROOM_CHANGED, TEXT(""));
    }
}

struct rpc_channel *serve_some_front(struct queue *queue)
{
    list_each(link, &queue->watches)
    {
        struct front_watch *watch = list_entry(link, struct front_watch, link);
        if (!rpc_channel_is_up(watch->channel))
            continue;
        list_remove(link);
        list_append(&queue->watches, link);
        return watch->channel;
    }
    return NULL;
}

/* RFC 5321 has one answer for all kinds of room. */
static enum status check_memory(enum memory_for what, size_t bytes)
{
    return memory_ask(what, bytes) == OK ? OK : try_later(QUEUE_FULL_REASON ": no memory");
}

/* A statvfs a second: 452 has to come before the disk is full (RFC 5321 4.5.3.1.9). */
enum status queue_check_room(struct queue *queue)
{
    int64_t now = clock_monotonic_ms();
    const struct settings *settings = queue->settings;
    struct statvfs space;
    if ((queue->free_checked_ms == 0 || now - queue->free_checked_ms >= SECOND) &&
        statvfs(queue->directory, &space) == 0) {
        queue->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
        queue->free_checked_ms = now;
    }
    if (queue->free_checked_ms != 0 && queue->free_bytes < settings->min_free_bytes)
        return try_later(QUEUE_FULL_REASON ": %llu MB free",
                         (unsigned long long)(queue->free_bytes >> 20));
    return check_memory(MEMORY_FOR_MESSAGE, 0);
}

static enum status check_space(struct queue *queue)
{
    const struct settings *settings = queue->settings;
    enum status status = queue_check_room(queue);
    if (status != OK)
        return status;
    if (map_count(queue->messages) >= settings->max_queue_messages)
        return try_later(QUEUE_FULL_REASON ": %zu messages in the queue",
                         map_count(queue->messages));
    return OK;
}

static enum status check_serving(const struct queue *queue)
{
    return queue->serving ? OK : try_later("the store is not open");
}

enum status serve_begin_call(struct queue *queue)
{
    queue->calls++;
    enum status status = check_serving(queue);
    if (status == OK)
        schedule_heed_clock(queue);
    return status;
}

void serve_end_call(struct queue *queue)
{
    if (--queue->calls == 0)
        task_event_tell_all(&queue->call_ended);
}

static enum status append_chunk(struct queue *queue, struct rpc_channel *channel,
                                struct text request)
{
    struct wire_reader in = wire_reader_of(request);
    uint64_t id = wire_get_u64(&in), offset = wire_get_u64(&in);
    struct text bytes = wire_get_text(&in);
    if (!wire_end(&in) || id == 0 || bytes.length == 0 || bytes.length > QUEUE_INLINE_MAX)
        return refused("malformed request");
    struct upload_slot *slot = slot_find(queue, channel, id);
    if (slot == NULL && offset == 0) {
        enum status status = check_space(queue);
        if (status != OK)
            return status;
        if (map_count(queue->uploads) >= UPLOADS_MOST)
            return try_later("too many large messages at once");
        slot = slot_new(queue, channel, id);
    }
    if (slot != NULL && check_memory(MEMORY_FOR_REST, bytes.length) != OK)
        return TRY_LATER;
    if (slot == NULL || slot->busy || upload_size(slot->upload) != offset)
        return try_later("a part of the message was lost");
    slot->busy = true;
    enum status status = upload_append(slot->upload, bytes);
    slot_end_call(queue, slot);
    return status;
}

static void serve_append(void *context, struct rpc_call *call, struct text request)
{
    enum status status = serve_begin_call(context);
    if (status == OK)
        status = append_chunk(context, rpc_call_channel(call), request);
    answer(call, status);
    serve_end_call(context);
}

static void serve_abandon(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct wire_reader in = wire_reader_of(request);
    uint64_t id = wire_get_u64(&in);
    struct upload_slot *slot = queue->serving ? slot_find(queue, rpc_call_channel(call), id) : NULL;
    if (slot != NULL)
        slot_abandon(queue, slot);
}

/* The rest of a large body. It becomes durable with the record that says whose it is. */
static enum status finish_upload(struct upload_slot *slot, struct text rest,
                                 struct acceptance *acceptance)
{
    enum status status = upload_append(slot->upload, rest);
    acceptance->upload = slot->upload;
    acceptance->size = upload_size(slot->upload);
    acceptance->body = TEXT("");
    return status;
}

static bool id_is_taken(struct queue *queue, uint64_t id, struct arena *arena)
{
    struct message message;
    return map_get(queue->committing, MAP_KEY(id)) != NULL ||
           store_message(queue->store, id, arena, &message);
}

static enum status commit_with_upload(struct queue *queue, struct upload_slot *slot,
                                      const struct queue_commit_request *request,
                                      struct arena *arena, struct queue_result *results)
{
    struct acceptance acceptance = {.envelope = &request->envelope,
                                    .body = request->body,
                                    .size = request->body.length,
                                    .results = results,
                                    .results_arena = arena};
    uint64_t id = request->envelope.id;
    enum status status = OK;
    map_put(queue->committing, MAP_KEY(id), queue);
    if (slot != NULL) {
        slot->busy = true;
        status = finish_upload(slot, request->body, &acceptance);
    }
    if (status == OK)
        status = accept_message(queue, &acceptance);
    map_remove(queue->committing, MAP_KEY(id));
    if (slot != NULL) {
        slot->busy = false;
        if (slot->channel == NULL) /* abandoned, and out of the map already */
            slot_end_call(queue, slot);
        else
            slot_free(queue, slot);
    }
    return status;
}

static enum status commit(struct queue *queue, struct rpc_channel *channel, struct text bytes,
                          struct arena *arena, struct buffer *results)
{
    struct queue_commit_request request;
    if (!queue_commit_decode(bytes, arena, &request))
        return refused("malformed request");
    struct upload_slot *slot = slot_find(queue, channel, request.envelope.id);
    uint64_t appended = slot == NULL ? 0 : upload_size(slot->upload);
    if (appended != request.appended || (slot != NULL && slot->busy))
        return try_later("a part of the message was lost");
    /* Of two fronts that hit on one id in the same millisecond the later tries again. */
    if (id_is_taken(queue, request.envelope.id, arena))
        return try_later("there is a message of this id");
    enum status status = check_space(queue);
    unsigned count = request.envelope.recipient_count;
    struct queue_result *outcomes = arena_array(arena, count, sizeof(*outcomes));
    if (status == OK)
        status = commit_with_upload(queue, slot, &request, arena, outcomes);
    else if (slot != NULL)
        slot_abandon(queue, slot);
    for (unsigned i = 0; i < count; i++) {
        wire_put_u8(results, (uint8_t)outcomes[i].status);
        if (outcomes[i].status == REFUSED)
            wire_put_text(results, outcomes[i].reason);
    }
    return status;
}

static void serve_commit(void *context, struct rpc_call *call, struct text request)
{
    struct arena arena;
    struct buffer results;
    arena_init(&arena);
    buffer_init(&results, RPC_FRAME_MAX - 64);
    enum status status = serve_begin_call(context);
    if (status == OK)
        status = commit(context, rpc_call_channel(call), request, &arena, &results);
    if (status == OK) {
        sync_point("before-answer");
        rpc_answer(&call, buffer_text(&results));
    } else {
        answer(call, status);
    }
    buffer_finish(&results);
    arena_finish(&arena);
    serve_end_call(context);
}

static void serve_story(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    unused(call);
    struct wire_reader in = wire_reader_of(request);
    uint64_t id = wire_get_u64(&in);
    struct text event = wire_get_text(&in), text = wire_get_text(&in);
    if (wire_end(&in) && id != 0 && queue->serving)
        store_story(queue->store, id, event, text);
}

/* That we can't do our part of sending it is no fault of its hop. NULL: we could. */
static void note_failure(struct queue *queue, struct queued_item *item, const char *reason)
{
    if (reason == NULL && !item->has_failed)
        return;
    item->has_failed = reason != NULL;
    if (reason != NULL)
        item->next_try_ms = clock_wall_ms() + READ_AGAIN_MS;
    named_place(queue, item);
    named_note(queue, NAMED_FAILED, reason);
}

/* Jobs into out; how many. Ends early, with 0, when the send process went away. */
static unsigned lease_jobs(struct queue *queue, unsigned most, struct buffer *out, int64_t *wake_ms)
{
    uint64_t losses = queue->send_losses;
    unsigned count = 0;
    while (count < most && out->length < JOBS_BYTES) {
        struct queued_item *item = schedule_lease(queue, wake_ms);
        if (item == NULL)
            return count;
        enum status status = job_put(queue, item, out);
        if (losses != queue->send_losses)
            return 0;
        if (status == REFUSED)
            continue;
        note_failure(queue, item, status == OK ? NULL : fail_reason());
        if (status == OK)
            count++;
        else
            schedule_release(queue, item);
    }
    return count;
}

static enum status lease(struct queue *queue, struct text request, struct buffer *jobs,
                         unsigned *count)
{
    struct wire_reader in = wire_reader_of(request);
    uint32_t most = wire_get_u32(&in);
    uint64_t losses = queue->send_losses;
    if (!wire_end(&in) || most == 0)
        return refused("malformed request");
    if (most > QUEUE_JOBS_MAX)
        most = QUEUE_JOBS_MAX;
    enum status status = OK;
    while (status == OK) {
        int64_t wake_ms = INT64_MAX;
        *count = lease_jobs(queue, most, jobs, &wake_ms);
        if (losses != queue->send_losses)
            return try_later("the send process went away");
        if (*count > 0)
            return OK;
        if (task_event_wait(&queue->work, schedule_deadline(wake_ms)) != OK && task_is_cancelled())
            return try_later("the store is closing");
        status = check_serving(queue);
        if (losses != queue->send_losses)
            return try_later("the send process went away");
    }
    return status;
}

void serve_jobs(struct queue *queue, struct rpc_call *call, struct text request,
                serve_jobs_lease *give)
{
    struct buffer jobs;
    unsigned count = 0;
    buffer_init(&jobs, RPC_FRAME_MAX - 64);
    wire_put_u32(&jobs, count);
    enum status status = serve_begin_call(queue);
    if (status == OK)
        status = give(queue, request, &jobs, &count);
    wire_set_u32(&jobs, 0, count);
    if (status == OK)
        rpc_answer(&call, buffer_text(&jobs));
    else
        rpc_fail(&call, status, fail_reason());
    buffer_finish(&jobs);
    serve_end_call(queue);
}

static void serve_lease(void *context, struct rpc_call *call, struct text request)
{
    serve_jobs(context, call, request, lease);
}

static void serve_body(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct wire_reader in = wire_reader_of(request);
    uint64_t number = wire_get_u64(&in), offset = wire_get_u64(&in);
    uint32_t length = wire_get_u32(&in);
    struct buffer body;
    buffer_init(&body, QUEUE_BODY_CHUNK + STORE_READ_SLACK);
    enum status status = serve_begin_call(queue);
    struct queued_item *item = status == OK ? map_get(queue->leases, MAP_KEY(number)) : NULL;
    if (!wire_end(&in) || length > QUEUE_BODY_CHUNK)
        status = refused("malformed request");
    else if (status == OK && item == NULL)
        status = refused("the lease has ended");
    if (status == OK)
        status = job_read(queue, item, offset, length, &body);
    if (status == OK)
        rpc_answer_giving(&call, &body);
    else
        rpc_fail(&call, status, fail_reason());
    buffer_finish(&body);
    serve_end_call(context);
}

/* From a send process that outlived the store before us. */
static enum status claim(struct queue *queue, struct text request, struct arena *arena)
{
    struct queue_claim *claims;
    unsigned count, known = 0;
    if (!queue_claims_decode(request, arena, &claims, &count))
        return refused("malformed request");
    for (unsigned i = 0; i < count; i++)
        known += schedule_lease_again(queue, &claims[i]);
    log_info("queue.claimed", "jobs=%u known=%u", count, known);
    return OK;
}

static void serve_claim(void *context, struct rpc_call *call, struct text request)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = serve_begin_call(context);
    if (status == OK)
        status = claim(context, request, &arena);
    answer(call, status);
    arena_finish(&arena);
    serve_end_call(context);
}

static enum status report(struct queue *queue, struct text request, struct arena *arena)
{
    struct queue_report_request decoded;
    if (!queue_report_decode(request, arena, &decoded))
        return refused("malformed request");
    struct queued_item *item = map_get(queue->leases, MAP_KEY(decoded.lease));
    if (item == NULL)
        return refused("the lease has ended");
    if (item->busy)
        return try_later("a report of it is being written");
    uint64_t id = item->message->id;
    uint32_t number = item->number;
    item->busy = true;
    enum status status = outcome_record(queue, item, &decoded);
    item = schedule_find(queue, id, number);
    if (item != NULL) {
        item->busy = false;
        item->is_released = false; /* the attempt that was asked for has been made */
        note_failure(queue, item, status == OK ? NULL : fail_reason());
        schedule_release(queue, item);
    }
    return status;
}

static void serve_report(void *context, struct rpc_call *call, struct text request)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = serve_begin_call(context);
    if (status == OK)
        status = report(context, request, &arena);
    answer(call, status);
    arena_finish(&arena);
    serve_end_call(context);
}

static void serve_filtered(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct wire_reader in = wire_reader_of(request);
    uint8_t what = wire_get_u8(&in);
    unused(call);
    if (wire_end(&in) && what < FILTERED_KINDS)
        queue->counters.filtered[what]++;
}

static void serve_rows(void *context, struct rpc_call *call, struct text request)
{
    const struct queue *queue = context;
    unused(call);
    if (queue->protolog != NULL)
        protolog_writer_take(queue->protolog, request);
}

static void serve_checked(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct wire_reader in = wire_reader_of(request);
    uint8_t is_sender_id = wire_get_u8(&in), result = wire_get_u8(&in);
    unused(call);
    if (wire_end(&in) && is_sender_id <= 1 && result < SPF_RESULTS)
        queue->counters.checked[is_sender_id][result]++;
}

const struct rpc_method queue_front_methods[QUEUE_FRONT_METHODS] = {
    {QUEUE_APPEND, 0, "queue append", serve_append},
    {QUEUE_COMMIT, 0, "queue commit", serve_commit},
    {QUEUE_ABANDON, RPC_INLINE | RPC_ONE_WAY, "queue abandon", serve_abandon},
    {QUEUE_STORY, RPC_INLINE | RPC_ONE_WAY, "queue story", serve_story},
    {QUEUE_URL, 0, "queue url", queue_serve_url},
    {QUEUE_ETRN, 0, "queue etrn", queue_serve_etrn},
    {QUEUE_ROOM, 0, "queue room", queue_serve_room},
    {QUEUE_LINK_ANSWER, RPC_INLINE, "queue link answer", queue_serve_link_answer},
    {QUEUE_FILTERED, RPC_INLINE | RPC_ONE_WAY, "queue filtered", serve_filtered},
    {PROTOLOG_ROWS, RPC_INLINE | RPC_ONE_WAY, "protocol log rows", serve_rows},
    {QUEUE_CHECKED, RPC_INLINE | RPC_ONE_WAY, "queue checked", serve_checked},
};
const struct rpc_method queue_send_methods[QUEUE_SEND_METHODS] = {
    {QUEUE_LEASE, 0, "queue lease", serve_lease},
    {QUEUE_BODY, 0, "queue body", serve_body},
    {QUEUE_CLAIM, 0, "queue claim", serve_claim},
    {QUEUE_REPORT, 0, "queue report", serve_report},
    {QUEUE_STORY, RPC_INLINE | RPC_ONE_WAY, "queue story", serve_story},
    {QUEUE_TURN_LEASE, 0, "queue turn lease", queue_serve_turn_lease},
    {QUEUE_TURN_END, RPC_INLINE, "queue turn end", queue_serve_turn_end},
    {QUEUE_RECEIVE, 0, "queue receive", queue_serve_receive},
    {QUEUE_LINK_SAY, RPC_INLINE, "queue link say", queue_serve_link_say},
    {PROTOLOG_ROWS, RPC_INLINE | RPC_ONE_WAY, "protocol log rows", serve_rows},
};
void queue_serve_story(void *context, struct rpc_call *call, struct text request)
{
    serve_story(context, call, request);
}
