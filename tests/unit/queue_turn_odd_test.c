/* Sessions that were turned round, where something is odd: too many, too much mail, settings that
 * changed, hops that are frozen, and mail that can't be read. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "directory/turn.h"
#include "odd_disk.h"
#include "queue/internal.h"

static int64_t now, ahead;
static struct arena arena;

static void run(void (*test)(struct queue_peer *peer))
{
    arena_init(&arena);
    ahead = 0;
    queue_peer_run_at(&now, test);
    clock_set_wall_for_test(NULL);
    arena_finish(&arena);
}

/* As auth asks; TURN_VERDICTS when it was put off or refused. */
static enum directory_turn_verdict turn_in(struct queue_peer *peer, const char *account,
                                           uint64_t session)
{
    struct directory_turn asked = {
        .account = text_from(account), .session = session, .peer = TEXT("192.0.2.1:4711")};
    struct buffer request;
    struct rpc_reply reply = {0};
    int ends[2];
    enum directory_turn_verdict verdict = TURN_VERDICTS;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    buffer_init(&request, 4096);
    directory_turn_encode(&asked, &request);
    if (rpc_ask(peer->auth, STORE_TURN, buffer_text(&request), ends[0],
                clock_monotonic_ms() + MINUTE, &reply) == OK)
        EXPECT(directory_turn_get_verdict(buffer_text(&reply.bytes), &verdict));
    close(ends[1]);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return verdict;
}

static enum directory_turn_verdict turn(struct queue_peer *peer, const char *account)
{
    return turn_in(peer, account, 77);
}

static unsigned take(struct queue_peer *peer, unsigned most, struct queue_job **jobs)
{
    unsigned count = 0;
    EXPECT(queue_turn_lease(peer->send, peer->last_turn, most, &arena, jobs, &count) == OK);
    return count;
}

/* ---- How many, how much ---- */

static void too_many(struct queue_peer *peer)
{
    enum { MOST = 1000 };
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    for (unsigned i = 0; i < MOST; i++)
        EXPECT(turn_in(peer, "bob@local.test", i) == TURN_BEGUN); /* one has no session */
    EXPECT(turn(peer, "bob@local.test") == TURN_VERDICTS);
    EXPECT(strstr(fail_reason(), "no session can be turned round") != NULL);
    EXPECT(peer->turned == MOST);
    queue_turn_end(peer->send, peer->last_turn, TEXT(""));
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
}

TEST("sessions are turned round only so many at a time; the next waits for the end of one")
{
    run(too_many);
}

static void at_a_time(struct queue_peer *peer)
{
    struct queue_job *jobs;
    for (unsigned i = 0; i < 10; i++)
        queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 50, &jobs) == 8);
    EXPECT(take(peer, 50, &jobs) == 2);
    EXPECT(take(peer, 50, &jobs) == 0);
}

TEST("a session gets eight messages at a time, whatever it asks for")
{
    run(at_a_time);
}

/* With a thousand recipients, each with a long name of before: a megabyte of envelope. */
static void mail_to_thousand(struct queue_peer *peer)
{
    enum { COUNT = 1000 };
    static char name[1000];
    static struct queue_recipient many[COUNT];
    memset(name, 'r', sizeof(name));
    for (unsigned i = 0; i < COUNT; i++)
        many[i] = (struct queue_recipient){.address = arena_printf(&arena, "r%u@branch.test", i),
                                           .original_recipient = text_of(name, sizeof(name))};
    struct queue_envelope envelope = {.id = peer->last_id = id_new(peer->last_id),
                                      .sender = TEXT("alice@local.test"),
                                      .server = TEXT("internet"),
                                      .recipients = many,
                                      .recipient_count = COUNT};
    struct queue_message *message = queue_begin(peer->front, &envelope);
    queue_append(message, TEXT("Subject: x\r\n\r\nx\r\n"));
    EXPECT(queue_commit(&message, &arena, NULL) == OK);
}

static void large_envelopes(struct queue_peer *peer)
{
    struct queue_job *jobs;
    for (unsigned i = 0; i < 4; i++)
        mail_to_thousand(peer);
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 8, &jobs) == 3 && jobs[2].recipient_count == 1000);
    EXPECT(take(peer, 8, &jobs) == 1);
}

TEST("messages with very large envelopes are given fewer at a time")
{
    run(large_envelopes);
}

/* ---- What may not be taken ---- */

static void other_way(struct queue_peer *peer)
{
    struct queue_job *jobs;
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@partner.example");
    struct queue_peer_mail both = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to = {TEXT("c@partner.example"), TEXT("d@partner.example")},
                                   .to_count = 2};
    EXPECT(queue_peer_mail(peer, &both) == OK);
    /* The domain goes by another connector now, and what waits at the old one is not its mail. */
    queue_peer_set_connectors(peer,
                              "connector branch {\n to else.test\n hold for bob@local.test\n}\n"
                              "connector third {\n to branch.test\n hold for bob@local.test\n}\n"
                              "connector partner {\n to p2.example\n hold for bob@local.test\n}\n");
    EXPECT(turn(peer, "bob@local.test") == TURN_NO_MAIL);
    queue_peer_set_connectors(peer,
                              "connector branch {\n to branch.test\n hold for bob@local.test\n}\n");
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 8, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "a@branch.test");
}

TEST("mail that waits at a connector by which its domain goes no more is taken from no session")
{
    run(other_way);
}

