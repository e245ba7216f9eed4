/* What an administrator orders: messages and hops frozen, outbound mail disabled; over restarts. */

#include "base/clock.h"
#include "queue_peer.h"

static int64_t now;

static void reopen(struct queue_peer *peer)
{
    queue_peer_close(peer);
    queue_peer_open(peer);
}

static unsigned act(struct queue_peer *peer, struct queue_filter filter, enum queue_action action)
{
    unsigned count;
    EXPECT(queue_act(peer->queue, &filter, action, &count) == OK);
    return count;
}

struct seen {
    char states[8][16], why[8][80];
    unsigned count;
};

static void see_hop(void *context, const struct queue_hop_view *view)
{
    struct seen *seen = context;
    text_copy(text_from(view->state), seen->states[seen->count++], sizeof(seen->states[0]));
}

static const char *hop_state(struct queue_peer *peer)
{
    static struct seen seen;
    seen = (struct seen){0};
    queue_each_hop(peer->queue, see_hop, &seen);
    return seen.count == 1 ? seen.states[0] : "not one hop";
}

static void see_why(void *context, const struct queue_explanation *explanation)
{
    struct seen *seen = context;
    text_copy(explanation->why, seen->why[seen->count++], sizeof(seen->why[0]));
}

static const char *why(struct queue_peer *peer, uint64_t id)
{
    static struct seen seen;
    seen = (struct seen){0};
    queue_explain(peer->queue, id, see_why, &seen);
    return seen.count == 1 ? seen.why[0] : "not one part";
}

static void frozen_message(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_FREEZE) == 1);
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_FREEZE) == 0);
    queue_peer_deliver(peer, "alice@local.test", "y@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id != id);
    EXPECT(queue_peer_sent(peer, job) == OK);
    reopen(peer);
    EXPECT_TEXT(text_from(why(peer, id)), "an administrator froze it (mailroot queue thaw)");
    now += 3 * DAY; /* neither told of nor given up */
    EXPECT(queue_retry(peer->queue, id, TEXT("")) == 0);
    EXPECT(queue_peer_rests(peer));
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
    now -= 3 * DAY;
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_THAW) == 1);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == id);
    arena_finish(&arena);
}

/* shows: T30 */
TEST("a frozen message stays until it is thawed, over a restart, and holds up no other")
{
    queue_peer_run_at(&now, frozen_message);
}

static void frozen_hop(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    EXPECT(queue_freeze_hop(peer->queue, TEXT("mx:far.example"), true) == OK);
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    EXPECT(queue_peer_rests(peer));
    EXPECT_TEXT(text_from(hop_state(peer)), "frozen");
    reopen(peer);
    EXPECT(queue_peer_rests(peer));
    EXPECT_TEXT(text_from(why(peer, id)),
                "an administrator froze its hop (mailroot queue thaw --hop)");
    EXPECT(queue_freeze_hop(peer->queue, TEXT("mx:far.example"), false) == OK);
    EXPECT_TEXT(text_from(hop_state(peer)), "ready");
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
    reopen(peer);
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
    EXPECT_TEXT(text_from(hop_state(peer)), "active");
    arena_finish(&arena);
}

/* shows: T27 T31 */
TEST("a frozen hop takes mail in and sends none, over a restart, until it is thawed")
{
    queue_peer_run_at(&now, frozen_hop);
}

static void outbound_off(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    EXPECT(queue_stop_outbound(peer->queue, true) == OK);
    EXPECT(queue_peer_rests(peer));
    EXPECT_TEXT(text_from(hop_state(peer)), "disabled");
    queue_peer_deliver(peer, "alice@local.test", "bob@local.test");
    EXPECT(queue_peer_count(peer, "bob@local.test") == 1);
    reopen(peer);
    EXPECT(queue_outbound_is_off(peer->queue));
    EXPECT(queue_peer_rests(peer));
    EXPECT_TEXT(text_from(why(peer, id)), "outbound mail is disabled (mailroot queue resume)");
    EXPECT(queue_stop_outbound(peer->queue, false) == OK);
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL);
    arena_finish(&arena);
}

/* shows: T29 T31 */
TEST("with outbound mail disabled nothing leaves and local mail goes on, over a restart too")
{
    queue_peer_run_at(&now, outbound_off);
}

