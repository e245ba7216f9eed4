/* A send process that dies, or goes astray, while the store works for it. The disk is slow where
 * the test wants it to be: it holds reads until it is let go. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "directory/turn.h"
#include "odd_disk.h"
#include "queue/internal.h"

/* ---- Leases that wait for the disk ---- */

struct leasing {
    struct queue_peer *peer;
    uint64_t turn; /* 0: none */
    struct arena arena;
    struct queue_job *jobs;
    unsigned count;
    enum status status;
};

static void lease_task(void *argument)
{
    struct leasing *leasing = argument;
    if (leasing->turn == 0)
        leasing->status =
            queue_lease(leasing->peer->send, 10, &leasing->arena, &leasing->jobs, &leasing->count);
    else
        leasing->status = queue_turn_lease(leasing->peer->send, leasing->turn, 10, &leasing->arena,
                                           &leasing->jobs, &leasing->count);
}

/* Returns when a job is being read. */
static void begin(struct task_group *group, struct leasing *leasing)
{
    unsigned before = (unsigned)map_count(leasing->peer->queue->leases);
    task_group_init(group);
    arena_init(&leasing->arena);
    odd_disk_is(DISK_READS_WAIT);
    task_spawn(group, "lease", lease_task, leasing);
    while (map_count(leasing->peer->queue->leases) == before && group->count > 0)
        task_yield();
    EXPECT(group->count > 0);
}

static void end(struct task_group *group)
{
    odd_disk_is(DISK_FINE);
    task_group_wait(group, NO_DEADLINE);
}

/* What is left is given, each once. */
static void expect_jobs(struct queue_peer *peer, unsigned count)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    for (unsigned got = 0; got < count; got++) {
        EXPECT(queue_peer_lease(peer, 1, &arena, &jobs) == 1);
        EXPECT(queue_peer_sent(peer, jobs) == OK);
    }
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    arena_finish(&arena);
}

static void dies_at_lease(struct queue_peer *peer)
{
    struct task_group group;
    struct leasing leasing = {.peer = peer};
    odd_disk_use(peer);
    queue_peer_deliver(peer, "bob@local.test", "x@remote.example");
    queue_peer_deliver(peer, "bob@local.test", "y@remote.example");
    begin(&group, &leasing);
    queue_peer_send_dies(peer);
    end(&group);
    EXPECT(leasing.status == TRY_LATER);
    expect_jobs(peer, 2);
    arena_finish(&leasing.arena);
}

TEST("what is being read for a send process that dies goes to the next")
{
    queue_peer_run(dies_at_lease);
}

