#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "proc/rpc.h"
#include "proc/rpc_frame.h"
#include "test.h"

enum { ECHO = 1, SLOW = 2, NOTE = 3, WITH_FD = 4, REFUSE = 5, GIVE_BACK = 6, METHODS = 6 };
enum { HEADER_BYTES = 16 };

static struct {
    struct task_group group;
    struct rpc_channel *near, *far;
    char notes[64];
    bool downed;
} world;

static void serve_echo(void *context, struct rpc_call *call, struct text request)
{
    EXPECT(context == &world);
    rpc_answer(&call, request);
}

static void serve_slow(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    task_sleep(HOUR);
    rpc_fail(&call, TRY_LATER, "cancelled");
}

static void serve_note(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(call);
    strncat(world.notes, request.data, request.length);
}

static void serve_with_fd(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    int fd = rpc_take_fd(call);
    EXPECT(fd >= 0);
    EXPECT(write(fd, request.data, request.length) == (ssize_t)request.length);
    close(fd);
    rpc_answer(&call, TEXT("written"));
}

static void serve_refuse(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    rpc_fail(&call, REFUSED, "no such user");
}

static void serve_give_back(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct buffer bytes;
    buffer_init(&bytes, RPC_FRAME_MAX);
    buffer_append(&bytes, request);
    rpc_answer_giving(&call, &bytes);
    EXPECT(bytes.data == NULL);
}

static const struct rpc_method methods[METHODS] = {
    {ECHO, 0, "echo", serve_echo},
    {SLOW, 0, "slow", serve_slow},
    {NOTE, RPC_INLINE | RPC_ONE_WAY, "note", serve_note},
    {WITH_FD, 0, "with-fd", serve_with_fd},
    {REFUSE, RPC_INLINE, "refuse", serve_refuse},
    {GIVE_BACK, 0, "give-back", serve_give_back},
};

static void connect_both(void)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(world.near, ends[0]);
    rpc_channel_connect(world.far, ends[1]);
}

static void with_channels(void *argument)
{
    void (*body)(void);
    memcpy(&body, argument, sizeof(body));
    memset(&world, 0, sizeof(world));
    task_group_init(&world.group);
    world.near = rpc_channel_new("far", NULL, 0, NULL, &world.group);
    world.far = rpc_channel_new("near", methods, METHODS, &world, &world.group);
    connect_both();
    body();
    task_group_cancel(&world.group);
    rpc_channel_close(&world.near);
    rpc_channel_close(&world.far);
    task_group_finish(&world.group);
}

static void run(void (*body)(void))
{
    task_loop_run(with_channels, &body);
}

static enum status ask(uint16_t method, struct text request, int fd, struct rpc_reply *reply)
{
    return rpc_ask(world.near, method, request, fd, clock_monotonic_ms() + MINUTE, reply);
}

static void echo_sizes(void)
{
    for (size_t size = 1; size <= RPC_FRAME_MAX; size *= 7) {
        char *bytes = malloc(size);
        memset(bytes, (int)size, size);
        struct rpc_reply reply;
        EXPECT(ask(ECHO, text_of(bytes, size), -1, &reply) == OK);
        EXPECT(text_equals(buffer_text(&reply.bytes), text_of(bytes, size)));
        rpc_reply_finish(&reply);
        free(bytes);
    }
}

TEST("answers of every size come back as they were")
{
    run(echo_sizes);
}

static void ask_many(void *number)
{
    struct rpc_reply reply;
    for (int i = 0; i < 50; i++) {
        EXPECT(ask(ECHO, text_of(number, sizeof(int)), -1, &reply) == OK);
        EXPECT(memcmp(reply.bytes.data, number, sizeof(int)) == 0);
        rpc_reply_finish(&reply);
    }
}

static void many_callers(void)
{
    int numbers[100];
    struct task_group callers;
    task_group_init(&callers);
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        task_spawn(&callers, "caller", ask_many, &numbers[i]);
    }
    task_group_wait(&callers, NO_DEADLINE);
}

TEST("a hundred callers each get their own answers")
{
    run(many_callers);
}

static void reasons(void)
{
    struct rpc_reply reply;
    EXPECT(ask(REFUSE, TEXT(""), -1, &reply) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "no such user");
    rpc_reply_finish(&reply);
    EXPECT(ask(77, TEXT(""), -1, &reply) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "no such method on this channel");
    rpc_reply_finish(&reply);
    /* A request sent to a one-way method is refused, not served. */
    EXPECT(ask(NOTE, TEXT("x"), -1, &reply) == REFUSED);
    rpc_reply_finish(&reply);
    EXPECT(world.notes[0] == '\0');
}

TEST("status and reason travel; unknown methods are refused")
{
    run(reasons);
}