static void filters(struct queue_peer *peer)
{
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_deliver(peer, "bob@local.test", "x@far.example");
    queue_peer_deliver(peer, "bob@local.test", "y@else.example");
    now += HOUR;
    queue_peer_deliver(peer, "bob@local.test", "z@else.example");
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_COUNT_ONLY) == 4);
    EXPECT(act(peer, (struct queue_filter){.from = TEXT("bob@local.test")}, QUEUE_COUNT_ONLY) == 3);
    EXPECT(act(peer, (struct queue_filter){.to = TEXT("@else.example")}, QUEUE_COUNT_ONLY) == 2);
    EXPECT(act(peer, (struct queue_filter){.hop = TEXT("mx:far.example")}, QUEUE_COUNT_ONLY) == 2);
    EXPECT(act(peer, (struct queue_filter){.older_ms = MINUTE}, QUEUE_COUNT_ONLY) == 3);
    EXPECT(act(peer, (struct queue_filter){.larger_bytes = 1 << 20}, QUEUE_COUNT_ONLY) == 0);
    struct queue_filter both = {.from = TEXT("bob@local.test"), .older_ms = MINUTE};
    EXPECT(act(peer, both, QUEUE_FREEZE) == 2);
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_THAW) == 2);
    EXPECT(act(peer, both, QUEUE_DROP) == 2);
    EXPECT(queue_counts_now(peer->queue).messages == 2);
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_DELETE) == 2);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));
}

/* shows: T30 */
TEST("filters pick messages by sender, recipient, hop, age and size; what is dropped is not told")
{
    queue_peer_run_at(&now, filters);
}

static void hop_states(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    EXPECT_TEXT(text_from(hop_state(peer)), "ready");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT_TEXT(text_from(hop_state(peer)), "active");
    EXPECT_TEXT(text_from(why(peer, id)), "it is being sent");
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    EXPECT_TEXT(text_from(hop_state(peer)), "retry");
    EXPECT_TEXT(text_from(why(peer, id)), "the next hop could not be reached");
    now += MINUTE;
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_sent(peer, job) == OK);
    id = queue_peer_deliver(peer, "alice@local.test", "x@branch.test");
    EXPECT_TEXT(text_from(hop_state(peer)), "remote");
    EXPECT_TEXT(text_from(why(peer, id)), "it waits to be asked for");
    arena_finish(&arena);
}

/* shows: T31 T25 */
TEST("a hop is ready, active, in retry or remote, and each message says why it waits")
{
    queue_peer_run_at(&now, hop_states);
}

static void expect_sent(struct queue_peer *peer, uint64_t id)
{
    struct arena arena;
    arena_init(&arena);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == id && job->recipient_count == 1);
    EXPECT(queue_peer_sent(peer, job) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    arena_finish(&arena);
}

static void count_kept(void *context, const struct queue_view *view)
{
    *(unsigned *)context += text_equals(text_from(view->state), TEXT("sent"));
}

static unsigned kept_parts(struct queue_peer *peer, uint64_t id)
{
    unsigned count = 0;
    queue_each(peer->queue, id, count_kept, &count);
    return count;
}

static void sent_again(struct queue_peer *peer)
{
    unsigned count;
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    expect_sent(peer, id);
    EXPECT(queue_resend(peer->queue, id, TEXT(""), &count) == REFUSED);
    queue_peer_add_settings(peer, "sent keep 1d\n");
    id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    expect_sent(peer, id);
    EXPECT(queue_resend(peer->queue, id, TEXT("y@far.example"), &count) == REFUSED);
    EXPECT(queue_resend(peer->queue, id, TEXT("x@far.example"), &count) == OK && count == 1);
    expect_sent(peer, id);
    reopen(peer);
    now += 23 * HOUR;
    EXPECT(queue_resend(peer->queue, id, TEXT(""), &count) == OK && count == 1);
    expect_sent(peer, id);
    now += 3 * DAY;
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && kept_parts(peer, id) > 0; i++)
        queue_peer_work();
    EXPECT(queue_resend(peer->queue, id, TEXT(""), &count) == REFUSED);
}

TEST("what was sent is kept for a time, over a restart, and can be sent again")
{
    queue_peer_run_at(&now, sent_again);
}

