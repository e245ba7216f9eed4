/* Mail that waits to be asked for: what a turned session may take, and what ETRN starts. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "directory/turn.h"
#include "queue_peer.h"

static int64_t now;

/* Ask as auth does, for an account and some domains; NULL ends them. */
static enum directory_turn_verdict turn(struct queue_peer *peer, const char *account,
                                        const char *const *domains)
{
    struct text names[8];
    struct directory_turn asked = {.account = text_from(account),
                                   .session = 77,
                                   .peer = TEXT("192.0.2.1:4711"),
                                   .domains = names};
    for (; domains != NULL && domains[asked.domain_count] != NULL; asked.domain_count++)
        names[asked.domain_count] = text_from(domains[asked.domain_count]);
    struct buffer request;
    struct rpc_reply reply = {0};
    int ends[2];
    enum directory_turn_verdict verdict = TURN_VERDICTS;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    buffer_init(&request, 4096);
    directory_turn_encode(&asked, &request);
    enum status status = rpc_ask(peer->auth, STORE_TURN, buffer_text(&request), ends[0],
                                 clock_monotonic_ms() + MINUTE, &reply);
    if (status == OK)
        EXPECT(directory_turn_get_verdict(buffer_text(&reply.bytes), &verdict));
    close(ends[1]);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return verdict;
}

static unsigned take(struct queue_peer *peer, uint64_t number, unsigned most, struct arena *arena,
                     struct queue_job **jobs)
{
    unsigned count = 0;
    EXPECT(queue_turn_lease(peer->send, number, most, arena, jobs, &count) == OK);
    return count;
}

static void note_state(void *context, const struct queue_view *view)
{
    char *out = context;
    strcat(out, view->state);
    strcat(out, " ");
}

/* "remote waiting ", by age. */
static const char *states(struct queue_peer *peer, char out[400])
{
    out[0] = '\0';
    queue_each(peer->queue, 0, note_state, out);
    return out;
}

static void hold_all(struct queue_peer *peer)
{
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@x.branch.test");
    queue_peer_deliver(peer, "alice@local.test", "c@second.test");
    queue_peer_deliver(peer, "alice@local.test", "d@node.test");
}

static void held_mail_waits(struct queue_peer *peer)
{
    char out[400];
    hold_all(peer);
    EXPECT(queue_peer_rests(peer));
    now += 3 * HOUR;
    EXPECT(queue_peer_rests(peer));
    assert_string_equal(states(peer, out), "remote remote remote remote ");
    EXPECT(queue_retry(peer->queue, 0, TEXT("")) == 0);
    queue_peer_close(peer);
    queue_peer_open(peer);
    assert_string_equal(states(peer, out), "remote remote remote remote ");
}

/* shows: S34 */
TEST("held mail is not due, however long it waits, after a restart neither")
{
    queue_peer_run_at(&now, held_mail_waits);
}

static void only_its_own(struct queue_peer *peer)
{
    static const char *const two[] = {"SECOND.test", "x.branch.test", NULL};
    static const char *const foreign[] = {"branch.test", "node.test", NULL};
    static const char *const unknown[] = {"far.example", NULL};
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    hold_all(peer);
    EXPECT(turn(peer, "alice@local.test", NULL) == TURN_REFUSED);
    EXPECT(turn(peer, "bob@local.test", foreign) == TURN_REFUSED);
    EXPECT(turn(peer, "bob@local.test", unknown) == TURN_REFUSED);
    EXPECT(turn(peer, "carol@local.test", two) == TURN_REFUSED);
    EXPECT(turn(peer, "", NULL) == TURN_VERDICTS);
    EXPECT(peer->turned == 0);
    EXPECT(turn(peer, "carol@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 2);
    EXPECT_TEXT(jobs[0].recipients[0].address, "a@branch.test");
    EXPECT_TEXT(jobs[1].recipients[0].address, "b@x.branch.test");
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 0);
    queue_turn_end(peer->send, peer->last_turn, TEXT(""));
    EXPECT(turn(peer, "Bob@local.test", two) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 2);
    EXPECT_TEXT(jobs[0].domain, "x.branch.test");
    EXPECT_TEXT(jobs[1].domain, "second.test");
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 0);
    arena_finish(&arena);
}

/* shows: V13 V15 */
TEST("a turned session gets the mail of its account, of the domains it named, and no other")
{
    queue_peer_run_at(&now, only_its_own);
}

static struct queue_claim claim_of(const struct queue_job *job, uint64_t number)
{
    return (struct queue_claim){job->id, job->lease, number, job->item};
}