static void ordered(void)
{
    EXPECT(rpc_tell(world.near, NOTE, TEXT("a")) == OK);
    EXPECT(rpc_tell(world.near, NOTE, TEXT("b")) == OK);
    struct rpc_reply reply;
    EXPECT(ask(ECHO, TEXT("x"), -1, &reply) == OK);
    rpc_reply_finish(&reply);
    EXPECT_TEXT(text_from(world.notes), "ab");
}

TEST("one-way messages arrive in order before a later call")
{
    run(ordered);
}

static void descriptors(void)
{
    for (int round = 0; round < 20; round++) {
        int ends[2];
        EXPECT(pipe(ends) == 0);
        rpc_tell(world.near, NOTE, TEXT(""));
        struct rpc_reply reply;
        EXPECT(ask(WITH_FD, TEXT("hello"), ends[1], &reply) == OK);
        rpc_reply_finish(&reply);
        char bytes[8];
        EXPECT(read(ends[0], bytes, sizeof(bytes)) == 5 && memcmp(bytes, "hello", 5) == 0);
        EXPECT(read(ends[0], bytes, 1) == 0); /* no copy of the descriptor is left open */
        close(ends[0]);
    }
}

TEST("a descriptor arrives with its call and is closed on this side")
{
    run(descriptors);
}

static void went_down(void *argument)
{
    *(bool *)argument = true;
}

static void peer_dies(void)
{
    struct rpc_reply reply;
    rpc_channel_on_down(world.near, went_down, &world.downed);
    EXPECT(rpc_ask(world.near, SLOW, TEXT(""), -1, clock_monotonic_ms() + 2, &reply) == TRY_LATER);
    rpc_reply_finish(&reply);
    struct rpc_channel *far = world.far;
    world.far = rpc_channel_new("near", methods, METHODS, &world, &world.group);
    rpc_channel_close(&far);
    EXPECT(ask(ECHO, TEXT("x"), -1, &reply) == TRY_LATER);
    EXPECT(world.downed && !rpc_channel_is_up(world.near));
    rpc_reply_finish(&reply);
    connect_both();
    EXPECT(ask(ECHO, TEXT("x"), -1, &reply) == OK);
    rpc_reply_finish(&reply);
}

TEST("calls fail while the peer is away and work with its successor")
{
    run(peer_dies);
}

static void refusing(void)
{
    struct rpc_reply reply;
    rpc_channel_refuse(world.far);
    rpc_tell(world.near, NOTE, TEXT("lost"));
    EXPECT(ask(ECHO, TEXT("x"), -1, &reply) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "the process is stopping");
    rpc_reply_finish(&reply);
    EXPECT(world.notes[0] == '\0');
}

TEST("a channel that refuses runs no handler and says try later")
{
    run(refusing);
}

static void garbage(void)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(world.far, ends[1]);
    char bytes[64];
    memset(bytes, 0xff, sizeof(bytes));
    EXPECT(write(ends[0], bytes, sizeof(bytes)) == sizeof(bytes));
    for (int i = 0; i < 5 && rpc_channel_is_up(world.far); i++)
        task_sleep(1);
    EXPECT(!rpc_channel_is_up(world.far));
    close(ends[0]);
}

TEST("a peer that sends garbage is cut off")
{
    run(garbage);
}

/* A request of a head and `length` bytes that are given away. */
static enum status ask_giving(uint16_t method, struct text head, size_t length, char with,
                              struct rpc_reply *reply)
{
    struct buffer rest;
    buffer_init(&rest, length);
    memset(buffer_reserve(&rest, length), with, length);
    buffer_grew(&rest, length);
    struct rpc_request request = {method, head, &rest};
    enum status status = rpc_ask_giving(world.near, &request, clock_monotonic_ms() + MINUTE, reply);
    EXPECT(rest.data == NULL && rest.length == 0);
    return status;
}

static void expect_head_and(const struct rpc_reply *reply, struct text head, size_t length,
                            char with)
{
    struct text bytes = buffer_text(&reply->bytes);
    EXPECT(bytes.length == head.length + length);
    EXPECT(text_equals(text_head(bytes, head.length), head));
    for (size_t i = 0; i < length; i++)
        if (bytes.data[head.length + i] != with)
            fail_msg("byte %zu of %zu is another", i, length);
}

static void give_sizes(void)
{
    static const size_t sizes[] = {0,     1,      32 << 10,         (32 << 10) + 1, (64 << 10) - 24,
                                   65536, 300000, RPC_FRAME_MAX - 4};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct rpc_reply reply;
        EXPECT(ask_giving(GIVE_BACK, TEXT("head"), sizes[i], 'x', &reply) == OK);
        expect_head_and(&reply, TEXT("head"), sizes[i], 'x');
        rpc_reply_finish(&reply);
    }
    struct rpc_reply reply;
    EXPECT(ask_giving(GIVE_BACK, TEXT("head"), RPC_FRAME_MAX - 3, 'x', &reply) == REFUSED);
    rpc_reply_finish(&reply);
}

