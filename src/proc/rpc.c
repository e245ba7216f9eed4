/* Frames gather while tasks run and go out in one write when the sending task gets its turn, so a
 * busy loop pays one system call for many calls. */
#include "proc/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/map.h"
#include "proc/rpc_frame.h"
#include "proc/rpc_input.h"
#include "proc/rpc_output.h"
#include "task/io.h"

enum { PENDING_MAX = 256 << 20 };
/* Served at once for one peer. Beyond that its further requests wait in the socket. */
enum { CALLS_MOST = 2048, CALL_BYTES_MOST = 256 << 20 };

/* One connected socket. Lives until its two tasks and the calls that came by it have ended. */
struct rpc_link {
    struct rpc_channel *channel; /* NULL once the channel has another link, or is closed */
    struct task_io io;
    struct task_event wanted; /* there is output, or the link is dead */
    struct task_event ended;
    struct rpc_output output;
    struct rpc_input input;
    unsigned holders;
    unsigned calls; /* being served by tasks */
    size_t call_bytes;
    struct task_event eased; /* fewer calls, or the link is dead */
    bool dead;
};

struct waiting_call {
    struct task_event answered;
    struct rpc_reply *reply;
    enum status status;
    char reason[REASON_BYTES];
    bool done;
};

struct rpc_channel {
    const char *name;
    const struct rpc_method *methods;
    unsigned method_count;
    void *context;
    struct task_group *group;
    struct task_group link_tasks;
    struct rpc_link *link; /* NULL while down */
    struct map *waiting;   /* call number -> struct waiting_call */
    uint32_t last_call;
    void (*on_down)(void *);
    void *on_down_argument;
    bool refusing;
};

struct rpc_call {
    struct rpc_link *link;
    const struct rpc_method *method;
    void *context;
    struct buffer request;
    uint32_t number;
    size_t counted_bytes; /* in link->call_bytes */
    bool counted;         /* in link->calls */
    int fd;
};

struct rpc_channel *rpc_channel_new(const char *name, const struct rpc_method *methods,
                                    unsigned method_count, void *context, struct task_group *group)
{
    struct rpc_channel *channel = calloc(1, sizeof(*channel));
    check(channel != NULL);
    channel->name = name;
    channel->methods = methods;
    channel->method_count = method_count;
    channel->context = context;
    channel->group = group;
    channel->waiting = map_new();
    task_group_init(&channel->link_tasks);
    return channel;
}

static void link_release(struct rpc_link *link)
{
    if (--link->holders > 0)
        return;
    rpc_output_finish(&link->output);
    free(link);
}

/* No more bytes go either way; the calls waiting for answers by it fail. */
static void link_kill(struct rpc_link *link)
{
    if (link->dead)
        return;
    link->dead = true;
    shutdown(link->io.fd, SHUT_RDWR);
    task_io_wake(&link->io);
    task_event_tell_all(&link->wanted);
    task_event_tell_all(&link->ended);
    task_event_tell_all(&link->eased);
    struct rpc_channel *channel = link->channel;
    link->channel = NULL;
    if (channel == NULL || channel->link != link)
        return;
    channel->link = NULL;
    size_t position = 0;
    void *value;
    while (map_next(channel->waiting, &position, NULL, &value)) {
        struct waiting_call *call = value;
        call->status = TRY_LATER;
        snprintf(call->reason, sizeof(call->reason), "the %s process went away", channel->name);
        call->done = true;
        task_event_tell_all(&call->answered);
    }
    if (channel->on_down != NULL)
        channel->on_down(channel->on_down_argument);
}

/* rest: of the payload, taken over; NULL: there is no more of it. */
static void frame_append(struct rpc_link *link, const struct rpc_frame *frame, struct buffer *rest)
{
    struct buffer *out = &link->output.bytes;
    bool was_idle = rpc_output_length(&link->output) == 0;
    size_t rest_length = rest == NULL ? 0 : rest->length;
    rpc_frame_put_head(out, frame, frame->payload.length + rest_length);
    buffer_append(out, frame->payload);
    if (rest != NULL)
        rpc_output_give(&link->output, rest);
    if (was_idle)
        task_event_tell_all(&link->wanted);
}

/* ---- sending ---- */

/* YIELDS. */
static bool send_batch(struct rpc_link *link, struct rpc_output *batch)
{
    while (!link->dead && !rpc_output_is_sent(batch)) {
        if (rpc_output_send(batch, link->io.fd) >= 0 || errno == EINTR)
            continue;
        if (errno != EAGAIN || task_io_wait(&link->io, TASK_WRITE, NO_DEADLINE) != OK)
            return false;
    }
    return !link->dead;
}

