#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/stream_deflate.h"
#include "stream_pair.h"
#include "task/loop.h"
#include "test.h"

/* Two ends of a connection; the far one is served by a task of the test. */
static struct {
    struct stream *near, *far;
    void (*serve)(struct stream *far);
    void (*use)(struct stream *near);
    struct tls_context *server, *client;
} world;

static void far_task(void *unused_argument)
{
    unused(unused_argument);
    world.serve(world.far);
    stream_flush(world.far);
    stream_close(&world.far);
}

static void both(void *unused_argument)
{
    unused(unused_argument);
    struct task_group group;
    task_group_init(&group);
    stream_pair(&world.near, &world.far);
    task_spawn(&group, "far", far_task, NULL);
    world.use(world.near);
    stream_close(&world.near);
    task_group_finish(&group);
}

static void run(void (*serve)(struct stream *), void (*use)(struct stream *))
{
    world.serve = serve;
    world.use = use;
    task_loop_run(both, NULL);
}

static void send_lines(struct stream *far)
{
    stream_write(far, TEXT("short\r\n"));
    char *big = malloc(100000);
    memset(big, 'x', 100000);
    stream_write(far, text_of(big, 100000));
    free(big);
    stream_write(far, TEXT("\nafter\nno end"));
}

static void read_lines(struct stream *near)
{
    struct text line;
    EXPECT(stream_read_line(near, 512, &line) == OK);
    EXPECT_TEXT(line, "short\r\n");
    EXPECT(stream_read_line(near, 512, &line) == REFUSED);
    EXPECT(stream_read_line(near, 512, &line) == OK);
    EXPECT_TEXT(line, "after\n");
    EXPECT(stream_read_line(near, 512, &line) == TRY_LATER);
    EXPECT(stream_end(near) == STREAM_CLOSED);
    EXPECT_TEXT(stream_buffered(near), "no end");
}

TEST("an overlong line is refused and the next one is in step")
{
    run(send_lines, read_lines);
}

static void say_nothing(struct stream *far)
{
    stream_fill(far);
}

static void wait_too_long(struct stream *near)
{
    struct text line;
    stream_set_deadline(near, clock_monotonic_ms() + 3);
    EXPECT(stream_read_line(near, 512, &line) == TRY_LATER);
    EXPECT(stream_end(near) == STREAM_TIMED_OUT);
    stream_write(near, TEXT("ignored"));
    EXPECT(stream_flush(near) == TRY_LATER);
}

TEST("a deadline ends the stream, and later calls fail at once")
{
    run(say_nothing, wait_too_long);
}

static void send_ten_megabytes(struct stream *far)
{
    char block[1000];
    for (int i = 0; i < 10000; i++) {
        memset(block, 'a' + i % 26, sizeof(block));
        stream_write(far, text_of(block, sizeof(block)));
    }
}

static void expect_ten_megabytes(struct stream *near)
{
    size_t total = 0;
    while (stream_fill(near) == OK) {
        struct text bytes = stream_buffered(near);
        for (size_t i = 0; i < bytes.length; i++)
            if (bytes.data[i] != (char)('a' + (total + i) / 1000 % 26))
                fail_msg("byte %zu differs", total + i);
        total += bytes.length;
        stream_consume(near, bytes.length);
    }
    EXPECT(total == 10000000);
}

TEST("ten megabytes arrive unchanged, plain")
{
    run(send_ten_megabytes, expect_ten_megabytes);
}

static void serve_tls_bytes(struct stream *far)
{
    struct text line;
    EXPECT(stream_read_line(far, 512, &line) == OK);
    EXPECT_TEXT(line, "STARTTLS\r\n");
    stream_write(far, TEXT("220 go\r\n"));
    size_t discarded;
    EXPECT(stream_start_tls(far, world.server, NULL, &discarded) == OK);
    send_ten_megabytes(far);
}

static void use_tls(struct stream *near)
{
    struct text line;
    stream_write(near, TEXT("STARTTLS\r\n"));
    EXPECT(stream_read_line(near, 512, &line) == OK);
    EXPECT(stream_start_tls(near, world.client, "mx.example.test", NULL) == OK);
    EXPECT_TEXT(text_from(stream_tls_version(near)), "TLSv1.3");
    expect_ten_megabytes(near);
}

