/* Mail coming in, going out and being kept, while the n-th call to the kernel fails. */
#include "fault_peer.h"

/* ---- A message for a mailbox and a next hop ---- */

static void deliver(struct queue_peer *peer, size_t size)
{
    fault_begin();
    fault_ask(0);
    fault_tell(
        0, fault_peer_mail(peer, "a@far.example", "alice@local.test", "x@remote.example", size));
    fault_end();
    fault_peer_recovers(peer, 1);
}

static void act_delivery(struct queue_peer *peer)
{
    deliver(peer, 3000);
}

static void act_large_delivery(struct queue_peer *peer)
{
    deliver(peer, 1500000);
}

static void look_delivery(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    fault_peer_is_clean(peer);
    unsigned there = queue_peer_count(peer, "alice@local.test") - 2;
    fault_as_told(0, there);
    fault_expect(queue_peer_lease_left(peer, 10, &arena, &jobs) == there, "both of it or neither");
    if (there == 1) {
        struct text body = queue_peer_read(peer, "alice@local.test", 2, &arena);
        size_t from = text_find(body, 'b') == 0 ? 0 : body.length - jobs[0].size;
        fault_expect(from + jobs[0].size == body.length && body.data[body.length - 1] == 'b',
                     "the message is whole");
    }
    fault_peer_has_recovered(peer, 1);
    arena_finish(&arena);
}

TEST("a message for a mailbox and a next hop is kept whole or refused whole")
{
    fault_peer_loop(&(struct fault_peer){"delivery", fault_peer_deliver_two, act_delivery,
                                         look_delivery, true});
}

TEST("so is one that is too large for one record")
{
    fault_peer_loop(&(struct fault_peer){"large delivery", fault_peer_deliver_two,
                                         act_large_delivery, look_delivery, .is_long = true});
}

/* ---- LMTP: an answer for each ---- */

static void act_lmtp(struct queue_peer *peer)
{
    struct queue_result results[2];
    struct arena arena;
    arena_init(&arena);
    struct queue_peer_mail mail = {.sender = TEXT("a@far.example"),
                                   .body = TEXT("Subject: hello\r\n\r\nbody\r\n"),
                                   .to = {TEXT("alice@local.test"), TEXT("nobody@local.test")},
                                   .to_count = 2,
                                   .lmtp = true,
                                   .results = results,
                                   .arena = &arena};
    fault_begin();
    fault_ask(0);
    enum status status = queue_peer_mail(peer, &mail);
    fault_expect(status != OK || results[1].status == REFUSED, "there is no such recipient");
    fault_tell(0, status == OK ? results[0].status : status);
    fault_end();
    fault_peer_recovers(peer, 1);
    arena_finish(&arena);
}

static void look_lmtp(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    fault_as_told(0, queue_peer_count(peer, "alice@local.test") - 2);
    fault_peer_has_recovered(peer, 1);
}

TEST("LMTP answers as it was for each recipient")
{
    fault_peer_loop(
        &(struct fault_peer){"LMTP delivery", fault_peer_deliver_two, act_lmtp, look_lmtp});
}

/* ---- What a next hop said ---- */

enum { SENT = 0, RECOVERED = 1, AGAIN = 2 };

static void queue_one(struct queue_peer *peer)
{
    fault_expect(fault_peer_mail(peer, "alice@local.test", "x@remote.example", "", 3000) == OK,
                 "queued");
}

static void report(struct queue_peer *peer, enum status outcome, const char *enhanced)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    fault_begin();
    if (queue_peer_lease_soon(peer, 10, &arena, &jobs) == 1) {
        fault_ask(SENT);
        fault_tell(SENT, queue_peer_report(peer, &jobs[0], outcome, false, enhanced, "so"));
    }
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
    arena_finish(&arena);
}

static void act_delivered(struct queue_peer *peer)
{
    report(peer, OK, "2.0.0");
}

/* It is done once, or there to be done again; `done` says whether. */
static bool look_at_job(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    fault_peer_is_clean(peer);
    bool done = queue_peer_lease_left(peer, 10, &arena, &jobs) == 0;
    fault_as_told(SENT, done);
    fault_expect(done || jobs[0].size == 3000, "the message is whole");
    fault_peer_has_recovered(peer, RECOVERED);
    arena_finish(&arena);
    return done;
}

static void look_delivered(struct queue_peer *peer)
{
    bool done = look_at_job(peer);
    fault_expect(queue_counts_now(peer->queue).items == !done, "nothing else is left of it");
}

TEST("what a next hop took is not sent to it again, unless that could not be written down")
{
    fault_peer_loop(
        &(struct fault_peer){"a next hop took it", queue_one, act_delivered, look_delivered, true});
}

static void act_refused(struct queue_peer *peer)
{
    report(peer, REFUSED, "5.1.1");
}

/* The report is written after the outcome was, by this process or by the next. */
static void look_refused(struct queue_peer *peer)
{
    bool done = look_at_job(peer);
    fault_expect(queue_peer_await(peer, "alice@local.test", done), "the sender is told once");
    fault_expect(queue_counts_now(peer->queue).items == !done, "nothing else is left of it");
    fault_peer_is_clean(peer);
}

TEST("a sender is told once of what a next hop refused")
{
    fault_peer_loop(
        &(struct fault_peer){"a next hop refused it", queue_one, act_refused, look_refused});
}

static void act_put_off(struct queue_peer *peer)
{
    report(peer, TRY_LATER, "4.2.0");
}

static void look_put_off(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    fault_peer_is_clean(peer);
    fault_expect(queue_counts_now(peer->queue).items == 1, "it is still queued");
    queue_retry(peer->queue, 0, TEXT(""));
    fault_expect(queue_peer_lease(peer, 10, &arena, &jobs) == 1, "it is tried again");
    fault_expect(jobs[0].size == 3000, "the message is whole");
    fault_peer_has_recovered(peer, RECOVERED);
    arena_finish(&arena);
}

TEST("what a next hop put off stays queued")
{
    fault_peer_loop(
        &(struct fault_peer){"a next hop put it off", queue_one, act_put_off, look_put_off});
}
