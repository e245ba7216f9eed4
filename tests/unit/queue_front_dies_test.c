/* Fronts that die, and several at a time: what one had begun goes with it, what was accepted stays,
 * and no other front notices. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/wire.h"
#include "directory/turn.h"
#include "odd_disk.h"
#include "protolog/gather.h"
#include "queue/internal.h"
#include "queue/links/links.h"
#include "queue/turn/turn.h"

enum { WAIT_MS = 60 * SECOND };

/* ---- Calls that wait while the test goes on ---- */

struct asking {
    struct rpc_channel *channel;
    uint16_t method;
    struct buffer request;
    enum status status;
    char reason[REASON_BYTES];
};

static void ask_task(void *argument)
{
    struct asking *asking = argument;
    struct rpc_reply reply = {0};
    asking->status = rpc_ask(asking->channel, asking->method, buffer_text(&asking->request), -1,
                             clock_monotonic_ms() + WAIT_MS, &reply);
    snprintf(asking->reason, sizeof(asking->reason), "%s", fail_reason());
    rpc_reply_finish(&reply);
    buffer_finish(&asking->request);
}

static void begin(struct task_group *group, struct asking *asking)
{
    task_spawn(group, "asking", ask_task, asking);
}

static struct asking append_of(struct rpc_channel *front, uint64_t id, uint64_t offset,
                               struct text bytes)
{
    struct asking asking = {.channel = front, .method = QUEUE_APPEND};
    buffer_init(&asking.request, QUEUE_INLINE_MAX + 100);
    wire_put_u64(&asking.request, id);
    wire_put_u64(&asking.request, offset);
    wire_put_text(&asking.request, bytes);
    return asking;
}

static struct asking commit_of(struct rpc_channel *front, uint64_t id, uint64_t appended)
{
    struct asking asking = {.channel = front, .method = QUEUE_COMMIT};
    struct queue_recipient recipient = {.address = TEXT("bob@local.test")};
    struct queue_commit_request request = {.envelope = {.id = id,
                                                        .sender = TEXT("a@far.example"),
                                                        .server = TEXT("internet"),
                                                        .recipients = &recipient,
                                                        .recipient_count = 1},
                                           .appended = appended,
                                           .body = appended > 0 ? TEXT("") : TEXT("small\r\n")};
    buffer_init(&asking.request, 1 << 16);
    queue_commit_encode(&request, &asking.request);
    return asking;
}

static enum status append(struct rpc_channel *front, uint64_t id, uint64_t offset,
                          struct text bytes)
{
    struct asking asking = append_of(front, id, offset, bytes);
    ask_task(&asking);
    return asking.status == TRY_LATER ? try_later("%s", asking.reason) : asking.status;
}

static enum status commit(struct rpc_channel *front, uint64_t id, uint64_t appended)
{
    struct asking asking = commit_of(front, id, appended);
    ask_task(&asking);
    return asking.status == TRY_LATER ? try_later("%s", asking.reason) : asking.status;
}

static void tell_abandoned(struct rpc_channel *front, uint64_t id)
{
    struct buffer out;
    buffer_init(&out, 100);
    wire_put_u64(&out, id);
    EXPECT(rpc_tell(front, QUEUE_ABANDON, buffer_text(&out)) == OK);
    buffer_finish(&out);
}

static uint64_t new_id(struct queue_peer *peer)
{
    return peer->last_id = id_new(peer->last_id);
}

/* ---- A second front ---- */

static struct rpc_channel *other, *other_in_store;

