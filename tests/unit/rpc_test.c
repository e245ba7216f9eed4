#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/rpc.h"
#include "test.h"

enum { ECHO = 1, SLOW = 2, NOTE = 3, WITH_FD = 4, REFUSE = 5 };

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

static const struct rpc_method methods[] = {
    {ECHO, 0, "echo", serve_echo},
    {SLOW, 0, "slow", serve_slow},
    {NOTE, RPC_INLINE | RPC_ONE_WAY, "note", serve_note},
    {WITH_FD, 0, "with-fd", serve_with_fd},
    {REFUSE, RPC_INLINE, "refuse", serve_refuse},
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
    world.far = rpc_channel_new("near", methods, 5, &world, &world.group);
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
    return rpc_ask(world.near, method, request, fd, clock_monotonic_ms() + 5000, reply);
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
    world.far = rpc_channel_new("near", methods, 5, &world, &world.group);
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