static void outlives_store(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs, *again;
    arena_init(&arena);
    hold_all(peer);
    EXPECT(turn(peer, "carol@local.test", NULL) == TURN_BEGUN);
    uint64_t before = peer->last_turn;
    EXPECT(take(peer, before, 10, &arena, &jobs) == 2);
    queue_peer_close(peer);
    now += SECOND;
    queue_peer_open(peer);
    struct queue_claim later = claim_of(&jobs[0], UINT64_MAX);
    EXPECT(queue_claim(peer->send, &later, 1) == OK);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == REFUSED);
    struct queue_claim both[] = {claim_of(&jobs[0], before), claim_of(&jobs[1], before)};
    EXPECT(queue_claim(peer->send, both, 2) == OK);
    EXPECT(turn(peer, "carol@local.test", NULL) == TURN_NO_MAIL);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    queue_turn_end(peer->send, before, TEXT("the connection was lost"));
    EXPECT(queue_peer_sent(peer, &jobs[1]) == REFUSED);
    EXPECT(turn(peer, "carol@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &again) == 1);
    EXPECT(again->id == jobs[1].id && again->lease != jobs[1].lease);
    arena_finish(&arena);
}

TEST("a store that starts anew leaves a turned session what it has in hand, until that ends")
{
    queue_peer_run_at(&now, outlives_store);
}

static void shared(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *first, *second;
    arena_init(&arena);
    for (unsigned i = 0; i < 5; i++)
        queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    uint64_t bob = peer->last_turn;
    EXPECT(turn(peer, "carol@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, bob, 3, &arena, &first) == 3);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &second) == 2);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 2; k++)
            EXPECT(first[i].id != second[k].id);
    EXPECT(take(peer, bob, 10, &arena, &first) == 0);
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_NO_MAIL);
    arena_finish(&arena);
}

TEST("two sessions at a time never get the same message")
{
    queue_peer_run_at(&now, shared);
}

static void failures_wait(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    char out[400];
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@branch.test");
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 1, &arena, &jobs) == 1);
    EXPECT(queue_peer_report(peer, jobs, TRY_LATER, false, "4.2.1", "not now") == OK);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "b@branch.test");
    EXPECT(queue_peer_report(peer, jobs, TRY_LATER, false, "4.2.1", "not now") == OK);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 0);
    EXPECT(queue_peer_rests(peer));
    assert_string_equal(states(peer, out), "remote remote ");
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 2);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    EXPECT(queue_peer_sent(peer, &jobs[1]) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    EXPECT(queue_counts_now(peer->queue).hops == 0);
    arena_finish(&arena);
}

TEST("what the peer puts off is not given to it again in the same session, but in the next")
{
    queue_peer_run_at(&now, failures_wait);
}

static void unreported_returns(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    char out[400];
    arena_init(&arena);
    hold_all(peer);
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 3);
    assert_string_equal(states(peer, out), "sending sending sending remote ");
    queue_turn_end(peer->send, peer->last_turn, TEXT("the connection was lost"));
    assert_string_equal(states(peer, out), "remote remote remote remote ");
    EXPECT(queue_peer_sent(peer, jobs) == REFUSED);
    unsigned count;
    EXPECT(queue_turn_lease(peer->send, peer->last_turn, 1, &arena, &jobs, &count) == REFUSED);
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 2, &arena, &jobs) == 2);
    queue_peer_send_dies(peer);
    assert_string_equal(states(peer, out), "remote remote remote remote ");
    EXPECT(queue_turn_lease(peer->send, peer->last_turn, 1, &arena, &jobs, &count) == REFUSED);
    arena_finish(&arena);
}

TEST("what a session did not report waits again when it ends or the send process dies")
{
    queue_peer_run_at(&now, unreported_returns);
}

static void busy_sender(struct queue_peer *peer)
{
    char out[400];
    hold_all(peer);
    peer->send_is_busy = true;
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_VERDICTS);
    EXPECT_TEXT(text_from(fail_reason()), "too much to do");
    struct arena arena;
    struct queue_job *jobs;
    unsigned count;
    arena_init(&arena);
    EXPECT(queue_turn_lease(peer->send, peer->last_turn, 1, &arena, &jobs, &count) == REFUSED);
    assert_string_equal(states(peer, out), "remote remote remote remote ");
    arena_finish(&arena);
}

TEST("a session that send does not take gives it no claim to mail")
{
    queue_peer_run_at(&now, busy_sender);
}