static void with_certificate(const char *name, bool verify, void (*serve)(struct stream *),
                             void (*use)(struct stream *))
{
    struct buffer certificate, key;
    buffer_init(&certificate, 65536);
    buffer_init(&key, 65536);
    struct text names[] = {text_from(name)};
    EXPECT(tls_self_sign(names, 1, 30, &certificate, &key) == OK);
    EXPECT(tls_server_new(buffer_text(&certificate), buffer_text(&key), &world.server) == OK);
    EXPECT(tls_client_new(verify, buffer_text(&certificate), &world.client) == OK);
    run(serve, use);
    tls_release(&world.server);
    tls_release(&world.client);
    buffer_finish(&certificate);
    buffer_finish(&key);
}

TEST("a plain stream becomes TLS in place, verified, and carries ten megabytes")
{
    with_certificate("mx.example.test", true, serve_tls_bytes, use_tls);
}

static void refuse_tls(struct stream *far)
{
    stream_start_tls(far, world.server, NULL, NULL);
    EXPECT(stream_fill(far) == TRY_LATER);
}

static void meet_stranger(struct stream *near)
{
    EXPECT(stream_start_tls(near, world.client, "mx.example.test", NULL) == TRY_LATER);
    EXPECT(stream_end(near) == STREAM_BROKEN);
}

TEST("a certificate for another name is not accepted when it must match")
{
    with_certificate("other.example.test", true, refuse_tls, meet_stranger);
}

static void inject(struct stream *far)
{
    /* Commands sent behind STARTTLS in plain text must not survive the handshake. */
    while (stream_buffered(far).length < 20)
        EXPECT(stream_fill(far) == OK);
    size_t discarded = 0;
    stream_set_deadline(far, clock_monotonic_ms() + 20);
    stream_start_tls(far, world.server, NULL, &discarded);
    EXPECT(discarded >= 20);
    EXPECT(stream_buffered(far).length == 0);
}

static void send_injected(struct stream *near)
{
    stream_write(near, TEXT("STARTTLS\r\nMAIL FROM:<evil@x>\r\n"));
    stream_flush(near);
    stream_fill(near);
}

TEST("what was buffered in plain text before TLS is thrown away")
{
    with_certificate("mx.example.test", false, inject, send_injected);
}

static void garbage_for_tls(struct stream *near)
{
    stream_write(near, TEXT("this is no client hello at all\r\n"));
    stream_flush(near);
    stream_fill(near);
}

TEST("garbage instead of a handshake breaks that stream only")
{
    with_certificate("mx.example.test", false, refuse_tls, garbage_for_tls);
}

/* A relay: client - [front near | far] - session. */
static void session_side(void *argument)
{
    struct stream *session = argument;
    struct text line;
    stream_write(session, TEXT("+OK 2 messages\r\n"));
    while (stream_read_line(session, 512, &line) == OK && !text_equals(line, TEXT("QUIT\r\n")))
        stream_printf(session, "echo %.*s", TEXT_ARG(line));
    stream_write(session, TEXT("+OK bye\r\n"));
    stream_flush(session);
    stream_close(&session);
}

static void serve_relay(struct stream *far)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    struct stream *pair = stream_new(ends[0], NULL), *session = stream_new(ends[1], NULL);
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "session", session_side, session);
    stream_relay(far, pair);
    stream_close(&pair);
    task_group_wait(&group, NO_DEADLINE);
}

static void use_relay(struct stream *near)
{
    struct text line;
    stream_write(near, TEXT("one\r\ntwo\r\nQUIT\r\n"));
    const char *expected[] = {"+OK 2 messages\r\n", "echo one\r\n", "echo two\r\n", "+OK bye\r\n"};
    for (int i = 0; i < 4; i++) {
        EXPECT(stream_read_line(near, 512, &line) == OK);
        EXPECT_TEXT(line, expected[i]);
    }
    EXPECT(stream_read_line(near, 512, &line) == TRY_LATER);
    EXPECT(stream_end(near) == STREAM_CLOSED);
}

TEST("a relay passes pipelined requests on and ends when the session ends")
{
    run(serve_relay, use_relay);
}

static void use_relay_and_vanish(struct stream *near)
{
    struct text line;
    stream_write(near, TEXT("one\r\n"));
    EXPECT(stream_read_line(near, 512, &line) == OK);
}

