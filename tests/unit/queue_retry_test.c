#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "queue_peer.h"

static int64_t now;

/* The one job that is due, or NULL. */
static bool has(struct text text, const char *part)
{
    return text_find_text(text, text_from(part)) < text.length;
}

static void hop_schedule(struct queue_peer *peer)
{
    static const int64_t waits[] = {60, 60, 60, 600, 600, 600, 900, 900};
    struct arena arena;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        struct queue_job *job = queue_peer_lease_one(peer, &arena);
        EXPECT(job != NULL);
        EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
        now += waits[i] * SECOND - 1;
        EXPECT(queue_peer_rests(peer));
        now += 1;
    }
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    EXPECT(queue_counts_now(peer->queue).hops == 0);
    arena_finish(&arena);
}

/* shows: T17 T20 */
TEST("a hop that does not answer rests 1 minute thrice, 10 thrice, then 15")
{
    queue_peer_run_at(&now, hop_schedule);
}

static void late_report(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *old = queue_peer_lease_one(peer, &arena);
    EXPECT(old != NULL);
    queue_peer_close(peer); /* the store dies; send does not, and delivers */
    now += 1;
    queue_peer_open(peer);
    queue_peer_deliver(peer, "alice@local.test", "y@other.example");
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL &&
           queue_peer_lease_one(peer, &arena) != NULL);
    EXPECT(queue_peer_sent(peer, old) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the lease has ended");
    EXPECT(queue_counts_now(peer->queue).messages == 2);
    arena_finish(&arena);
}

TEST("a report on a lease of the store before this one is not taken for another message's")
{
    queue_peer_run_at(&now, late_report);
}

struct teller {
    struct queue_peer *peer;
    const struct queue_job *job;
    enum status status;
};

static void tell_task(void *context)
{
    struct teller *teller = context;
    teller->status = queue_peer_sent(teller->peer, teller->job);
}

static void told_twice_at_once(struct queue_peer *peer)
{
    struct arena arena;
    struct task_group group;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    struct teller tellers[] = {{peer, job, OK}, {peer, job, OK}};
    task_group_init(&group);
    task_spawn(&group, "first", tell_task, &tellers[0]);
    task_spawn(&group, "second", tell_task, &tellers[1]);
    while (group.count > 0)
        task_yield();
    EXPECT(tellers[0].status == OK && tellers[1].status == TRY_LATER);
    EXPECT(queue_peer_sent(peer, job) == REFUSED);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    arena_finish(&arena);
}

TEST("a report that comes while the same is being written is to come again")
{
    queue_peer_run_at(&now, told_twice_at_once);
}

static void hops_apart(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    for (int i = 0; i < 50; i++)
        queue_peer_deliver(peer, "alice@local.test", "x@dead.example");
    queue_peer_deliver(peer, "alice@local.test", "x@alive.example");
    EXPECT(queue_peer_lease(peer, 2, &arena, &jobs) == 2);
    EXPECT_TEXT(jobs[0].domain, "dead.example");
    EXPECT_TEXT(jobs[1].domain, "alive.example");
    EXPECT(queue_peer_report(peer, &jobs[0], TRY_LATER, true, "4.4.1", "timed out") == OK);
    EXPECT(queue_peer_sent(peer, &jobs[1]) == OK);
    EXPECT(queue_peer_rests(peer)); /* the other 49 wait with their hop */
    now += MINUTE;
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1); /* a probe */
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 10);
    arena_finish(&arena);
}

TEST("a dead hop holds up nobody else, is probed by one, and comes back whole")
{
    queue_peer_run_at(&now, hops_apart);
}

static void message_alone(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t first = queue_peer_deliver(peer, "alice@local.test", "grey@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.7.1", "greylisted") == OK);
    uint64_t second = queue_peer_deliver(peer, "alice@local.test", "y@far.example");
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == second);
    EXPECT(queue_peer_sent(peer, job) == OK);
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(queue_peer_rests(peer)); /* it remembers over a restart */
    now += 10 * MINUTE;
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == first);
    arena_finish(&arena);
}

/* shows: T22 */
TEST("an answer of 4xx puts off that message alone")
{
    queue_peer_run_at(&now, message_alone);
}