TEST("requests and answers that are given away arrive whole, up to the largest")
{
    run(give_sizes);
}

/* Each mixes what is large and what is small, and sends a descriptor beside it. */
static void ask_mixed(void *number)
{
    char with = (char)('a' + *(int *)number);
    for (int i = 0; i < 6; i++) {
        struct rpc_reply reply;
        size_t length = i % 2 == 0 ? 200000 + (size_t)i * 30011 : 100;
        EXPECT(ask_giving(i % 3 == 0 ? ECHO : GIVE_BACK, text_of(&with, 1), length, with, &reply) ==
               OK);
        expect_head_and(&reply, text_of(&with, 1), length, with);
        rpc_reply_finish(&reply);
        int ends[2];
        char back[2];
        EXPECT(pipe(ends) == 0);
        EXPECT(ask(WITH_FD, text_of(&with, 1), ends[1], &reply) == OK);
        rpc_reply_finish(&reply);
        EXPECT(read(ends[0], back, sizeof(back)) == 1 && back[0] == with);
        close(ends[0]);
    }
}

static void mixed_callers(void)
{
    enum { CALLERS = 12 };
    int numbers[CALLERS];
    struct task_group callers;
    task_group_init(&callers);
    for (int i = 0; i < CALLERS; i++) {
        numbers[i] = i;
        task_spawn(&callers, "caller", ask_mixed, &numbers[i]);
    }
    task_group_wait(&callers, NO_DEADLINE);
}

TEST("large calls, small calls and descriptors of many callers do not mix")
{
    run(mixed_callers);
}

static void frame_head(struct buffer *out, size_t length, uint32_t call, uint16_t method)
{
    wire_put_u32(out, (uint32_t)length);
    wire_put_u32(out, call);
    wire_put_u16(out, method);
    wire_put_u8(out, 1); /* a request */
    wire_put_u8(out, OK);
    wire_put_u32(out, 0);
}

/* All that is there, or what comes until `length` is. */
static size_t read_until(int fd, char *out, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = read(fd, out + done, length - done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EAGAIN)
            break;
        task_yield();
    }
    return done;
}

static void write_pieces(int fd, struct text bytes)
{
    while (bytes.length > 0) {
        size_t piece = 1 + random_below(random_below(4) == 0 ? 40 : 90000);
        struct text head = text_head(bytes, piece);
        ssize_t count = send(fd, head.data, head.length, MSG_NOSIGNAL);
        if (count > 0)
            bytes = text_from_position(bytes, (size_t)count);
        task_yield();
    }
}

static void pieces(void)
{
    enum { FRAMES = 12, LENGTH_MOST = 300000 };
    struct buffer out;
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(world.far, ends[1]);
    for (uint32_t i = 1; i <= FRAMES; i++) {
        /* Two in one run of bytes, so that a large one begins behind a small one and before one. */
        size_t length = random_below(2) == 0 ? random_below(LENGTH_MOST) : random_below(300);
        buffer_init(&out, 2 * (HEADER_BYTES + LENGTH_MOST));
        frame_head(&out, length, i, GIVE_BACK);
        memset(buffer_reserve(&out, length + 1), (int)i, length);
        buffer_grew(&out, length);
        frame_head(&out, 0, 1000 + i, REFUSE);
        write_pieces(ends[0], buffer_text(&out));
        size_t both = 2 * HEADER_BYTES + length + strlen("no such user");
        char *bytes = malloc(both);
        EXPECT(read_until(ends[0], bytes, both) == both);
        struct rpc_frame frame;
        struct text rest = text_of(bytes, both);
        unsigned seen = 0;
        while (rpc_frame_parse(&rest, &frame)) {
            seen |= frame.call == i ? 1U : 2U;
            if (frame.call == i)
                EXPECT(frame.status == OK && frame.payload.length == length);
            else
                EXPECT(frame.call == 1000 + i && frame.status == REFUSED);
        }
        EXPECT(seen == 3 && rest.length == 0);
        free(bytes);
        buffer_finish(&out);
    }
    close(ends[0]);
}

TEST("frames that come in pieces of any size are served one by one")
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        random_seed_for_test(seed);
        run(pieces);
    }
}

static void await_down(const struct rpc_channel *channel)
{
    while (rpc_channel_is_up(channel))
        task_sleep(1);
}