TEST("a relay ends when the client vanishes")
{
    run(serve_relay, use_relay_and_vanish);
}

/* The first task of the loop, those of both ends and of the session; one more while requests are
 * copied. */
enum { TASKS_OF_A_QUIET_RELAY = 3 };

static void use_relay_by_the_hour(struct stream *near)
{
    struct text line;
    stream_set_deadline(near, NO_DEADLINE);
    EXPECT(stream_read_line(near, 512, &line) == OK);
    for (int i = 0; i < 3; i++) {
        stream_write(near, TEXT("one\r\ntwo\r\n"));
        EXPECT(stream_read_line(near, 512, &line) == OK);
        EXPECT_TEXT(line, "echo one\r\n");
        EXPECT(stream_read_line(near, 512, &line) == OK);
        EXPECT_TEXT(line, "echo two\r\n");
        EXPECT(task_loop->task_count == TASKS_OF_A_QUIET_RELAY + 1);
        task_sleep(HOUR);
        EXPECT(task_loop->task_count == TASKS_OF_A_QUIET_RELAY);
    }
    stream_write(near, TEXT("QUIT\r\n"));
    EXPECT(stream_read_line(near, 512, &line) == OK);
    EXPECT_TEXT(line, "+OK bye\r\n");
    EXPECT(stream_read_line(near, 512, &line) == TRY_LATER);
}

static void be_silent_and_vanish(struct stream *near)
{
    struct text line;
    stream_set_deadline(near, NO_DEADLINE);
    stream_write(near, TEXT("one\r\n"));
    EXPECT(stream_read_line(near, 512, &line) == OK);
    task_sleep(HOUR);
}

static void run_simulated(void (*serve)(struct stream *), void (*use)(struct stream *))
{
    struct task_simulation simulation = {.now_ms = DAY};
    task_simulate(&simulation);
    run(serve, use);
    task_simulate(NULL);
}

TEST("a relay keeps no task for the requests of a client who is silent, and copies when he speaks")
{
    run_simulated(serve_relay, use_relay_by_the_hour);
}

TEST("a relay ends when a client vanishes who was silent")
{
    run_simulated(serve_relay, be_silent_and_vanish);
}

static void read_from_blocking(void *unused_argument)
{
    unused(unused_argument);
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    struct stream *stream = stream_new(ends[0], NULL);
    stream_set_deadline(stream, clock_monotonic_ms() + 20);
    EXPECT(stream_fill(stream) == TRY_LATER);
    EXPECT(stream_end(stream) == STREAM_TIMED_OUT);
    stream_close(&stream);
    close(ends[1]);
}

TEST("a socket that somebody made blocking does not block the loop")
{
    task_loop_run(read_from_blocking, NULL);
}

static void note_turn(void *had_turn)
{
    *(bool *)had_turn = true;
}

/* Empty blocks of deflate, and one that holds a byte. */
static const char empty_block[] = {0, 0, 0, '\377', '\377'};
static const char last_block[] = {0, 1, 0, '\376', '\377', 'x'};
enum { BLOCKS = 20000, THERE = BLOCKS * sizeof(empty_block) + sizeof(last_block) };

/* All that is there, of which `makes` bytes are made, while another task waits for its turn. */
static void read_what_is_there(const char *bytes, bool is_deflated, uint64_t makes)
{
    int ends[2], room = 4 * THERE;
    bool had_turn = false;
    struct task_group group;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    EXPECT(send(ends[1], bytes, THERE, MSG_NOSIGNAL) == THERE);
    struct stream *stream = stream_new(ends[0], NULL);
    EXPECT(!is_deflated || stream_start_deflate(stream) == OK);
    task_group_init(&group);
    task_spawn(&group, "other", note_turn, &had_turn);
    while (stream_bytes_in(stream) < makes && stream_fill(stream) == OK)
        stream_consume(stream, stream_buffered(stream).length);
    EXPECT(stream_bytes_in(stream) == makes);
    EXPECT(had_turn);
    task_group_finish(&group);
    stream_close(&stream);
    close(ends[1]);
}

static void read_zeros(void *unused_argument)
{
    static const char zeros[THERE];
    unused(unused_argument);
    read_what_is_there(zeros, false, THERE);
}