static void send_task(void *argument)
{
    struct rpc_link *link = argument;
    while (!link->dead) {
        if (rpc_output_length(&link->output) == 0) {
            if (task_event_wait(&link->wanted, NO_DEADLINE) != OK)
                break;
            continue;
        }
        struct rpc_output batch;
        rpc_output_move(&batch, &link->output);
        bool sent = send_batch(link, &batch);
        rpc_output_finish(&batch);
        if (!sent)
            break;
    }
    link_kill(link);
    link_release(link);
}

/* ---- receiving ---- */

static void serve_task(void *argument)
{
    struct rpc_call *call = argument;
    struct buffer request = call->request;
    call->method->serve(call->context, call, buffer_text(&request));
    rpc_bytes_finish(&request);
}

static void call_free(struct rpc_call **call)
{
    struct rpc_link *link = (*call)->link;
    if ((*call)->fd >= 0)
        close((*call)->fd);
    if ((*call)->counted) {
        link->calls--;
        link->call_bytes -= (*call)->counted_bytes;
        task_event_tell_all(&link->eased);
    }
    link_release(link);
    free(*call);
    *call = NULL;
}

/* One-way handlers have nobody to answer, so the call ends with them. */
static void serve_one_way_task(void *argument)
{
    struct rpc_call *call = argument;
    serve_task(call);
    call_free(&call);
}

static const struct rpc_method *method_find(const struct rpc_channel *channel, uint16_t number)
{
    for (unsigned i = 0; i < channel->method_count; i++)
        if (channel->methods[i].number == number)
            return &channel->methods[i];
    return NULL;
}

static void take_request(struct rpc_link *link, struct rpc_received *received)
{
    const struct rpc_frame *frame = &received->frame;
    struct rpc_channel *channel = link->channel;
    struct rpc_call *call = calloc(1, sizeof(*call));
    check(call != NULL);
    call->link = link;
    call->number = frame->kind == RPC_REQUEST ? frame->call : 0;
    call->fd = received->fd;
    call->context = channel->context;
    call->method = method_find(channel, frame->method);
    link->holders++;
    if (channel->refusing) {
        rpc_fail(&call, TRY_LATER, "the process is stopping");
        return;
    }
    if (call->method == NULL ||
        ((call->method->flags & RPC_ONE_WAY) != 0) != (frame->kind == RPC_MESSAGE)) {
        log_error("rpc.refused", "peer=%s method=%u", channel->name, frame->method);
        rpc_fail(&call, REFUSED, "no such method on this channel");
        return;
    }
    if ((call->method->flags & RPC_INLINE) != 0) {
        task_no_yield_begin();
        call->method->serve(call->context, call, frame->payload);
        task_no_yield_end();
        if (frame->kind == RPC_MESSAGE)
            call_free(&call);
        return;
    }
    call->counted = true;
    call->counted_bytes = frame->payload.length;
    link->calls++;
    link->call_bytes += call->counted_bytes;
    if (received->whole.data != NULL) {
        call->request = received->whole;
        buffer_init(&received->whole, 0);
    } else {
        buffer_init(&call->request, frame->payload.length);
        buffer_append(&call->request, frame->payload);
    }
    task_spawn(channel->group, call->method->name,
               frame->kind == RPC_MESSAGE ? serve_one_way_task : serve_task, call);
}

static void take_answer(struct rpc_link *link, struct rpc_received *received)
{
    const struct rpc_frame *frame = &received->frame;
    if (received->fd >= 0)
        close(received->fd); /* answers carry none */
    struct waiting_call *call = map_get(link->channel->waiting, MAP_KEY(frame->call));
    if (call == NULL || call->done)
        return; /* the caller has given up */
    call->status = frame->status;
    if (call->status == OK && received->whole.data != NULL) {
        call->reply->bytes = received->whole;
        buffer_init(&received->whole, 0);
    } else if (call->status == OK)
        buffer_append(&call->reply->bytes, frame->payload);
    else
        text_copy(text_head(frame->payload, REASON_BYTES - 1), call->reason, REASON_BYTES);
    call->done = true;
    task_event_tell_all(&call->answered);
}

static bool is_busy(const struct rpc_link *link)
{
    return link->calls >= CALLS_MOST || link->call_bytes >= CALL_BYTES_MOST;
}

