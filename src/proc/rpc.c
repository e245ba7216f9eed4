/* A frame is a header of 16 bytes and a payload. Frames gather while tasks run and go out in one
 * write when the sending task gets its turn, so a busy loop pays one system call for many calls. */
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
#include "proc/rpc_output.h"
#include "task/io.h"

enum {
    HEADER_BYTES = 16,
    READ_FIRST = 16 << 10,
    READ_BYTES = 256 << 10,
    PENDING_MAX = 256 << 20,
    FDS_MAX = 64
};
/* Served at once for one peer. Beyond that its further requests wait in the socket. */
enum { CALLS_MOST = 2048, CALL_BYTES_MOST = 256 << 20 };
enum kind { KIND_REQUEST = 1, KIND_ONE_WAY = 2, KIND_ANSWER = 3, KIND_KINDS };

/* A frame that has come in part, and is too large to be gathered among others and copied. */
struct large_frame {
    struct rpc_frame frame;
    struct buffer payload; /* of just that limit, all of it reserved; no data: no such frame */
};

/* One connected socket. Lives until its two tasks and the calls that came by it have ended. */
struct rpc_link {
    struct rpc_channel *channel; /* NULL once the channel has another link, or is closed */
    struct task_io io;
    struct task_event wanted; /* there is output, or the link is dead */
    struct task_event ended;
    struct rpc_output output;
    struct large_frame large;
    int fds_received[FDS_MAX]; /* in order of arrival, not yet claimed by a frame */
    unsigned fd_count;
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
    for (unsigned i = 0; i < link->fd_count; i++)
        close(link->fds_received[i]);
    rpc_output_finish(&link->output);
    buffer_finish(&link->large.payload);
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
    wire_put_u32(out, (uint32_t)(frame->payload.length + rest_length));
    wire_put_u32(out, frame->call);
    wire_put_u16(out, frame->method);
    wire_put_u8(out, frame->kind);
    wire_put_u8(out, frame->status);
    wire_put_u32(out, frame->has_fd);
    buffer_append(out, frame->payload);
    if (rest != NULL)
        rpc_output_give(&link->output, rest);
    if (was_idle)
        task_event_tell_all(&link->wanted);
}

/* All but the payload, which *rest then begins with. */
static bool head_parse(struct text *rest, struct rpc_frame *frame, uint32_t *length)
{
    struct wire_reader in = wire_reader_of(*rest);
    *length = wire_get_u32(&in);
    frame->call = wire_get_u32(&in);
    frame->method = wire_get_u16(&in);
    frame->kind = wire_get_u8(&in);
    frame->status = wire_get_u8(&in);
    uint32_t flags = wire_get_u32(&in);
    frame->has_fd = flags == 1;
    *rest = in.rest;
    return !in.bad && *length <= RPC_FRAME_MAX && frame->kind >= KIND_REQUEST &&
           frame->kind < KIND_KINDS && frame->status <= REFUSED && flags <= 1;
}

bool rpc_frame_parse(struct text *rest, struct rpc_frame *frame)
{
    uint32_t length;
    struct text payload = *rest;
    if (!head_parse(&payload, frame, &length) || payload.length < length)
        return false;
    frame->payload = text_head(payload, length);
    *rest = text_from_position(payload, length);
    return true;
}