static void settings_change(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    char out[400];
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@x.branch.test");
    queue_peer_deliver(peer, "alice@local.test", "c@partner.example");
    /* branch.test is another customer's now; the mail that waits is not for bob any more. */
    queue_peer_set_connectors(peer,
                              "connector branch {\n to *.branch.test\n hold for bob@local.test\n}\n"
                              "connector partner {\n to partner.example p2.example\n"
                              " hold for alice@local.test\n}\n");
    assert_string_equal(states(peer, out), "remote remote remote ");
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "b@x.branch.test");
    queue_turn_end(peer->send, peer->last_turn, TEXT(""));
    /* That for the smart host waited for it as a whole: the recipients tell whose it is. */
    EXPECT(turn(peer, "alice@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "c@partner.example");
    queue_turn_end(peer->send, peer->last_turn, TEXT(""));
    queue_peer_set_connectors(
        peer, "connector branch {\n to *.branch.test\n}\n"
              "connector partner {\n to else.example\n hold for alice@local.test\n}\n");
    assert_string_equal(states(peer, out), "waiting waiting remote ");
    EXPECT(turn(peer, "alice@local.test", NULL) == TURN_NO_MAIL);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 2);
    arena_finish(&arena);
}

TEST("whose mail it is, and whether it is held, follows the settings of now")
{
    queue_peer_run_at(&now, settings_change);
}

static void held_mail_ages(struct queue_peer *peer)
{
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    now += 12 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1)); /* it is late */
    now += 36 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2)); /* it is given up */
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    EXPECT(queue_counts_now(peer->queue).hops == 0);
}

TEST("held mail ages: its sender is told that it is late, and at last that it is given up")
{
    queue_peer_run_at(&now, held_mail_ages);
}

/* ETRN */

static unsigned started; /* by the last one */

static enum queue_etrn_verdict ask(struct queue_peer *peer, enum queue_etrn_kind kind,
                                   const char *node, bool is_trusted)
{
    struct queue_etrn etrn = {.kind = kind,
                              .node = text_from(node),
                              .is_trusted = is_trusted,
                              .session = 78,
                              .peer = TEXT("192.0.2.2:4711")};
    enum queue_etrn_verdict verdict = QUEUE_ETRN_VERDICTS;
    EXPECT(queue_etrn(peer->front, &etrn, &verdict, &started) == OK);
    return verdict;
}

static void etrn_lets_go(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    char out[400];
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "a@node.test");
    queue_peer_deliver(peer, "alice@local.test", "b@node.test");
    queue_peer_deliver(peer, "alice@local.test", "c@x.node.test");
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_STARTED && started == 2);
    queue_peer_deliver(peer, "alice@local.test", "late@node.test");
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 2);
    EXPECT_TEXT(jobs[0].connector, "node");
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "x.node.test", true) == QUEUE_ETRN_STARTED && started == 1);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    EXPECT(queue_peer_report(peer, &jobs[1], TRY_LATER, true, "4.4.1", "timed out") == OK);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    now += HOUR; /* what was tried once waits to be asked for again */
    EXPECT(queue_peer_rests(peer));
    assert_string_equal(states(peer, out), "remote remote ");
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_STARTED && started == 2);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1); /* a probe: it did not answer before */
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_STARTED && started == 1);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_ON_WAY && started == 0);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_STARTED && started == 0);
    arena_finish(&arena);
}

/* shows: V20 */
TEST("ETRN lets what is held go for one attempt, and what comes later is held again")
{
    queue_peer_run_at(&now, etrn_lets_go);
}

static void count_started(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unused(wall_ms);
    unused(text);
    *(unsigned *)context += text_equals(event, TEXT("started"));
}

static void etrn_again(struct queue_peer *peer)
{
    unsigned told = 0;
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "a@node.test");
    for (unsigned i = 0; i < 100; i++)
        EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_STARTED && started == 1);
    store_story_flush(queue_store(peer->queue));
    EXPECT(store_stories(queue_store(peer->queue), id, count_started, &told));
    EXPECT(told == 1);
}

TEST("ETRN without end starts a message once, and tells that once")
{
    queue_peer_run_at(&now, etrn_again);
}