static void send_dies(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    EXPECT(queue_peer_lease(peer, 1, &arena, &jobs) == 1);
    struct queue_job old = jobs[0];
    EXPECT(queue_peer_rests(peer)); /* also ends this send process */
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == old.id && job->lease != old.lease);
    EXPECT(queue_peer_sent(peer, &old) == REFUSED);
    EXPECT(queue_peer_sent(peer, job) == OK);
    arena_finish(&arena);
}

TEST("what a dead send process had is due at once, and its late word counts for nothing")
{
    queue_peer_run_at(&now, send_dies);
}

static void bounce(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: precious\r\n\r\nthe body\r\n"),
                                   .to = {TEXT("good@far.example"), TEXT("bad@far.example")},
                                   .to_count = 2,
                                   .terms = {.envelope_id = TEXT("ENV-42")}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->recipient_count == 2);
    struct queue_outcome outcomes[2] = {{.number = 0, .status = OK},
                                        {.number = 1,
                                         .status = REFUSED,
                                         .enhanced = TEXT("5.1.1"),
                                         .remote_host = TEXT("mx.far.example"),
                                         .reply = TEXT("550 5.1.1 no such person")}};
    EXPECT(queue_peer_tell(peer, job, outcomes) == OK);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text report = queue_peer_read(peer, "alice@local.test", 0, &arena);
    EXPECT(text_starts_with(report, TEXT("Return-Path: <>\r\n")));
    EXPECT(has(report, "Final-Recipient: rfc822; bad@far.example"));
    EXPECT(has(report, "Action: failed"));
    EXPECT(has(report, "Status: 5.1.1"));
    EXPECT(has(report, "no such person"));
    EXPECT(has(report, "Original-Envelope-Id: ENV-42"));
    EXPECT(has(report, "the body"));
    EXPECT(!has(report, "good@far.example"));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    arena_finish(&arena);
}

TEST("a refused recipient is reported to the sender, with the peer's words and the message")
{
    queue_peer_run_at(&now, bounce);
}

static void count_bad(void *context, const struct queue_view *view)
{
    *(unsigned *)context += text_equals(text_from(view->state), TEXT("bad"));
}

static void bounce_of_bounce(struct queue_peer *peer)
{
    struct arena arena;
    unsigned bad = 0;
    arena_init(&arena);
    queue_peer_deliver(peer, "", "bad@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.1.1", "no") == OK);
    queue_each(peer->queue, 0, count_bad, &bad);
    EXPECT(bad == 1);
    queue_peer_close(peer);
    queue_peer_open(peer);
    bad = 0;
    queue_each(peer->queue, 0, count_bad, &bad);
    EXPECT(bad == 1);
    EXPECT(queue_purge_bad(peer->queue, 0, &bad) == OK && bad == 1);
    EXPECT(queue_counts_now(peer->queue).items == 0);
    EXPECT(store_space_now(queue_store(peer->queue)).live_bytes == 0);
    arena_finish(&arena);
}

TEST("a bounce that can't be delivered is kept as bad mail until it is purged")
{
    queue_peer_run_at(&now, bounce_of_bounce);
}

static void delay_and_expiry(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "no route to host") == OK);
    now += 12 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text notice = queue_peer_read(peer, "alice@local.test", 0, &arena);
    EXPECT(has(notice, "Action: delayed") && has(notice, "no route to host"));
    EXPECT(has(notice, "Will-Retry-Until:"));
    now += 12 * HOUR;
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 2)); /* once */
    now += DAY;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    struct text report = queue_peer_read(peer, "alice@local.test", 1, &arena);
    EXPECT(has(report, "Action: failed") && has(report, "Status: 5.4.7"));
    EXPECT(has(report, "no route to host"));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    arena_finish(&arena);
}

TEST("the sender hears of a delay once after 12 hours, and of the failure after 2 days")
{
    queue_peer_run_at(&now, delay_and_expiry);
}

