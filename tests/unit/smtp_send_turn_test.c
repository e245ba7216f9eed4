/* A turned session in the sender, against a store and a peer played by the test. Time flies: a task
 * turns the clock on whenever the loop comes round. */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "net/stream.h"
#include "proto/smtp/send/smtp_send.h"
#include "queue/turn/turn.h"
#include "queue/wire.h"
#include "settings_scene.h"
#include "test.h"

enum manner { KIND, MUTE, RUDE, CUTS_SECOND_DATA, STALLS_IN_SECOND_DATA, STORE_DIES_IN_DATA };

static struct scene {
    enum manner manner;
    unsigned jobs, leased, claimed, reported, sent, deferred, messages;
    bool turn_is_over; /* the store does not know it (any more) */
    unsigned ended;
    char reason[200];
    struct task_event changed;
    struct task_group peer, calls, store_calls;
    struct role_context context;
    struct rpc_channel *store; /* the far end */
    struct smtp_send *sender;
} scene;

static int64_t now_ms;
static const uint64_t turn_id = 4242;
enum { ITEM = 5 };

/* The store */

static void put_job(struct buffer *out)
{
    static const struct queue_job_recipient recipient = {.number = 0, .address = TEXT("r@branch")};
    static uint64_t id;
    id = id_new(id);
    struct queue_job job = {.id = id,
                            .lease = ++scene.leased,
                            .item = ITEM,
                            .connector = TEXT("branch"),
                            .domain = TEXT("branch"),
                            .sender = TEXT("a@us"),
                            .size = 7,
                            .body = TEXT("hello\r\n"),
                            .recipients = &recipient,
                            .recipient_count = 1};
    queue_job_encode(&job, out);
}

static void serve_turn_lease(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct wire_reader in = wire_reader_of(request);
    EXPECT(wire_get_u64(&in) == turn_id);
    uint32_t most = wire_get_u32(&in), left = scene.jobs - scene.leased;
    EXPECT(wire_end(&in) && most > 0);
    if (scene.turn_is_over) {
        rpc_fail(&call, REFUSED, "there is no such turn");
        return;
    }
    struct buffer jobs;
    buffer_init(&jobs, RPC_FRAME_MAX);
    wire_put_u32(&jobs, left < most ? left : most);
    for (uint32_t i = 0; i < most && i < left; i++)
        put_job(&jobs);
    rpc_answer(&call, buffer_text(&jobs));
    buffer_finish(&jobs);
}

static void serve_turn_end(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct wire_reader in = wire_reader_of(request);
    EXPECT(wire_get_u64(&in) == turn_id);
    text_copy(text_head(wire_get_text(&in), 199), scene.reason, sizeof(scene.reason));
    EXPECT(wire_end(&in));
    scene.ended++;
    rpc_answer(&call, TEXT(""));
    task_event_tell_all(&scene.changed);
}

static void serve_report(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct queue_report_request report;
    struct arena arena;
    arena_init(&arena);
    EXPECT(queue_report_decode(request, &arena, &report) && report.count == 1);
    EXPECT_TEXT(report.outcomes[0].remote_host, "branch@us[192.0.2.1:4711]");
    EXPECT(!report.outcomes[0].no_connection);
    scene.reported++;
    scene.sent += report.outcomes[0].status == OK;
    scene.deferred += report.outcomes[0].status == TRY_LATER;
    arena_finish(&arena);
    rpc_answer(&call, TEXT(""));
}

static void serve_claim(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct queue_claim *claims;
    struct arena arena;
    unsigned count;
    arena_init(&arena);
    EXPECT(queue_claims_decode(request, &arena, &claims, &count) && count == 1);
    EXPECT(claims[0].lease == 1 && claims[0].item == ITEM && claims[0].turn == turn_id);
    EXPECT(scene.reported == 0);
    scene.claimed++;
    arena_finish(&arena);
    rpc_answer(&call, TEXT(""));
}

static void serve_lease(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    while (task_event_wait(&scene.changed, NO_DEADLINE) == OK)
        continue;
    rpc_fail(&call, TRY_LATER, "the test is over");
}

static const struct rpc_method store_methods[] = {
    {QUEUE_LEASE, 0, "lease", serve_lease},
    {QUEUE_CLAIM, RPC_INLINE, "claim", serve_claim},
    {QUEUE_REPORT, RPC_INLINE, "report", serve_report},
    {QUEUE_TURN_LEASE, RPC_INLINE, "turn lease", serve_turn_lease},
    {QUEUE_TURN_END, RPC_INLINE, "turn end", serve_turn_end},
};
enum { STORE_METHODS = sizeof(store_methods) / sizeof(store_methods[0]) };

static void connect_store(void)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    task_group_init(&scene.store_calls);
    scene.store = rpc_channel_new("send", store_methods, STORE_METHODS, NULL, &scene.store_calls);
    rpc_channel_connect(scene.context.store, ends[0]);
    rpc_channel_connect(scene.store, ends[1]);
}

static void open_store(void)
{
    scene.context.store =
        rpc_channel_new("store", smtp_send_methods, SMTP_SEND_METHODS, scene.sender, &scene.calls);
    connect_store();
}

static void kill_store(void)
{
    task_group_finish(&scene.store_calls);
    rpc_channel_close(&scene.store);
    while (rpc_channel_is_up(scene.context.store))
        task_yield();
}

/* The peer: as if front copied its bytes */

static const char *answer_to(struct text line, bool *in_data)
{
    *in_data = text_starts_with(line, TEXT("DATA"));
    return *in_data ? "354 go" : text_starts_with(line, TEXT("QUIT")) ? "221 bye" : "250 ok";
}