static void etrn_names(struct queue_peer *peer)
{
    static const struct {
        enum queue_etrn_kind kind;
        const char *node;
        int started; /* -1: not known */
    } cases[] = {
        {QUEUE_ETRN_NODE, "node.test", 1},     {QUEUE_ETRN_NODE, "NODE.test", 1},
        {QUEUE_ETRN_NODE, "y.node.test", 1},   {QUEUE_ETRN_NODE, "z.node.test", 0},
        {QUEUE_ETRN_NODE, "gate.test", 3},     {QUEUE_ETRN_BELOW, "node.test", 3},
        {QUEUE_ETRN_BELOW, "y.node.test", 1},  {QUEUE_ETRN_CONNECTOR, "node", 3},
        {QUEUE_ETRN_CONNECTOR, "NODE", 3},     {QUEUE_ETRN_BELOW, "test", 4},
        {QUEUE_ETRN_CONNECTOR, "partner", 1},  {QUEUE_ETRN_NODE, "partner.example", 1},
        {QUEUE_ETRN_NODE, "test", -1},         {QUEUE_ETRN_NODE, "far.example", -1},
        {QUEUE_ETRN_CONNECTOR, "nobody", -1},  {QUEUE_ETRN_BELOW, "ode.test", -1},
        {QUEUE_ETRN_BELOW, "far.example", -1}, {QUEUE_ETRN_BELOW, "gate.test", -1},
    };
    queue_peer_deliver(peer, "alice@local.test", "a@node.test");
    queue_peer_deliver(peer, "alice@local.test", "b@x.node.test");
    queue_peer_deliver(peer, "alice@local.test", "c@y.node.test");
    queue_peer_deliver(peer, "alice@local.test", "d@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "e@partner.example");
    queue_peer_deliver(peer, "alice@local.test", "f@far.example");
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum queue_etrn_verdict verdict = ask(peer, cases[i].kind, cases[i].node, true);
        bool known = verdict == QUEUE_ETRN_STARTED;
        if (known != (cases[i].started >= 0) || (known && (int)started != cases[i].started))
            fail_msg("%s: verdict %d, started %u", cases[i].node, (int)verdict, started);
    }
}

TEST("ETRN takes a domain, all below one, a smart host's name or a connector's")
{
    queue_peer_run_at(&now, etrn_names);
}

static void strangers(struct queue_peer *peer)
{
    queue_peer_deliver(peer, "alice@local.test", "a@node.test");
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", false) == QUEUE_ETRN_STARTED);
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", false) == QUEUE_ETRN_TOO_SOON);
    EXPECT(ask(peer, QUEUE_ETRN_BELOW, "y.node.test", false) == QUEUE_ETRN_TOO_SOON);
    EXPECT(ask(peer, QUEUE_ETRN_CONNECTOR, "node", false) == QUEUE_ETRN_TOO_SOON);
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "branch.test", false) == QUEUE_ETRN_STARTED);
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "branch.test", false) == QUEUE_ETRN_TOO_SOON);
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", true) == QUEUE_ETRN_STARTED && started == 1);
    now += MINUTE;
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "node.test", false) == QUEUE_ETRN_STARTED);
}

TEST("a stranger's ETRN is heeded once a minute for each connector, whether mail waits or not")
{
    queue_peer_run_at(&now, strangers);
}

static void turn_wins(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    char out[400];
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "a@branch.test");
    queue_peer_deliver(peer, "alice@local.test", "b@branch.test");
    EXPECT(ask(peer, QUEUE_ETRN_NODE, "branch.test", true) == QUEUE_ETRN_STARTED && started == 2);
    EXPECT(queue_peer_lease(peer, 1, &arena, &jobs) == 1);
    assert_string_equal(states(peer, out), "sending waiting ");
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(queue_peer_rests(peer)); /* and so the send process dies */
    assert_string_equal(states(peer, out), "waiting remote ");
    EXPECT(turn(peer, "bob@local.test", NULL) == TURN_BEGUN);
    EXPECT(take(peer, peer->last_turn, 10, &arena, &jobs) == 2);
    arena_finish(&arena);
}

TEST("what ETRN let go and nobody has taken yet goes to the session that asks for it")
{
    queue_peer_run_at(&now, turn_wins);
}

static void malformed_calls(struct queue_peer *peer)
{
    static const struct {
        uint16_t method;
        const char *bytes;
    } cases[] = {{QUEUE_ETRN, ""},
                 {QUEUE_ETRN, "\x07zzzz"},
                 {STORE_TURN, "junk"},
                 {QUEUE_TURN_LEASE, "xx"},
                 {QUEUE_TURN_END, ""}};
    struct rpc_channel *const channels[] = {peer->front, peer->front, peer->auth, peer->send,
                                            peer->send};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rpc_reply reply = {0};
        EXPECT(rpc_ask(channels[i], cases[i].method, text_from(cases[i].bytes), -1,
                       clock_monotonic_ms() + MINUTE, &reply) == REFUSED);
        rpc_reply_finish(&reply);
    }
}

TEST("malformed calls are refused")
{
    queue_peer_run_at(&now, malformed_calls);
}