static void dies_while_receiving(void)
{
    enum { ANNOUNCED = 1 << 20, STEP = 70000 };
    static char bytes[STEP];
    for (unsigned steps = 0; steps < 12; steps++) {
        struct buffer head;
        int ends[2];
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        rpc_channel_connect(world.far, ends[1]);
        buffer_init(&head, HEADER_BYTES);
        frame_head(&head, ANNOUNCED, 1, GIVE_BACK);
        write_pieces(ends[0], buffer_text(&head));
        for (unsigned i = 0; i < steps; i++)
            write_pieces(ends[0], text_of(bytes, sizeof(bytes)));
        close(ends[0]);
        await_down(world.far);
        buffer_finish(&head);
    }
}

TEST("a peer that dies in the middle of a large frame leaves nothing behind")
{
    size_t memory = memory_now().drawn;
    run(dies_while_receiving);
    EXPECT(memory_now().drawn == memory);
}

static void too_large(void)
{
    int ends[2];
    struct buffer head;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(world.far, ends[1]);
    buffer_init(&head, HEADER_BYTES);
    frame_head(&head, RPC_FRAME_MAX + 1, 1, GIVE_BACK);
    size_t memory = memory_now().drawn;
    write_pieces(ends[0], buffer_text(&head));
    await_down(world.far);
    EXPECT(memory_now().drawn < memory + (1 << 20));
    buffer_finish(&head);
    close(ends[0]);
}

TEST("a peer that announces a frame over the limit is cut off before room is made for it")
{
    run(too_large);
}

/* The peer reads so much of a large request, and is gone. */
static void half_read(void *argument)
{
    int fd = *(int *)argument;
    static char bytes[100000];
    read_until(fd, bytes, sizeof(bytes));
    close(fd);
}

static void dies_while_sent_to(void)
{
    int ends[2];
    struct rpc_reply reply;
    struct task_group reader;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(world.near, ends[0]);
    task_group_init(&reader);
    task_spawn(&reader, "reader", half_read, &ends[1]);
    EXPECT(ask_giving(ECHO, TEXT("head"), 3 << 20, 'x', &reply) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "the far process went away");
    rpc_reply_finish(&reply);
    task_group_wait(&reader, NO_DEADLINE);
    EXPECT(ask_giving(ECHO, TEXT("head"), 3 << 20, 'x', &reply) == TRY_LATER);
    rpc_reply_finish(&reply);
    connect_both();
    EXPECT(ask_giving(ECHO, TEXT("head"), 100000, 'x', &reply) == OK);
    expect_head_and(&reply, TEXT("head"), 100000, 'x');
    rpc_reply_finish(&reply);
}

TEST("a large call whose peer dies while it is sent fails, and the next peer gets its own")
{
    size_t memory = memory_now().drawn;
    run(dies_while_sent_to);
    EXPECT(memory_now().drawn == memory);
}

static unsigned served;

static void serve_until_told(void *context, struct rpc_call *call, struct text request)
{
    unused(request);
    struct task_event *told = context;
    served++;
    task_event_wait(told, NO_DEADLINE);
    rpc_answer(&call, TEXT(""));
}

static void flood(void *unused_argument)
{
    unused(unused_argument);
    enum { REQUESTS = 5000, FRAME_BYTES = 16 };
    static const struct rpc_method waits[] = {{1, 0, "wait", serve_until_told}};
    struct task_group group;
    struct task_event told;
    struct buffer frames;
    int ends[2], room = REQUESTS * FRAME_BYTES * 4;
    served = 0;
    task_group_init(&group);
    task_event_init(&told);
    buffer_init(&frames, REQUESTS * FRAME_BYTES);
    for (unsigned i = 1; i <= REQUESTS; i++) {
        wire_put_u32(&frames, 0);
        wire_put_u32(&frames, i);
        wire_put_u16(&frames, 1);
        wire_put_u16(&frames, 1 << 8);
        wire_put_u32(&frames, 0);
    }
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    struct rpc_channel *channel = rpc_channel_new("flooder", waits, 1, &told, &group);
    rpc_channel_connect(channel, ends[0]);
    EXPECT(send(ends[1], frames.data, frames.length, MSG_NOSIGNAL) == (ssize_t)frames.length);
    for (int i = 0; i < 20; i++)
        task_yield();
    EXPECT(served > 100 && served < REQUESTS);
    for (int i = 0; i < 200 && served < REQUESTS; i++) {
        task_event_tell_all(&told);
        task_yield();
    }
    EXPECT(served == REQUESTS);
    task_group_cancel(&group);
    rpc_channel_close(&channel);
    task_group_finish(&group);
    close(ends[1]);
    buffer_finish(&frames);
}

TEST("a peer that asks ever more is served by so many tasks at a time, and all the same")
{
    task_loop_run(flood, NULL);
}