/* Until there is room for more calls. False: cancelled. YIELDS. */
static bool await_ease(struct rpc_link *link)
{
    while (is_busy(link) && !link->dead)
        if (task_event_wait(&link->eased, NO_DEADLINE) != OK)
            return false;
    return true;
}

/* Act on every complete frame. False: the peer is out of its mind. YIELDS while there is no room
 * for more calls. */
static bool take_frames(struct rpc_link *link)
{
    struct rpc_received received;
    enum rpc_next next = RPC_INCOMPLETE;
    while (await_ease(link) && !link->dead &&
           (next = rpc_input_next(&link->input, &received)) == RPC_COMPLETE) {
        if (received.frame.kind == RPC_ANSWER)
            take_answer(link, &received);
        else
            take_request(link, &received);
        buffer_finish(&received.whole);
    }
    return next != RPC_GARBAGE;
}

/* At least one byte more. False: the link is at its end. YIELDS. */
static bool receive(struct rpc_link *link)
{
    while (!link->dead) {
        if ((link->io.ready & TASK_READ) == 0 &&
            task_io_wait(&link->io, TASK_READ, NO_DEADLINE) != OK)
            return false;
        bool drained;
        ssize_t count = rpc_input_read(&link->input, link->io.fd, &drained);
        if (count < 0 && errno == EAGAIN)
            link->io.ready &= ~(unsigned)TASK_READ;
        else if (count >= 0 || errno != EINTR) {
            if (drained)
                task_io_drained(&link->io);
            return count > 0;
        }
    }
    return false;
}

static void receive_task(void *argument)
{
    struct rpc_link *link = argument;
    bool sane = true;
    while (sane && receive(link))
        sane = take_frames(link);
    if (!sane)
        log_error("rpc.garbage", "peer=%s", link->channel == NULL ? "?" : link->channel->name);
    rpc_input_finish(&link->input);
    link_kill(link);
    link_release(link);
}

/* Closes the descriptor after both tasks have ended, so that its number is not reused under them.
 */
static void link_task(void *argument)
{
    struct rpc_link *link = argument;
    struct task_group tasks;
    task_group_init(&tasks);
    link->holders += 2;
    task_spawn(&tasks, "rpc-send", send_task, link);
    task_spawn(&tasks, "rpc-receive", receive_task, link);
    while (!link->dead)
        if (task_event_wait(&link->ended, NO_DEADLINE) != OK)
            link_kill(link);
    task_group_finish(&tasks);
    int fd = link->io.fd;
    task_io_close(&link->io);
    close(fd);
    link_release(link);
}

void rpc_channel_connect(struct rpc_channel *channel, int fd)
{
    if (channel->link != NULL)
        link_kill(channel->link);
    struct rpc_link *link = calloc(1, sizeof(*link));
    check(link != NULL);
    link->channel = channel;
    link->holders = 1;
    task_event_init(&link->wanted);
    task_event_init(&link->ended);
    task_event_init(&link->eased);
    rpc_output_init(&link->output, PENDING_MAX);
    rpc_input_init(&link->input);
    if (task_io_open(&link->io, fd) != OK) {
        log_error("rpc.connect", "peer=%s reason=%s", channel->name,
                  log_text(text_from(fail_reason())));
        close(fd);
        link_release(link);
        return;
    }
    channel->link = link;
    task_spawn(&channel->link_tasks, "rpc-link", link_task, link);
}

bool rpc_channel_is_up(const struct rpc_channel *channel)
{
    return channel->link != NULL;
}

void rpc_channel_on_down(struct rpc_channel *channel, void (*on_down)(void *), void *argument)
{
    channel->on_down = on_down;
    channel->on_down_argument = argument;
}

void rpc_channel_refuse(struct rpc_channel *channel)
{
    if (channel != NULL)
        channel->refusing = true;
}

void rpc_channel_close(struct rpc_channel **channel)
{
    struct rpc_channel *closing = *channel;
    if (closing == NULL)
        return;
    *channel = NULL;
    closing->on_down = NULL;
    if (closing->link != NULL)
        link_kill(closing->link);
    task_group_finish(&closing->link_tasks);
    map_free(&closing->waiting);
    free(closing);
}

struct rpc_channel *rpc_call_channel(const struct rpc_call *call)
{
    return call->link->channel;
}

size_t rpc_pending_bytes(const struct rpc_channel *channel)
{
    return channel->link == NULL ? 0 : rpc_output_length(&channel->link->output);
}

/* ---- calls ---- */