static void speak(struct stream *stream)
{
    struct text line;
    bool in_data = false;
    while (stream_read_line(stream, 1000, &line) == OK) {
        if (in_data && !text_equals(line, TEXT(".\r\n")))
            continue;
        bool ends = in_data;
        if (ends && scene.messages == 1 && scene.manner == CUTS_SECOND_DATA)
            return;
        if (ends && scene.messages == 1 && scene.manner == STALLS_IN_SECOND_DATA) {
            stream_fill(stream);
            return;
        }
        if (ends && scene.manner == STORE_DIES_IN_DATA) {
            kill_store();
            connect_store();
        }
        scene.messages += ends;
        stream_printf(stream, "%s\r\n", answer_to(line, &in_data));
        if (ends)
            in_data = false;
    }
}

static void run_peer(void *argument)
{
    int fd = *(int *)argument;
    struct stream *stream = stream_new(fd, NULL);
    if (scene.manner == MUTE) {
        stream_fill(stream);
    } else if (scene.manner == RUDE) {
        stream_printf(stream, "HELO it is you who should greet\r\n");
        stream_fill(stream);
    } else {
        stream_printf(stream, "220 branch ready\r\n");
        speak(stream);
    }
    stream_close(&stream);
}

/* The play */

static void turn_the_clock(void *unused_argument)
{
    unused(unused_argument);
    while (!task_is_cancelled()) {
        now_ms += 5;
        task_yield();
    }
}

static enum status hand_over(int fd)
{
    struct queue_turn turn = {turn_id, 77, TEXT("branch@us"), TEXT("192.0.2.1:4711")};
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 1024);
    queue_turn_encode(&turn, &request);
    enum status status = rpc_ask(scene.store, SEND_TURN, buffer_text(&request), fd,
                                 clock_monotonic_ms() + MINUTE, &reply);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

struct play {
    enum manner manner;
    unsigned jobs;
    bool turn_is_over, stops_at_once;
};

static void run_play(void *argument)
{
    const struct play *play = argument;
    int ends[2];
    scene = (struct scene){
        .manner = play->manner, .jobs = play->jobs, .turn_is_over = play->turn_is_over};
    task_event_init(&scene.changed);
    task_group_init(&scene.peer);
    task_group_init(&scene.calls);
    scene.context.settings = settings_made("host mx.us\nserver s {\n listen 127.0.0.1:25\n}\n");
    task_event_init(&scene.context.reloaded);
    buffer_init(&scene.context.secrets, 1);
    scene.sender = smtp_send_new(&scene.context);
    open_store();
    EXPECT(smtp_send_start(scene.sender) == OK);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    task_spawn(&scene.peer, "peer", run_peer, &ends[1]);
    task_spawn(&scene.peer, "clock", turn_the_clock, NULL);
    EXPECT(hand_over(ends[0]) == OK);
    while (scene.ended == 0 && !play->stops_at_once)
        task_event_wait(&scene.changed, NO_DEADLINE);
    smtp_send_stop(&scene.sender);
    EXPECT(scene.ended == 1);
    task_group_finish(&scene.peer);
    task_group_finish(&scene.store_calls);
    task_group_finish(&scene.calls);
    rpc_channel_close(&scene.context.store);
    rpc_channel_close(&scene.store);
    settings_release(&scene.context.settings);
}

static void run(struct play play)
{
    signal(SIGPIPE, SIG_IGN);
    now_ms = 1790000000000;
    clock_set_for_test(&now_ms);
    task_loop_run(run_play, &play);
    clock_set_for_test(NULL);
}

TEST("a turned session carries all there is over its one connection, however much it is")
{
    run((struct play){.manner = KIND, .jobs = 250});
    EXPECT(scene.messages == 250 && scene.sent == 250 && scene.reported == 250);
    assert_string_equal(scene.reason, "");
}

TEST("a peer that never greets, or says something else, is given nothing")
{
    run((struct play){.manner = MUTE, .jobs = 3});
    EXPECT(scene.leased == 0 && scene.reported == 0);
    EXPECT(strlen(scene.reason) > 0);
    run((struct play){.manner = RUDE, .jobs = 3});
    EXPECT(scene.leased == 0 && scene.reported == 0);
    EXPECT(strlen(scene.reason) > 0);
}

TEST("when the peer hangs up or stalls, what it was being sent is put off and the rest goes back")
{
    run((struct play){.manner = CUTS_SECOND_DATA, .jobs = 10});
    EXPECT(scene.sent == 1 && scene.deferred == 1 && scene.reported == 2);
    assert_string_equal(scene.reason, "the connection was lost");
    run((struct play){.manner = STALLS_IN_SECOND_DATA, .jobs = 10});
    EXPECT(scene.sent == 1 && scene.deferred == 1 && scene.reported == 2);
    assert_string_equal(scene.reason, "the connection was lost");
}

TEST("a turn that the store does not know any more ends the session in peace")
{
    run((struct play){.manner = KIND, .jobs = 3, .turn_is_over = true});
    EXPECT(scene.reported == 0);
    assert_string_equal(scene.reason, "there is no such turn");
}

TEST("a store that starts anew is told what a turned session has in hand, and no more is begun")
{
    run((struct play){.manner = STORE_DIES_IN_DATA, .jobs = 3});
    EXPECT(scene.claimed == 1 && scene.messages == 1);
    EXPECT(scene.reported == 1 && scene.sent == 1);
    assert_string_equal(scene.reason, "the store was started anew");
}

TEST("stopping does not wait for a peer that says nothing")
{
    run((struct play){.manner = MUTE, .jobs = 3, .stops_at_once = true});
    EXPECT(scene.leased == 0);
}