/* The whole length of the frame at the start of bytes, header included; 0: header incomplete. */
static size_t frame_length(struct text bytes)
{
    if (bytes.length < HEADER_BYTES)
        return 0;
    struct wire_reader in = wire_reader_of(bytes);
    return HEADER_BYTES + (size_t)wire_get_u32(&in);
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

/* whole: holds the frame's payload alone, and may be taken over; NULL: it is to be copied. */
static void take_request(struct rpc_link *link, const struct rpc_frame *frame, int fd,
                         struct buffer *whole)
{
    struct rpc_channel *channel = link->channel;
    struct rpc_call *call = calloc(1, sizeof(*call));
    check(call != NULL);
    call->link = link;
    call->number = frame->kind == KIND_REQUEST ? frame->call : 0;
    call->fd = fd;
    call->context = channel->context;
    call->method = method_find(channel, frame->method);
    link->holders++;
    if (channel->refusing) {
        rpc_fail(&call, TRY_LATER, "the process is stopping");
        return;
    }
    if (call->method == NULL ||
        ((call->method->flags & RPC_ONE_WAY) != 0) != (frame->kind == KIND_ONE_WAY)) {
        log_error("rpc.refused", "peer=%s method=%u", channel->name, frame->method);
        rpc_fail(&call, REFUSED, "no such method on this channel");
        return;
    }
    if ((call->method->flags & RPC_INLINE) != 0) {
        task_no_yield_begin();
        call->method->serve(call->context, call, frame->payload);
        task_no_yield_end();
        if (frame->kind == KIND_ONE_WAY)
            call_free(&call);
        return;
    }
    call->counted = true;
    call->counted_bytes = frame->payload.length;
    link->calls++;
    link->call_bytes += call->counted_bytes;
    if (whole != NULL) {
        call->request = *whole;
        buffer_init(whole, 0);
    } else {
        buffer_init(&call->request, frame->payload.length);
        buffer_append(&call->request, frame->payload);
    }
    task_spawn(channel->group, call->method->name,
               frame->kind == KIND_ONE_WAY ? serve_one_way_task : serve_task, call);
}

/* whole: as in take_request. */
static void take_answer(struct rpc_link *link, const struct rpc_frame *frame, struct buffer *whole)
{
    struct waiting_call *call = map_get(link->channel->waiting, MAP_KEY(frame->call));
    if (call == NULL || call->done)
        return; /* the caller has given up */
    call->status = frame->status;
    if (call->status == OK && whole != NULL) {
        call->reply->bytes = *whole;
        buffer_init(whole, 0);
    } else if (call->status == OK)
        buffer_append(&call->reply->bytes, frame->payload);
    else
        text_copy(text_head(frame->payload, REASON_BYTES - 1), call->reason, REASON_BYTES);
    call->done = true;
    task_event_tell_all(&call->answered);
}

static int fd_claim(struct rpc_link *link)
{
    if (link->fd_count == 0)
        return -1;
    int fd = link->fds_received[0];
    link->fd_count--;
    memmove(link->fds_received, link->fds_received + 1, link->fd_count * sizeof(int));
    return fd;
}

static bool is_busy(const struct rpc_link *link)
{
    return link->calls >= CALLS_MOST || link->call_bytes >= CALL_BYTES_MOST;
}

/* False: the peer is out of its mind. */
static bool take_frame(struct rpc_link *link, const struct rpc_frame *frame, struct buffer *whole)
{
    int fd = -1;
    if (frame->has_fd && (fd = fd_claim(link)) < 0)
        return false;
    if (frame->kind == KIND_ANSWER)
        take_answer(link, frame, whole);
    else
        take_request(link, frame, fd, whole);
    return true;
}

/* Act on complete frames in the input while there is room. False: the peer is out of its mind. */
static bool take_frames(struct rpc_link *link, struct buffer *input)
{
    struct text rest = buffer_text(input);
    size_t length;
    while ((length = frame_length(rest)) > 0 && !link->dead && !is_busy(link)) {
        if (length > HEADER_BYTES + RPC_FRAME_MAX)
            return false;
        if (rest.length < length)
            break;
        struct rpc_frame frame;
        if (!rpc_frame_parse(&rest, &frame) || !take_frame(link, &frame, NULL))
            return false;
    }
    size_t taken = input->length - rest.length;
    buffer_consume(input, taken);
    if (taken > 0 && taken <= RPC_WIPED_MAX)
        explicit_bzero(input->data + input->length, taken);
    return true;
}

/* Until there is room for more calls. False: cancelled. YIELDS. */
static bool await_ease(struct rpc_link *link)
{
    while (is_busy(link) && !link->dead)
        if (task_event_wait(&link->eased, NO_DEADLINE) != OK)
            return false;
    return true;
}

/* Act on every complete frame. YIELDS while there is no room for more calls. */
static bool take_all_frames(struct rpc_link *link, struct buffer *input)
{
    while (take_frames(link, input))
        if (!is_busy(link) || link->dead || !await_ease(link))
            return true;
    return false;
}

/* The frame that the input ends in is large: what comes of it goes where it will stay. */
static bool begin_large(struct rpc_link *link, struct buffer *input)
{
    enum { LARGE_MIN = 64 << 10 };
    struct text rest = buffer_text(input);
    uint32_t length;
    size_t whole = frame_length(rest);
    if (whole < LARGE_MIN || whole <= rest.length || link->dead)
        return true;
    if (!head_parse(&rest, &link->large.frame, &length))
        return false;
    buffer_init(&link->large.payload, length);
    buffer_reserve(&link->large.payload, length);
    buffer_append(&link->large.payload, rest);
    buffer_consume(input, input->length);
    return true;
}

/* Once all of it is there. YIELDS while there is no room for more calls. */
static bool end_large(struct rpc_link *link)
{
    struct large_frame *large = &link->large;
    if (large->payload.length < large->payload.limit || !await_ease(link) || link->dead)
        return true;
    large->frame.payload = buffer_text(&large->payload);
    bool taken = take_frame(link, &large->frame, &large->payload);
    buffer_finish(&large->payload);
    return taken;
}

static ssize_t receive_some(struct rpc_link *link, char *out, size_t room)
{
    struct iovec piece = {out, room};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 8)];
    } control;
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    ssize_t count = recvmsg(link->io.fd, &message, MSG_CMSG_CLOEXEC);
    if (count < 0)
        return count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t fds = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < fds; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (link->fd_count < FDS_MAX)
                link->fds_received[link->fd_count++] = fd;
            else
                close(fd);
        }
    }
    return count;
}