TEST("each word of a filter picks by itself, and one without words picks all")
{
    struct queue_view_recipient to = {.address = TEXT("x@far.example")};
    struct queue_view view = {.id = 7,
                              .hop = TEXT("mx:far.example"),
                              .queue = "",
                              .sender = TEXT("alice@local.test"),
                              .subject = TEXT("Hello World"),
                              .size = 1000,
                              .received_ms = clock_wall_ms() - HOUR,
                              .recipients = &to,
                              .recipient_count = 1};
    const struct {
        struct queue_filter filter;
        bool is_picked;
    } filters[] = {
        {{.id = 7}, true},
        {{.id = 8}, false},
        {{.hop = TEXT("MX:far.example")}, true},
        {{.hop = TEXT("mx:else.example")}, false},
        {{.queue = TEXT("bad")}, false},
        {{.from = TEXT("Alice@local.test")}, true},
        {{.from = TEXT("bob@local.test")}, false},
        {{.to = TEXT("@FAR.example")}, true},
        {{.to = TEXT("@else.example")}, false},
        {{.subject = TEXT("o wor")}, true},
        {{.subject = TEXT("Hello World!")}, false},
        {{.older_ms = MINUTE}, true},
        {{.older_ms = DAY}, false},
        {{.larger_bytes = 999}, true},
        {{.larger_bytes = 1000}, false},
        {{.id = 7, .larger_bytes = 1000}, false},
    };
    for (unsigned i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        if (queue_filter_matches(&filters[i].filter, &view) != filters[i].is_picked)
            fail_msg("filter %u", i);
        EXPECT(!queue_filter_is_empty(&filters[i].filter));
    }
    EXPECT(queue_filter_is_empty(&(struct queue_filter){0}));
    EXPECT(queue_filter_matches(&(struct queue_filter){0}, &view));
}

/* ---- what can't be done ---- */

struct walk {
    struct queue_peer *peer;
    uint64_t victim;
    unsigned count;
};

static void delete_other(void *context, const struct queue_view *view)
{
    struct walk *walk = context;
    walk->count++;
    if (view->id != walk->victim)
        EXPECT(queue_delete(walk->peer->queue, walk->victim, false) == OK);
}

static void gone_while_found(struct queue_peer *peer)
{
    struct queue_filter filter = {.hop = TEXT("mx:far.example")};
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct walk walk = {peer, queue_peer_deliver(peer, "alice@local.test", "y@far.example"), 0};
    queue_find(peer->queue, &filter, delete_other, &walk);
    EXPECT(walk.count == 1);
    EXPECT(queue_counts_now(peer->queue).items == 1);
}

TEST("a message that goes while its hop is told of is not told of")
{
    queue_peer_run_at(&now, gone_while_found);
}

static void all_frozen(struct queue_peer *peer)
{
    unsigned count;
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_deliver(peer, "alice@local.test", "y@far.example");
    EXPECT(act(peer, (struct queue_filter){.to = TEXT("x@far.example")}, QUEUE_FREEZE) == 1);
    EXPECT_TEXT(text_from(hop_state(peer)), "ready");
    EXPECT(act(peer, (struct queue_filter){.to = TEXT("y@far.example")}, QUEUE_FREEZE) == 1);
    EXPECT_TEXT(text_from(hop_state(peer)), "frozen");
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_RETRY) == 0);
    EXPECT(queue_retry(peer->queue, 0, TEXT("mx:far.example")) == 0);
    EXPECT(queue_retry(peer->queue, 0, TEXT("mx:else.example")) == 0);
    EXPECT(queue_retry(peer->queue, 1, TEXT("")) == 0);
    EXPECT(queue_delete(peer->queue, 1, false) == REFUSED);
    EXPECT(queue_requeue_bad(peer->queue, 1, &count) == OK && count == 0);
    EXPECT(queue_peer_rests(peer));
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_THAW) == 2);
    EXPECT_TEXT(text_from(hop_state(peer)), "ready");
}

TEST("a hop all of whose mail is frozen is frozen, and what is frozen or not there is not retried")
{
    queue_peer_run_at(&now, all_frozen);
}

static void never_looked_up(struct queue_peer *peer)
{
    peer->auth_is_down = true;
    uint64_t id = queue_peer_deliver(peer, "bob@local.test", "alice@local.test");
    EXPECT_TEXT(text_from(why(peer, id)),
                "its recipients are to be looked up, and the directory did not answer");
    EXPECT(queue_delete(peer->queue, id, true) == OK);
    peer->auth_is_down = false;
    queue_directory_back(peer->queue);
    EXPECT(queue_peer_await(peer, "bob@local.test", 1)); /* he hears of it */
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

TEST("mail that waits for the directory can be deleted, and its sender hears of it")
{
    queue_peer_run_at(&now, never_looked_up);
}