static void reported_at_lease(struct queue_peer *peer)
{
    struct task_group group;
    struct leasing leasing = {.peer = peer};
    odd_disk_use(peer);
    uint64_t first = queue_peer_deliver(peer, "bob@local.test", "x@remote.example");
    queue_peer_deliver(peer, "bob@local.test", "y@remote.example");
    begin(&group, &leasing);
    struct queue_job_recipient recipient = {.number = 0};
    struct queue_job guessed = {
        .lease = peer->queue->last_lease, .recipients = &recipient, .recipient_count = 1};
    EXPECT(queue_peer_sent(peer, &guessed) == OK);
    end(&group);
    EXPECT(leasing.status == OK && leasing.count == 1 && leasing.jobs[0].id != first);
    EXPECT(queue_peer_sent(peer, &leasing.jobs[0]) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    arena_finish(&leasing.arena);
}

TEST("a report of a job that was not given yet is a report, and the job is not given")
{
    queue_peer_run(reported_at_lease);
}

/* ---- Sessions that were turned round ---- */

static struct queue_peer *turning;
static enum directory_turn_verdict verdict;
static enum status turn_status;

static void turn_task(void *argument)
{
    struct directory_turn asked = {.account = TEXT("bob@local.test"),
                                   .session = *(uint64_t *)argument,
                                   .peer = TEXT("192.0.2.1:4711")};
    struct buffer request;
    struct rpc_reply reply = {0};
    int ends[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    buffer_init(&request, 4096);
    directory_turn_encode(&asked, &request);
    turn_status = rpc_ask(turning->auth, STORE_TURN, buffer_text(&request), ends[0],
                          clock_monotonic_ms() + MINUTE, &reply);
    if (turn_status == OK)
        EXPECT(directory_turn_get_verdict(buffer_text(&reply.bytes), &verdict));
    close(ends[1]);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
}

/* As auth asks, of which this is the answer. */
static enum status turn(struct queue_peer *peer)
{
    uint64_t session = 77;
    turning = peer;
    turn_task(&session);
    return turn_status;
}

static void begin_turn(struct queue_peer *peer, struct task_group *group, struct leasing *leasing)
{
    odd_disk_use(peer);
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@branch.test");
    EXPECT(turn(peer) == OK && verdict == TURN_BEGUN);
    leasing->turn = peer->last_turn;
    begin(group, leasing);
}

/* A session begins and takes all there is. */
static void expect_turn(struct queue_peer *peer, unsigned count)
{
    struct arena arena;
    struct queue_job *jobs;
    unsigned got;
    arena_init(&arena);
    EXPECT(turn(peer) == OK && verdict == TURN_BEGUN);
    EXPECT(queue_turn_lease(peer->send, peer->last_turn, 8, &arena, &jobs, &got) == OK);
    EXPECT(got == count);
    for (unsigned i = 0; i < got; i++)
        EXPECT(queue_peer_sent(peer, &jobs[i]) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    arena_finish(&arena);
}

static void dies_at_turn(struct queue_peer *peer)
{
    struct task_group group;
    struct leasing leasing = {.peer = peer};
    begin_turn(peer, &group, &leasing);
    queue_peer_send_dies(peer);
    end(&group);
    EXPECT(leasing.status == TRY_LATER);
    expect_turn(peer, 2);
    arena_finish(&leasing.arena);
}

TEST("what is being read for a turned session when send dies goes to the next session")
{
    queue_peer_run(dies_at_turn);
}

static void ends_at_lease(struct queue_peer *peer)
{
    struct task_group group;
    struct leasing leasing = {.peer = peer};
    begin_turn(peer, &group, &leasing);
    queue_turn_end(peer->send, peer->last_turn, TEXT("the connection was lost"));
    end(&group);
    EXPECT(leasing.status == REFUSED);
    expect_turn(peer, 2);
    arena_finish(&leasing.arena);
}

TEST("what is being read for a turned session that ends goes to the next")
{
    queue_peer_run(ends_at_lease);
}

static void reported_at_turn(struct queue_peer *peer)
{
    struct task_group group;
    struct leasing leasing = {.peer = peer};
    begin_turn(peer, &group, &leasing);
    struct queue_job_recipient recipient = {.number = 0};
    struct queue_job guessed = {
        .lease = peer->queue->last_lease, .recipients = &recipient, .recipient_count = 1};
    EXPECT(queue_peer_sent(peer, &guessed) == OK);
    end(&group);
    EXPECT(leasing.status == OK && leasing.count == 1);
    EXPECT_TEXT(leasing.jobs[0].recipients[0].address, "b@branch.test");
    arena_finish(&leasing.arena);
}

TEST("a turned session that reports a job before it has it does not get it")
{
    queue_peer_run(reported_at_turn);
}

/* A send process that takes a session and says nothing. */
static struct rpc_call *unanswered;

static void serve_turn_silently(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    close(rpc_take_fd(call));
    unanswered = call;
}

static const struct rpc_method silent_methods[] = {
    {SEND_TURN, RPC_INLINE, "turn", serve_turn_silently}};

static void dies_at_hand_over(struct queue_peer *peer)
{
    struct task_group group;
    int ends[2];
    uint64_t session = 0;
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_send_dies(peer);
    rpc_channel_close(&peer->send);
    while (rpc_channel_is_up(peer->send_in_store))
        task_yield();
    peer->send = rpc_channel_new("store", silent_methods, 1, peer, &peer->group);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(peer->send, ends[0]);
    rpc_channel_connect(peer->send_in_store, ends[1]);
    turning = peer;
    task_group_init(&group);
    task_spawn(&group, "turn", turn_task, &session);
    while (unanswered == NULL)
        task_yield();
    EXPECT(map_count(peer->queue->turns) == 1);
    rpc_fail(&unanswered, TRY_LATER, "too late");
    rpc_channel_close(&peer->send);
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(turn_status == TRY_LATER && map_count(peer->queue->turns) == 0);
    peer->send = rpc_channel_new("store", NULL, 0, peer, &peer->group);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(peer->send, ends[0]);
    rpc_channel_connect(peer->send_in_store, ends[1]);
    queue_peer_send_dies(peer);
    expect_turn(peer, 1);
}

TEST("a session that is given to a send process that dies of it is not turned round")
{
    queue_peer_run(dies_at_hand_over);
}
