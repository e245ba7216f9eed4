/* Each server has retry intervals of its own for the mail that came in by it. */
#include "base/clock.h"
#include "queue_peer.h"

static int64_t now;

/* office: impatient; slow: neither before three hours; internet: as the retry block, which says
 * nothing of it. */
static const char two_servers[] = "server internet {\n    listen *:2525 smtp\n}\n"
                                  "server office {\n    listen *:2526 smtp\n"
                                  "    retry glitch 5s x2 after 20s 40s then 80s\n"
                                  "    retry delay-notice 10m expire 1h\n"
                                  "    retry local-delay-notice 2m local-expire 5m\n}\n"
                                  "server slow {\n    listen *:2527 smtp\n"
                                  "    retry x0 after 3h\n}\n";

static uint64_t mail_by(struct queue_peer *peer, const char *server, const char *to)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: hello\r\n\r\nbody\r\n"),
                                   .to = {text_from(to)},
                                   .to_count = 1,
                                   .server = text_from(server)};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    return mail.id;
}

/* The message is tried now, alone, and its host does not answer. */
static void fails(struct queue_peer *peer, uint64_t id)
{
    struct arena arena;
    arena_init(&arena);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == id);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    EXPECT(queue_peer_rests(peer));
    arena_finish(&arena);
}

/* It rests exactly so long. */
static void rests(struct queue_peer *peer, int64_t wait_ms)
{
    now += wait_ms - 1;
    EXPECT(queue_peer_rests(peer));
    now += 1;
}

static void four_steps(struct queue_peer *peer)
{
    static const int64_t waits[] = {5, 5, 20, 40, 80, 80};
    queue_peer_add_settings(peer, two_servers);
    uint64_t id = mail_by(peer, "office", "x@far.example");
    for (unsigned i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        fails(peer, id);
        rests(peer, waits[i] * SECOND);
    }
    fails(peer, id);
}

/* shows: T17 T20 */
TEST("mail of a server with retry intervals of its own is tried by these")
{
    queue_peer_run_at(&now, four_steps);
}

static void apart(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    queue_peer_add_settings(peer, two_servers);
    uint64_t slow = mail_by(peer, "slow", "x@far.example");
    fails(peer, slow);
    now += SECOND;
    uint64_t office = mail_by(peer, "office", "x@far.example");
    for (unsigned i = 0; i < 2; i++) {
        fails(peer, office);
        rests(peer, 5 * SECOND);
    }
    uint64_t global = mail_by(peer, "internet", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == office);
    /* Of a hop that fails one is tried at a time, whoever's it is. */
    EXPECT(queue_peer_rests(peer));
    EXPECT(queue_counts_now(peer->queue).hops == 1);
    queue_peer_close(peer);
    queue_peer_open(peer);
    queue_peer_add_settings(peer, two_servers);
    /* A start tries everything once. */
    struct queue_job *jobs;
    EXPECT(queue_peer_lease(peer, 3, &arena, &jobs) == 3);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(queue_peer_report(peer, &jobs[i], TRY_LATER, true, "4.4.1", "refused") == OK);
    rests(peer, 5 * SECOND);
    fails(peer, office);
    now += 50 * SECOND;
    fails(peer, office);
    rests(peer, 5 * SECOND);
    fails(peer, global); /* after its minute */
    now += 3 * HOUR;
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
    unused(slow);
    arena_finish(&arena);
}

TEST("mail of several servers for one dead host waits apart, each by its own intervals")
{
    queue_peer_run_at(&now, apart);
}

static void comes_back(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    queue_peer_add_settings(peer, two_servers);
    uint64_t slow = mail_by(peer, "slow", "x@far.example");
    fails(peer, slow);
    uint64_t office = mail_by(peer, "office", "x@far.example");
    fails(peer, office);
    now += 5 * SECOND;
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == office);
    EXPECT(queue_peer_sent(peer, job) == OK);
    EXPECT(queue_peer_lease(peer, 1, &arena, &jobs) == 1 && jobs[0].id == slow);
    arena_finish(&arena);
}

TEST("a host that answers gets the mail of all servers at once")
{
    queue_peer_run_at(&now, comes_back);
}

struct seen {
    int64_t gives_up_ms, next_try_ms;
    uint32_t line;
};

static void see(void *context, const struct queue_explanation *explanation)
{
    struct seen *seen = context;
    seen->gives_up_ms = explanation->gives_up_ms;
    seen->next_try_ms = explanation->next_try_ms;
    seen->line = explanation->place.line;
}

static struct seen explained(struct queue_peer *peer, uint64_t id)
{
    struct seen seen = {0};
    queue_explain(peer->queue, id, see, &seen);
    return seen;
}

static void late_and_over(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, two_servers);
    uint64_t office = mail_by(peer, "office", "x@far.example");
    uint64_t other = mail_by(peer, "internet", "x@other.example");
    EXPECT(explained(peer, office).gives_up_ms == now + HOUR);
    EXPECT(explained(peer, other).gives_up_ms == now + 48 * HOUR);
    now += 10 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1)); /* it is late */
    queue_peer_close(peer);
    queue_peer_open(peer);
    queue_peer_add_settings(peer, two_servers);
    now += 50 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2)); /* it is given up */
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    EXPECT(explained(peer, other).gives_up_ms > 0);
}

/* shows: T18 T19 */
TEST("the sender hears of delay and expiry when his message's server says, over a restart")
{
    queue_peer_run_at(&now, late_and_over);
}

static void local(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, two_servers);
    mail_by(peer, "office", "x@dropped.test");
    mail_by(peer, "internet", "y@dropped.test");
    now += 2 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    now += 3 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    EXPECT(queue_counts_now(peer->queue).messages == 1); /* that of the retry block */
    now += 55 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 3));
}

/* shows: S68 */
TEST("local delay and expiry are a server's own, apart from those of outbound mail")
{
    queue_peer_run_at(&now, local);
}

static void server_goes(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, two_servers);
    uint64_t id = mail_by(peer, "office", "x@far.example");
    fails(peer, id);
    EXPECT(explained(peer, id).next_try_ms == now + 5 * SECOND);
    queue_peer_add_settings(peer,
                            "server renamed {\n    listen *:2526 smtp\n    retry expire 3h\n}\n");
    EXPECT(explained(peer, id).gives_up_ms == now + 48 * HOUR);
    now += 5 * SECOND;
    fails(peer, id);
    rests(peer, MINUTE);
    fails(peer, id);
    queue_peer_add_settings(peer, two_servers); /* it is back */
    EXPECT(explained(peer, id).gives_up_ms < now + HOUR);
}

TEST("when its server is gone a message goes by the retry block, and back when it comes back")
{
    queue_peer_run_at(&now, server_goes);
}

static void changed(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, two_servers);
    mail_by(peer, "slow", "x@far.example");
    queue_peer_add_settings(peer, "server slow {\n    listen *:2527 smtp\n"
                                  "    retry delay-notice 1m expire 5m\n}\n");
    now += MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    now += 4 * MINUTE;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("new intervals of a server hold for what waits already")
{
    queue_peer_run_at(&now, changed);
}

static void held(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, two_servers);
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: hello\r\n\r\nbody\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1,
                                   .terms.hold_until_ms = now + HOUR,
                                   .server = TEXT("office")};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    queue_peer_close(peer);
    queue_peer_open(peer);
    queue_peer_add_settings(peer, two_servers);
    now += HOUR;
    fails(peer, mail.id);
    rests(peer, 5 * SECOND);
    fails(peer, mail.id);
}

TEST("mail that was held goes by the intervals of the server it came in by long ago")
{
    queue_peer_run_at(&now, held);
}