static void connect_pair(struct rpc_channel *a, struct rpc_channel *b)
{
    int ends[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(a, ends[0]);
    rpc_channel_connect(b, ends[1]);
}

static void open_other(struct queue_peer *peer)
{
    other = rpc_channel_new("store", NULL, 0, NULL, &peer->group);
    other_in_store = rpc_channel_new("front", queue_front_methods, QUEUE_FRONT_METHODS, peer->queue,
                                     &peer->group);
    connect_pair(other, other_in_store);
    queue_watch_front(peer->queue, other_in_store);
}

static void other_dies(void)
{
    rpc_channel_close(&other);
    while (rpc_channel_is_up(other_in_store))
        task_yield();
}

static void other_returns(struct queue_peer *peer)
{
    other = rpc_channel_new("store", NULL, 0, NULL, &peer->group);
    connect_pair(other, other_in_store);
}

/* The store watches both until it ends; it comes back without the other. */
static void close_other(struct queue_peer *peer)
{
    queue_peer_close(peer);
    rpc_channel_close(&other);
    rpc_channel_close(&other_in_store);
    queue_peer_open(peer);
}

/* ---- Deaths ---- */

static void dies_with_parts(struct queue_peer *peer)
{
    uint64_t lost[3], mine = new_id(peer);
    open_other(peer);
    EXPECT(append(peer->front, mine, 0, TEXT("12345")) == OK);
    for (unsigned i = 0; i < 3; i++) {
        lost[i] = new_id(peer);
        EXPECT(append(other, lost[i], 0, TEXT("never to be ended")) == OK);
    }
    other_dies();
    EXPECT(map_count(peer->queue->uploads) == 1);
    /* What it knows of room it knows from before: who is not there is not told of news. */
    queue_peer_add_settings(peer, "");
    EXPECT(commit(peer->front, mine, 5) == OK);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 1);
    other_returns(peer);
    EXPECT(commit(other, lost[0], 17) == TRY_LATER);
    EXPECT(append(other, lost[1], 17, TEXT("more")) == TRY_LATER);
    EXPECT(append(other, lost[1], 0, TEXT("anew")) == OK && commit(other, lost[1], 4) == OK);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 2);
    close_other(peer);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 2);
}

TEST("what a front had of large messages goes with it, and no other front loses any")
{
    queue_peer_run(dies_with_parts);
}

static void dies_while_committing(struct queue_peer *peer)
{
    uint64_t large = new_id(peer), small = new_id(peer);
    struct task_group group;
    odd_disk_use(peer);
    odd_disk_is(DISK_SYNCS_WAIT);
    open_other(peer);
    task_group_init(&group);
    EXPECT(append(other, large, 0, TEXT("12345")) == OK);
    struct asking asked[] = {commit_of(other, large, 5), commit_of(other, small, 0)};
    begin(&group, &asked[0]);
    begin(&group, &asked[1]);
    while (map_count(peer->queue->committing) < 2)
        task_yield();
    other_dies();
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(map_count(peer->queue->committing) == 2);
    odd_disk_is(DISK_FINE);
    EXPECT(asked[0].status == TRY_LATER && asked[1].status == TRY_LATER);
    EXPECT(queue_peer_await(peer, "bob@local.test", 2)); /* nobody heard of it, but it is here */
    while (map_count(peer->queue->committing) > 0)
        task_yield();
    EXPECT(map_count(peer->queue->uploads) == 0);
    other_returns(peer);
    EXPECT(commit(other, small, 0) == TRY_LATER); /* there is a message of this id */
    close_other(peer);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 2);
}

TEST("mail that is being committed when its front dies is delivered whole")
{
    queue_peer_run(dies_while_committing);
}

/* ---- At a time ---- */

static void one_id(struct queue_peer *peer)
{
    uint64_t id = new_id(peer), large = new_id(peer);
    struct task_group group;
    open_other(peer);
    task_group_init(&group);
    EXPECT(append(other, large, 0, TEXT("12345")) == OK);
    struct asking asked[] = {commit_of(other, large, 5), commit_of(other, large, 5),
                             append_of(other, large, 5, TEXT("more")), commit_of(other, id, 0),
                             commit_of(peer->front, id, 0)};
    for (unsigned i = 0; i < 5; i++)
        begin(&group, &asked[i]);
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(asked[0].status == OK);
    EXPECT(asked[1].status == TRY_LATER && asked[2].status == TRY_LATER);
    EXPECT((asked[3].status == OK) != (asked[4].status == OK));
    EXPECT(asked[3].status == TRY_LATER || asked[4].status == TRY_LATER);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 2);
    close_other(peer);
}

TEST("of two messages that come with one id at a time one is taken, the other is to come later")
{
    queue_peer_run(one_id);
}

static char chunk[QUEUE_INLINE_MAX];

