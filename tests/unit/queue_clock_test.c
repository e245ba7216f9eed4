/* The wall clock is set while mail waits: what waits waits for as long as it had to, but for what a
 * sender chose by the calendar. */
#include "base/clock.h"
#include "queue_peer.h"

static int64_t now, ahead;

/* In a queue where time is ours, and the wall clock may be set by `ahead`. */
static void on_peer(struct queue_peer *peer, void (*test)(struct queue_peer *, struct arena *))
{
    struct arena arena;
    arena_init(&arena);
    ahead = 0;
    clock_set_wall_for_test(&ahead);
    test(peer, &arena);
    arena_finish(&arena);
}

/* Mail to a hop that does not answer, which then rests for a minute. */
static void put_off(struct queue_peer *peer, struct arena *arena)
{
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
}

static void forward(struct queue_peer *peer, struct arena *arena)
{
    put_off(peer, arena);
    ahead = INT64_C(30) * DAY;
    EXPECT(queue_peer_rests(peer));
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
    now += MINUTE;
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_forward(struct queue_peer *peer)
{
    on_peer(peer, forward);
}

TEST("a clock set forward by a month gives no mail up, and hastens none")
{
    queue_peer_run_at(&now, run_forward);
}

static void back(struct queue_peer *peer, struct arena *arena)
{
    put_off(peer, arena);
    ahead = -10 * HOUR;
    now += MINUTE - 1;
    EXPECT(queue_peer_rests(peer));
    now += 1;
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_back(struct queue_peer *peer)
{
    on_peer(peer, back);
}

TEST("a clock set back by hours holds no mail up")
{
    queue_peer_run_at(&now, run_back);
}

static void small(struct queue_peer *peer, struct arena *arena)
{
    put_off(peer, arena);
    ahead = 6 * SECOND;
    EXPECT(queue_peer_rests(peer));
    now += MINUTE - 6 * SECOND; /* the wall clock's minute */
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_small(struct queue_peer *peer)
{
    on_peer(peer, small);
}

TEST("a clock that is set by seconds is taken as it is")
{
    queue_peer_run_at(&now, run_small);
}

static void adds_up(struct queue_peer *peer, struct arena *arena)
{
    put_off(peer, arena);
    ahead = 6 * SECOND;
    EXPECT(queue_peer_rests(peer));
    ahead = 12 * SECOND;
    now += MINUTE - 12 * SECOND;
    EXPECT(queue_peer_rests(peer));
    now += 12 * SECOND;
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_adds_up(struct queue_peer *peer)
{
    on_peer(peer, adds_up);
}

TEST("seconds that a clock is set by add up, and then count")
{
    queue_peer_run_at(&now, run_adds_up);
}

static void leased(struct queue_peer *peer, struct arena *arena)
{
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL);
    ahead = DAY;
    EXPECT(queue_peer_sent(peer, job) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

static void run_leased(struct queue_peer *peer)
{
    on_peer(peer, leased);
}

TEST("what is being sent while the clock is set is sent once")
{
    queue_peer_run_at(&now, run_leased);
}

struct telling {
    struct queue_peer *peer;
    const struct queue_job *job;
};

static void tell_task(void *context)
{
    const struct telling *telling = context;
    struct queue_outcome outcome = {.number = telling->job->recipients[0].number,
                                    .status = TRY_LATER,
                                    .enhanced = TEXT("4.7.1"),
                                    .reply = TEXT("greylisted")};
    EXPECT(queue_report(telling->peer->send, telling->job, &outcome, 1) == OK);
}

static void on_its_way(struct queue_peer *peer, struct arena *arena)
{
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL);
    struct telling telling = {peer, job};
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "tell", tell_task, &telling);
    while (!store_is_pending(queue_store(peer->queue), job->id))
        task_yield();
    ahead = INT64_C(-10) * DAY;
    EXPECT(queue_claim(peer->send, NULL, 0) == OK); /* each call heeds the clock */
    EXPECT(store_is_pending(queue_store(peer->queue), job->id));
    while (group.count > 0) {
        store_settle(queue_store(peer->queue));
        task_yield();
    }
    now += HOUR;
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_on_its_way(struct queue_peer *peer)
{
    on_peer(peer, on_its_way);
}

TEST("a clock set back while a record is on its way to the disk holds no mail up")
{
    queue_peer_run_at(&now, run_on_its_way);
}

static void calendar(struct queue_peer *peer, struct arena *arena)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: later\r\n\r\nhello\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1,
                                   .terms = {.hold_until_ms = now + DAY}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    ahead = DAY - 1;
    EXPECT(queue_peer_rests(peer));
    ahead = DAY;
    now += 1;
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_calendar(struct queue_peer *peer)
{
    on_peer(peer, calendar);
}

TEST("mail that is held until a date is due at that date, whoever sets the clock to it")
{
    queue_peer_run_at(&now, run_calendar);
}

static void deadline(struct queue_peer *peer, struct arena *arena)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: soon\r\n\r\nhello\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1,
                                   .terms = {.by = MAIL_BY_RETURN, .by_ms = now + 5 * MINUTE}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    ahead = DAY;
    struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.7.1", "greylisted") == OK);
    now += 5 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

static void run_deadline(struct queue_peer *peer)
{
    on_peer(peer, deadline);
}

TEST("mail that must be there in five minutes has five minutes, also when the clock is set")
{
    queue_peer_run_at(&now, run_deadline);
}

static unsigned act(struct queue_peer *peer, enum queue_action action)
{
    unsigned count;
    struct queue_filter filter = {.from = TEXT("alice@local.test")};
    EXPECT(queue_act(peer->queue, &filter, action, &count) == OK);
    return count;
}

static void thawed(struct queue_peer *peer, struct arena *arena)
{
    put_off(peer, arena);
    EXPECT(act(peer, QUEUE_FREEZE) == 1);
    ahead = -10 * HOUR;
    EXPECT(queue_peer_rests(peer));
    EXPECT(act(peer, QUEUE_THAW) == 1);
    now += MINUTE;
    EXPECT(queue_peer_lease_one(peer, arena) != NULL);
}

static void run_thawed(struct queue_peer *peer)
{
    on_peer(peer, thawed);
}

TEST("mail that is thawed once the clock was set back is not held up")
{
    queue_peer_run_at(&now, run_thawed);
}

static void see_end(void *context, const struct queue_explanation *explanation)
{
    int64_t *gives_up_ms = context;
    *gives_up_ms = explanation->gives_up_ms;
}

/* When it is given up, from now on. */
static int64_t left_ms(struct queue_peer *peer, uint64_t id)
{
    int64_t gives_up_ms = 0;
    queue_explain(peer->queue, id, see_end, &gives_up_ms);
    return gives_up_ms - clock_wall_ms();
}

static void future(struct queue_peer *peer, struct arena *arena)
{
    unused(arena);
    uint64_t right = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    int64_t usual_ms = left_ms(peer, right);
    ahead = 3 * DAY;
    uint64_t wrong = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_close(peer);
    ahead = 0;
    queue_peer_open(peer);
    EXPECT(usual_ms > 0);
    EXPECT(left_ms(peer, wrong) == usual_ms);
}

static void run_future(struct queue_peer *peer)
{
    on_peer(peer, future);
}

TEST("mail that came by a clock that was ahead is given up no later than other mail")
{
    queue_peer_run_at(&now, run_future);
}