static void notify(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nsecret\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1,
                                   .notify = NOTIFY_NEVER};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.0.0", "no") == OK);
    mail.notify = NOTIFY_SUCCESS;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, OK, false, "2.0.0", "fine") == OK);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text report = queue_peer_read(peer, "alice@local.test", 0, &arena);
    EXPECT(has(report, "Action: relayed") && !has(report, "secret"));
    mail.to[0] = TEXT("bob@local.test");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    report = queue_peer_read(peer, "alice@local.test", 1, &arena);
    EXPECT(has(report, "Action: delivered"));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    arena_finish(&arena);
}

TEST("NOTIFY is obeyed: NEVER is silent, SUCCESS hears of relaying and of delivery")
{
    queue_peer_run_at(&now, notify);
}

static void administrator(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_delete(peer->queue, id, true) == TRY_LATER);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "refused") == OK);
    EXPECT(queue_peer_rests(peer));
    EXPECT(queue_retry(peer->queue, 0, TEXT("mx:far.example")) == 1);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.2.2", "full") == OK);
    EXPECT(queue_delete(peer->queue, id, true) == OK);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(has(queue_peer_read(peer, "alice@local.test", 0, &arena), "administrator"));
    EXPECT(queue_delete(peer->queue, id, true) == REFUSED);
    arena_finish(&arena);
}

TEST("an administrator retries a hop and deletes a message, of which the sender hears")
{
    queue_peer_run_at(&now, administrator);
}

/* Nine in the evening at UTC, which is the time zone of this test. */
static void set_evening(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    now = 20780 * (int64_t)DAY + 21 * (int64_t)HOUR;
}

static void night_opens(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    set_evening();
    queue_peer_deliver(peer, "alice@local.test", "x@night.test");
    queue_peer_deliver(peer, "alice@local.test", "y@night.test");
    EXPECT(queue_peer_rests(peer));
    queue_peer_close(peer);
    queue_peer_open(peer);
    now += HOUR - 1;
    EXPECT(queue_peer_rests(peer));
    now += 1;
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    now += 6 * HOUR; /* closed again; the other was due all the time */
    EXPECT(queue_peer_rests(peer));
    now += 17 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1)); /* she is told of the delay */
    EXPECT(queue_peer_rests(peer));
    now += HOUR;
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
    arena_finish(&arena);
}

/* shows: S33 */
TEST("mail of a connector with a schedule goes while it is open, and not after, over a restart too")
{
    queue_peer_run_at(&now, night_opens);
}

static void hour_strikes(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    set_evening();
    now += MINUTE;
    queue_peer_deliver(peer, "alice@local.test", "x@hourly.test");
    EXPECT(queue_peer_rests(peer));
    now += 59 * MINUTE;
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    now += MINUTE; /* it was let go: retries need no further hour */
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    queue_peer_deliver(peer, "alice@local.test", "y@hourly.test");
    EXPECT(queue_peer_rests(peer)); /* of after the hour */
    EXPECT(queue_retry(peer->queue, 0, TEXT("")) == 1);
    EXPECT(queue_peer_rests(peer));
    EXPECT(queue_retry(peer->queue, 0, TEXT("hourly mx:hourly.test")) == 1);
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
    arena_finish(&arena);
}

/* shows: S33 T28 */
TEST("at each point of a schedule goes what has come until then")
{
    queue_peer_run_at(&now, hour_strikes);
}

/* The folder is not there, so nothing can be written into it. */
static void local_delay(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_deliver(peer, "alice@local.test", "x@dropped.test");
    now += HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text report = queue_peer_read(peer, "alice@local.test", 0, &arena);
    EXPECT(has(report, "Action: delayed") && has(report, "x@dropped.test"));
    EXPECT(has(report, "Will-Retry-Until: "));
    now += 2 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    report = queue_peer_read(peer, "alice@local.test", 1, &arena);
    EXPECT(has(report, "Action: failed") && has(report, "Status: 5.4.7"));
    EXPECT(has(report, "x@dropped.test"));
    EXPECT(queue_counts_now(peer->queue).messages == 1); /* that for elsewhere waits on */
    arena_finish(&arena);
}

/* shows: S68 */
TEST("mail that can't be written into its folder is late, and returned, by times of its own")
{
    queue_peer_run_at(&now, local_delay);
}