static void frozen(struct queue_peer *peer)
{
    struct queue_job *jobs;
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@second.test");
    EXPECT(queue_freeze_hop(peer->queue, TEXT("branch mx:branch.test"), true) == OK);
    EXPECT(turn(peer, "carol@local.test") == TURN_NO_MAIL);
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 8, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "b@second.test");
    EXPECT(queue_freeze_hop(peer->queue, TEXT("branch mx:branch.test"), false) == OK);
    EXPECT(take(peer, 8, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "a@branch.test");
}

TEST("mail of a hop that is frozen is given to no session until it is thawed")
{
    run(frozen);
}

/* ---- A disk that can't be read for a time ---- */

static void unreadable_at_turn(struct queue_peer *peer)
{
    struct queue_job *jobs;
    odd_disk_use(peer);
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@branch.test");
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    odd_disk_is(DISK_READS_FAIL);
    EXPECT(take(peer, 8, &jobs) == 0);
    odd_disk_is(DISK_FINE);
    EXPECT(take(peer, 8, &jobs) == 0); /* it had its turn */
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 8, &jobs) == 2);
}

TEST("mail that can't be read while a session asks for it is given to the next")
{
    run(unreadable_at_turn);
}

static void note_queue(void *context, const struct queue_view *view)
{
    text_copy(text_from(view->state), context, 16);
}

static const char *state(struct queue_peer *peer)
{
    static char state[16];
    queue_each(peer->queue, 0, note_queue, state);
    return state;
}

static void unreadable_for_a_time(struct queue_peer *peer)
{
    odd_disk_use(peer);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    odd_disk_is(DISK_READS_FAIL);
    EXPECT(queue_peer_rests(peer));
    odd_disk_is(DISK_FINE);
    EXPECT(queue_peer_rests(peer));
    EXPECT(strcmp(state(peer), "sending") != 0);
    now += MINUTE;
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("mail that can't be read is tried again in a minute, and then sent")
{
    run(unreadable_for_a_time);
}

/* ---- Ends ---- */

static void ends_while_reported(struct queue_peer *peer)
{
    struct queue_job *jobs;
    struct task_group group;
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 1, &jobs) == 1);
    struct queue_peer_telling telling = {
        .peer = peer, .job = jobs, .outcome = {.status = TRY_LATER, .enhanced = TEXT("4.2.1")}};
    struct queued_item *item = schedule_find(peer->queue, jobs->id, jobs->item);
    task_group_init(&group);
    task_spawn(&group, "tell", queue_peer_tell_task, &telling);
    while (!item->busy && group.count > 0)
        task_yield();
    EXPECT(item->busy);
    queue_turn_end(peer->send, peer->last_turn, TEXT(""));
    while (group.count > 0) {
        store_settle(queue_store(peer->queue));
        task_yield();
    }
    EXPECT(telling.status == OK);
    EXPECT(queue_peer_sent(peer, jobs) == REFUSED);
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(take(peer, 8, &jobs) == 1);
    EXPECT(queue_peer_sent(peer, jobs) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("a session that ends while a report of it is written leaves what that says")
{
    run(ends_while_reported);
}

static enum status ask(struct rpc_channel *channel, uint16_t method, uint64_t id, uint32_t most)
{
    struct rpc_reply reply = {0};
    struct buffer request;
    buffer_init(&request, 64);
    wire_put_u64(&request, id);
    wire_put_u32(&request, most); /* "", as a text */
    enum status status =
        rpc_ask(channel, method, buffer_text(&request), -1, clock_monotonic_ms() + MINUTE, &reply);
    buffer_finish(&request);
    rpc_reply_finish(&reply);
    return status;
}

static void odd_numbers(struct queue_peer *peer)
{
    struct queue_job *jobs;
    struct rpc_reply reply = {0};
    int ends[2];
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    EXPECT(turn(peer, "bob@local.test") == TURN_BEGUN);
    EXPECT(ask(peer->send, QUEUE_TURN_LEASE, peer->last_turn, 0) == REFUSED);
    EXPECT(ask(peer->send, QUEUE_TURN_LEASE, peer->last_turn + 1, 1) == REFUSED);
    EXPECT(ask(peer->send, QUEUE_TURN_END, 0, 0) == REFUSED);
    EXPECT(ask(peer->send, QUEUE_TURN_END, peer->last_turn + 1, 0) == REFUSED);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    EXPECT(rpc_ask(peer->auth, STORE_TURN, TEXT("junk"), ends[0], clock_monotonic_ms() + MINUTE,
                   &reply) == REFUSED);
    rpc_reply_finish(&reply);
    char byte;
    EXPECT(read(ends[1], &byte, 1) == 0); /* it was closed */
    close(ends[1]);
    EXPECT(take(peer, 1, &jobs) == 1);
    EXPECT(queue_peer_sent(peer, jobs) == OK);
}

TEST("a session that is none ends nothing and gets nothing")
{
    run(odd_numbers);
}

static void clock_back(struct queue_peer *peer)
{
    struct queue_etrn etrn = {.node = TEXT("node.test"),
                              .is_trusted = true,
                              .session = 78,
                              .peer = TEXT("192.0.2.2:4711")};
    enum queue_etrn_verdict verdict;
    unsigned started;
    clock_set_wall_for_test(&ahead);
    queue_peer_deliver(peer, "alice@local.test", "a@node.test");
    EXPECT(queue_etrn(peer->front, &etrn, &verdict, &started) == OK && started == 1);
    ahead = -9 * SECOND;
    EXPECT(queue_etrn(peer->front, &etrn, &verdict, &started) == OK && started == 1);
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
}

TEST("what ETRN let go is due when it is asked for again, though the clock was set back since")
{
    run(clock_back);
}