static bool is_some_busy(const struct queue *queue, uint64_t *id)
{
    size_t position = 0;
    void *value;
    while (map_next(queue->uploads, &position, NULL, &value)) {
        const struct upload_slot *slot = value;
        *id = slot->id;
        if (slot->busy)
            return true;
    }
    return false;
}

static void abandoned_at_work(struct queue_peer *peer)
{
    enum { FRONTS = 24 }; /* so many parts at a time that the log does not keep up */
    static struct asking asked[FRONTS];
    struct task_group group;
    uint64_t id = 0;
    task_group_init(&group);
    odd_disk_use(peer);
    odd_disk_is(DISK_SYNCS_WAIT);
    memset(chunk, 'b', sizeof(chunk));
    for (unsigned i = 0; i < FRONTS; i++) {
        asked[i] = append_of(peer->front, new_id(peer), 0, text_of(chunk, sizeof(chunk)));
        begin(&group, &asked[i]);
    }
    while (!is_some_busy(peer->queue, &id))
        task_yield();
    EXPECT(append(peer->front, id, sizeof(chunk), TEXT("more")) == TRY_LATER);
    tell_abandoned(peer->front, id);
    EXPECT(append(peer->front, id, sizeof(chunk), TEXT("more")) == TRY_LATER);
    odd_disk_is(DISK_FINE);
    task_group_wait(&group, NO_DEADLINE);
    for (unsigned i = 0; i < FRONTS; i++)
        EXPECT(asked[i].status == OK);
    EXPECT(map_count(peer->queue->uploads) == FRONTS - 1);
    EXPECT(commit(peer->front, id, sizeof(chunk)) == TRY_LATER);
    EXPECT(commit(peer->front, id, 0) == OK);
}

TEST("a message that is abandoned while a part of it is written is gone after that")
{
    queue_peer_run(abandoned_at_work);
}

static void too_many(struct queue_peer *peer)
{
    enum { MOST = 10000 };
    struct task_group group;
    uint64_t last = 0;
    unsigned taken = 0;
    task_group_init(&group);
    for (enum status status = OK; status == OK && taken <= MOST; taken += status == OK)
        status = append(peer->front, last = new_id(peer), 0, TEXT("large"));
    EXPECT(taken == MOST);
    EXPECT(strstr(fail_reason(), "too many large messages") != NULL);
    queue_peer_deliver(peer, "a@far.example", "bob@local.test"); /* small ones are taken */
    uint64_t first = 0;
    (void)is_some_busy(peer->queue, &first);
    tell_abandoned(peer->front, first);
    EXPECT(append(peer->front, last, 0, TEXT("large")) == OK);
}

TEST("large messages are begun only so many at a time; the next waits for the end of one")
{
    queue_peer_run(too_many);
}

/* ---- Connections that were turned round to us ---- */

static unsigned received;

static void serve_receive(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    EXPECT_TEXT(request, "192.0.2.1:25");
    close(rpc_take_fd(call));
    received++;
    rpc_answer(&call, TEXT(""));
}

static const struct rpc_method receiving[] = {
    {FRONT_RECEIVE, RPC_INLINE, "receive", serve_receive},
};

static enum status receive(struct queue_peer *peer)
{
    int ends[2];
    char byte;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    enum status status = queue_receive(peer->send, TEXT("192.0.2.1:25"), ends[0]);
    EXPECT(read(ends[1], &byte, 1) == 0); /* whoever had it has closed it */
    close(ends[1]);
    return status;
}

static void receives(struct queue_peer *peer)
{
    open_other(peer);
    rpc_channel_close(&other);
    while (rpc_channel_is_up(other_in_store))
        task_yield();
    other = rpc_channel_new("store", receiving, 1, NULL, &peer->group);
    connect_pair(other, other_in_store);
    rpc_channel_close(&peer->front);
    while (rpc_channel_is_up(peer->front_in_store))
        task_yield();
    received = 0;
    for (unsigned i = 0; i < 3; i++)
        EXPECT(receive(peer) == OK && received == i + 1);
    EXPECT(queue_receive(peer->send, TEXT("192.0.2.1:25"), -1) == REFUSED);
    other_dies();
    EXPECT(receive(peer) == TRY_LATER && received == 3);
    close_other(peer);
}