static enum status check_room(const struct rpc_channel *channel, size_t length)
{
    if (channel->link == NULL)
        return try_later("the %s process is not there", channel->name);
    if (length > RPC_FRAME_MAX)
        return refused("a call of %zu bytes is too large", length);
    if (rpc_output_length(&channel->link->output) + length + RPC_HEAD_BYTES > PENDING_MAX)
        return try_later("the %s process is not keeping up", channel->name);
    return OK;
}

/* The frame's number is given out here. YIELDS. */
static enum status await_answer(struct rpc_channel *channel, struct rpc_frame *frame,
                                struct buffer *rest, int64_t deadline_ms, struct rpc_reply *reply)
{
    struct waiting_call call = {.reply = reply};
    enum status status = OK;
    frame->kind = RPC_REQUEST;
    frame->call = ++channel->last_call;
    frame_append(channel->link, frame, rest);
    task_event_init(&call.answered);
    map_put(channel->waiting, MAP_KEY(frame->call), &call);
    while (!call.done && status == OK)
        status = task_event_wait(&call.answered, deadline_ms);
    map_remove(channel->waiting, MAP_KEY(frame->call));
    if (!call.done)
        return fail_within(TRY_LATER, "waiting for the %s process", channel->name);
    return fail_again(call.status, call.reason);
}

enum status rpc_ask(struct rpc_channel *channel, uint16_t method, struct text request, int fd,
                    int64_t deadline_ms, struct rpc_reply *reply)
{
    buffer_init(&reply->bytes, RPC_FRAME_MAX);
    enum status status = check_room(channel, request.length);
    if (status != OK) {
        if (fd >= 0)
            close(fd);
        return status;
    }
    if (fd >= 0)
        rpc_output_add_fd(&channel->link->output, fd);
    struct rpc_frame frame = {.method = method, .has_fd = fd >= 0, .payload = request};
    return await_answer(channel, &frame, NULL, deadline_ms, reply);
}

enum status rpc_ask_giving(struct rpc_channel *channel, const struct rpc_request *request,
                           int64_t deadline_ms, struct rpc_reply *reply)
{
    buffer_init(&reply->bytes, RPC_FRAME_MAX);
    enum status status = check_room(channel, request->head.length + request->rest->length);
    struct rpc_frame frame = {.method = request->method, .payload = request->head};
    if (status == OK)
        return await_answer(channel, &frame, request->rest, deadline_ms, reply);
    buffer_finish(request->rest);
    return status;
}

void rpc_reply_finish(struct rpc_reply *reply)
{
    buffer_finish(&reply->bytes);
}

enum status rpc_tell(struct rpc_channel *channel, uint16_t method, struct text message)
{
    enum status status = check_room(channel, message.length);
    struct rpc_frame frame = {.method = method, .kind = RPC_MESSAGE, .payload = message};
    if (status == OK)
        frame_append(channel->link, &frame, NULL);
    return status;
}

/* rest: of the payload, taken over; NULL: there is no more of it. */
static void answer(struct rpc_call **call, enum status status, struct text payload,
                   struct buffer *rest)
{
    struct rpc_link *link = (*call)->link;
    size_t length = payload.length + (rest == NULL ? 0 : rest->length);
    /* A frame that does not fit would leave half of itself: a peer who never reads is cut off. */
    if (!link->dead && rpc_output_length(&link->output) + length + RPC_HEAD_BYTES > PENDING_MAX) {
        log_error("rpc.stalled", "peer=%s", link->channel->name);
        link_kill(link);
    }
    struct rpc_frame frame = {
        .call = (*call)->number, .kind = RPC_ANSWER, .status = (uint8_t)status, .payload = payload};
    if (!link->dead && (*call)->number != 0)
        frame_append(link, &frame, rest);
    if (rest != NULL)
        buffer_finish(rest);
    call_free(call);
}

void rpc_answer(struct rpc_call **call, struct text bytes)
{
    if (bytes.length > RPC_FRAME_MAX)
        answer(call, REFUSED, TEXT("the answer is too large"), NULL);
    else
        answer(call, OK, bytes, NULL);
}

void rpc_answer_giving(struct rpc_call **call, struct buffer *bytes)
{
    check(bytes->limit <= RPC_FRAME_MAX);
    answer(call, OK, TEXT(""), bytes);
}

void rpc_fail(struct rpc_call **call, enum status status, const char *reason)
{
    check(status != OK);
    answer(call, status, text_from(reason), NULL);
}

int rpc_take_fd(struct rpc_call *call)
{
    int fd = call->fd;
    call->fd = -1;
    return fd;
}