/* At least one byte into out. 0: the link is at its end. YIELDS. */
static size_t receive(struct rpc_link *link, char *out, size_t room)
{
    while (!link->dead) {
        if ((link->io.ready & TASK_READ) == 0 &&
            task_io_wait(&link->io, TASK_READ, NO_DEADLINE) != OK)
            return 0;
        unsigned fds_before = link->fd_count;
        ssize_t count = receive_some(link, out, room);
        if (count < 0 && errno == EAGAIN)
            link->io.ready &= ~(unsigned)TASK_READ;
        else if (count >= 0 || errno != EINTR) {
            /* A read also ends short where a descriptor stands in the stream. */
            if (count > 0 && (size_t)count < room && link->fd_count == fds_before)
                task_io_drained(&link->io);
            return count < 0 ? 0 : (size_t)count;
        }
    }
    return 0;
}

enum took { TOOK_SOME, TOOK_END, TOOK_GARBAGE };

/* YIELDS. */
static enum took take_large(struct rpc_link *link)
{
    struct buffer *payload = &link->large.payload;
    size_t room = payload->limit - payload->length;
    size_t count = receive(link, payload->data + payload->length, room);
    if (count == 0)
        return TOOK_END;
    buffer_grew(payload, count);
    return end_large(link) ? TOOK_SOME : TOOK_GARBAGE;
}

/* Frames of any length, gathered. *wanted: more at once while the channel is busy; a quiet one
 * keeps a small buffer. YIELDS. */
static enum took take_input(struct rpc_link *link, struct buffer *input, size_t *wanted)
{
    size_t room = input->capacity - input->length;
    if (room < *wanted)
        room = *wanted;
    char *out = buffer_reserve(input, room);
    check(out != NULL);
    size_t count = receive(link, out, room);
    if (count == 0)
        return TOOK_END;
    *wanted = count == room ? READ_BYTES : READ_FIRST;
    buffer_grew(input, count);
    if (!take_all_frames(link, input) || !begin_large(link, input))
        return TOOK_GARBAGE;
    if (input->length == 0 && input->capacity > READ_BYTES)
        buffer_finish(input);
    return TOOK_SOME;
}

static void receive_task(void *argument)
{
    struct rpc_link *link = argument;
    struct buffer input;
    buffer_init(&input, HEADER_BYTES + RPC_FRAME_MAX + READ_BYTES);
    size_t wanted = READ_FIRST;
    enum took took = TOOK_SOME;
    while (took == TOOK_SOME && !link->dead)
        took =
            link->large.payload.data != NULL ? take_large(link) : take_input(link, &input, &wanted);
    if (took == TOOK_GARBAGE)
        log_error("rpc.garbage", "peer=%s", link->channel == NULL ? "?" : link->channel->name);
    buffer_finish(&input);
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
    if (rpc_output_length(&channel->link->output) + length + HEADER_BYTES > PENDING_MAX)
        return try_later("the %s process is not keeping up", channel->name);
    return OK;
}

/* The frame's number is given out here. YIELDS. */
static enum status await_answer(struct rpc_channel *channel, struct rpc_frame *frame,
                                struct buffer *rest, int64_t deadline_ms, struct rpc_reply *reply)
{
    struct waiting_call call = {.reply = reply};
    enum status status = OK;
    frame->kind = KIND_REQUEST;
    frame->call = ++channel->last_call;
    frame_append(channel->link, frame, rest);
    task_event_init(&call.answered);
    map_put(channel->waiting, MAP_KEY(frame->call), &call);
    while (!call.done && status == OK)
        status = task_event_wait(&call.answered, deadline_ms);
    map_remove(channel->waiting, MAP_KEY(frame->call));
    if (!call.done)
        return fail_within(TRY_LATER, "waiting for the %s process", channel->name);
    if (call.status == TRY_LATER)
        return try_later("%s", call.reason);
    return call.status == REFUSED ? refused("%s", call.reason) : OK;
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
    struct rpc_frame frame = {.method = method, .kind = KIND_ONE_WAY, .payload = message};
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
    if (!link->dead && rpc_output_length(&link->output) + length + HEADER_BYTES > PENDING_MAX) {
        log_error("rpc.stalled", "peer=%s", link->channel->name);
        link_kill(link);
    }
    struct rpc_frame frame = {.call = (*call)->number,
                              .kind = KIND_ANSWER,
                              .status = (uint8_t)status,
                              .payload = payload};
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