static void read_empty_blocks(void *unused_argument)
{
    static char blocks[THERE];
    unused(unused_argument);
    for (unsigned i = 0; i < BLOCKS; i++)
        memcpy(blocks + i * sizeof(empty_block), empty_block, sizeof(empty_block));
    memcpy(blocks + BLOCKS * sizeof(empty_block), last_block, sizeof(last_block));
    read_what_is_there(blocks, true, 1);
}

TEST("a peer who always has more to say does not keep other tasks waiting")
{
    task_loop_run(read_zeros, NULL);
}

TEST("nor does one who has nothing to say, and compresses it")
{
    task_loop_run(read_empty_blocks, NULL);
}

/* More than a buffer holds, and nothing that repeats. */
enum { MUCH = 3 << 20 };
static char much_byte(size_t i)
{
    return (char)((i * 2654435761u) >> 13 ^ i);
}

static void send_much(struct stream *far)
{
    EXPECT(stream_start_deflate(far) == OK);
    for (size_t i = 0; i < MUCH; i++) {
        char byte = much_byte(i);
        stream_write(far, text_of(&byte, 1));
    }
}

static void read_much(struct stream *near)
{
    size_t seen = 0;
    EXPECT(stream_start_deflate(near) == OK);
    while (stream_fill(near) == OK) {
        struct text bytes = stream_buffered(near);
        for (size_t i = 0; i < bytes.length; i++)
            if (bytes.data[i] != much_byte(seen + i))
                fail_msg("byte %zu differs", seen + i);
        seen += bytes.length;
        stream_consume(near, bytes.length);
    }
    EXPECT(seen == MUCH);
}

TEST("what was compressed is read as it was written")
{
    run(send_much, read_much);
}

static void send_garbage(struct stream *far)
{
    stream_write(far, TEXT("\377\377\377\377 this is not compressed"));
}

static void read_garbage(struct stream *near)
{
    EXPECT(stream_start_deflate(near) == OK);
    EXPECT(stream_fill(near) == TRY_LATER);
    EXPECT(stream_end(near) == STREAM_BROKEN);
}

/* The end of a compressed block may come apart from what is in it, and makes no bytes. */
static void send_end_of_block_and_wake(struct stream *far)
{
    stream_write(far, TEXT("\0\0\0\377\377"));
    EXPECT(stream_flush(far) == OK);
    task_sleep(SECOND); /* it is there */
    stream_wake(world.near);
    task_sleep(SECOND);
}

static void await_news(struct stream *near)
{
    EXPECT(stream_start_deflate(near) == OK);
    stream_set_deadline(near, NO_DEADLINE);
    EXPECT(stream_await(near) == OK);
    EXPECT(stream_buffered(near).length == 0);
}

TEST("who waits for news on a compressed stream is woken also behind a part that made no bytes")
{
    run_simulated(send_end_of_block_and_wake, await_news);
}

static unsigned count_open(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A byte with the same descriptor twice beside it. */
static void send_two(int socket, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } beside = {.bytes = {0}};
    int both_fds[] = {fd, fd};
    struct iovec byte = {(char[]){"."}, 1};
    struct msghdr message = {.msg_iov = &byte,
                             .msg_iovlen = 1,
                             .msg_control = &beside,
                             .msg_controllen = sizeof(beside)};
    beside.header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(both_fds))};
    memcpy(CMSG_DATA(&beside.header), both_fds, sizeof(both_fds));
    check(sendmsg(socket, &message, 0) == 1);
}

static void relay_two_descriptors(void *unused_argument)
{
    unused(unused_argument);
    int client_ends[2], session_ends[2];
    unsigned before = count_open();
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, client_ends) == 0);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, session_ends) == 0);
    struct stream *client = stream_new(client_ends[0], NULL);
    struct stream *session = stream_new(session_ends[0], NULL);
    send_two(session_ends[1], client_ends[1]);
    close(session_ends[1]);
    stream_relay(client, session);
    stream_close(&session);
    stream_close(&client);
    close(client_ends[1]);
    EXPECT(count_open() == before);
}

TEST("a session that passes more than one descriptor fills nobody's table with them")
{
    task_loop_run(relay_two_descriptors, NULL);
}

TEST("what is not compressed ends a compressed stream")
{
    run(send_garbage, read_garbage);
}