TEST("a connection that was turned round goes to a front that is there, and to none when none is")
{
    queue_peer_run(receives);
}

/* ---- A store that is not open ---- */

static void ask_before(struct rpc_channel *mine, uint16_t method)
{
    struct asking asking = {.channel = mine, .method = method};
    buffer_init(&asking.request, 100);
    wire_put_u64(&asking.request, 1);
    wire_put_u64(&asking.request, 0);
    wire_put_u32(&asking.request, 10);
    ask_task(&asking);
    /* There is nothing to end; and such bytes are no question about links at any time. */
    EXPECT(asking.status ==
           (method == QUEUE_LINK_ANSWER || method == QUEUE_TURN_END ? REFUSED : TRY_LATER));
}

/* A session is to be turned round, says auth. */
static enum status ask_turn(struct queue_peer *peer, struct queue *queue)
{
    static const struct rpc_method methods[] = {{STORE_TURN, 0, "turn", queue_serve_turn}};
    struct rpc_channel *auth = rpc_channel_new("store", NULL, 0, NULL, &peer->group);
    struct rpc_channel *in_store = rpc_channel_new("auth", methods, 1, queue, &peer->group);
    struct rpc_reply reply = {0};
    int ends[2];
    char byte;
    connect_pair(auth, in_store);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    enum status status =
        rpc_ask(auth, STORE_TURN, TEXT(""), ends[0], clock_monotonic_ms() + WAIT_MS, &reply);
    EXPECT(read(ends[1], &byte, 1) == 0); /* it was closed */
    close(ends[1]);
    rpc_reply_finish(&reply);
    rpc_channel_close(&auth);
    rpc_channel_close(&in_store);
    return status;
}

static void not_open(struct queue_peer *peer)
{
    static const uint16_t of_front[] = {QUEUE_APPEND, QUEUE_COMMIT, QUEUE_URL,
                                        QUEUE_ETRN,   QUEUE_ROOM,   QUEUE_LINK_ANSWER};
    static const uint16_t of_send[] = {QUEUE_LEASE,   QUEUE_BODY,       QUEUE_CLAIM,
                                       QUEUE_REPORT,  QUEUE_TURN_LEASE, QUEUE_TURN_END,
                                       QUEUE_LINK_SAY};
    struct queue *opened = peer->queue, *queue = queue_new();
    struct rpc_channel *front = rpc_channel_new("store", NULL, 0, NULL, &peer->group);
    struct rpc_channel *front_in_store =
        rpc_channel_new("front", queue_front_methods, QUEUE_FRONT_METHODS, queue, &peer->group);
    struct rpc_channel *send = rpc_channel_new("store", NULL, 0, NULL, &peer->group);
    struct rpc_channel *send_in_store =
        rpc_channel_new("send", queue_send_methods, QUEUE_SEND_METHODS, queue, &peer->group);
    connect_pair(front, front_in_store);
    connect_pair(send, send_in_store);
    for (unsigned i = 0; i < sizeof(of_front) / sizeof(*of_front); i++)
        ask_before(front, of_front[i]);
    for (unsigned i = 0; i < sizeof(of_send) / sizeof(*of_send); i++)
        ask_before(send, of_send[i]);
    EXPECT(ask_turn(peer, queue) == TRY_LATER);
    struct queue_link_question question = {.packet = TEXT("packet")};
    EXPECT(queue_link_answer(front, &question, NULL) == TRY_LATER);
    tell_abandoned(front, 1);
    EXPECT(rpc_tell(front, PROTOLOG_ROWS, TEXT("rows that nobody keeps")) == OK);
    EXPECT(rpc_tell(send, PROTOLOG_ROWS, TEXT("rows that nobody keeps")) == OK);
    ask_before(front, QUEUE_APPEND); /* behind what was told */
    ask_before(send, QUEUE_LEASE);
    rpc_channel_close(&front);
    rpc_channel_close(&send);
    queue_stop(&queue);
    rpc_channel_close(&front_in_store);
    rpc_channel_close(&send_in_store);
    EXPECT(peer->queue == opened);
}

TEST("while the store is not open yet all is to come later")
{
    queue_peer_run(not_open);
}
