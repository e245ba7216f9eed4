/* What an administrator sees of the queue: parts, their states and why they wait, hops, and the
 * queues that are of no hop. The clock is in the test's hand, and stands at an afternoon. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "queue_peer.h"

#define NORTH                                                                                      \
    "routing-group north {\n    member mx.local.test\n    login lsa@local.test secret lsa\n}\n"    \
    "connector south {\n    to-group south\n    smart-host [192.0.2.9]\n}\n"

static int64_t now;

/* ---- what is seen ---- */

struct parts {
    struct queue *queue;
    char states[600][12];
    unsigned count;
    int64_t next_try_ms; /* of the latest */
    bool deletes;        /* what is left of the message of the first */
};

static void see_part(void *context, const struct queue_view *view)
{
    struct parts *parts = context;
    text_copy(text_from(view->state), parts->states[parts->count++], sizeof(parts->states[0]));
    parts->next_try_ms = view->next_try_ms;
    if (parts->deletes && parts->count == 1)
        EXPECT(queue_delete(parts->queue, view->id, false) == OK);
}

/* Of a message with one part. */
static void expect_state(struct queue_peer *peer, uint64_t id, const char *state)
{
    static struct parts parts;
    parts = (struct parts){0};
    queue_each(peer->queue, id, see_part, &parts);
    EXPECT(parts.count == 1);
    EXPECT_TEXT(text_from(parts.states[0]), state);
}

struct hops {
    const char *wanted;
    bool found;
    char state[16], waits_for[200], error[200];
    unsigned messages, failures, waiting, sending;
    uint64_t bytes;
    int64_t next_try_ms, oldest_ms;
};

static void see_hop(void *context, const struct queue_hop_view *view)
{
    struct hops *hops = context;
    if (!text_equals(view->name, text_from(hops->wanted)))
        return;
    hops->found = true;
    text_copy(text_from(view->state), hops->state, sizeof(hops->state));
    text_copy(view->last_error, hops->error, sizeof(hops->error));
    hops->messages = view->messages;
    hops->failures = view->failures;
    hops->waiting = view->waiting;
    hops->sending = view->sending;
    hops->bytes = view->bytes;
    hops->next_try_ms = view->next_try_ms;
    hops->oldest_ms = view->oldest_ms;
}

static struct hops hop(struct queue_peer *peer, const char *name)
{
    struct hops hops = {.wanted = name};
    queue_each_hop(peer->queue, see_hop, &hops);
    EXPECT(hops.found);
    return hops;
}

static struct hops named(struct queue_peer *peer, const char *name)
{
    struct hops hops = {.wanted = name};
    queue_each_named(peer->queue, see_hop, &hops);
    EXPECT(hops.found);
    return hops;
}

struct why {
    char words[100];
    unsigned count, line;
    int64_t next_try_ms;
};

static void see_why(void *context, const struct queue_explanation *explanation)
{
    struct why *why = context;
    text_copy(explanation->why, why->words, sizeof(why->words));
    why->line = explanation->place.line;
    why->next_try_ms = explanation->next_try_ms;
    why->count++;
}

static struct why expect_why(struct queue_peer *peer, uint64_t id, const char *words)
{
    struct why why = {0};
    queue_explain(peer->queue, id, see_why, &why);
    EXPECT(why.count == 1);
    EXPECT_TEXT(text_from(why.words), words);
    return why;
}

static unsigned act(struct queue_peer *peer, struct queue_filter filter, enum queue_action action)
{
    unsigned count;
    EXPECT(queue_act(peer->queue, &filter, action, &count) == OK);
    return count;
}

static uint64_t deliver_held(struct queue_peer *peer, const char *to, int64_t until_ms)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to = {text_from(to)},
                                   .to_count = 1,
                                   .terms = {.hold_until_ms = until_ms}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    return mail.id;
}

static void fail_once(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    arena_finish(&arena);
}

static struct hops wait_error(struct queue_peer *peer, const char *name)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && named(peer, name).error[0] == 0; i++)
        queue_peer_work();
    return named(peer, name);
}

/* ---- parts ---- */

static void gone_meanwhile(struct queue_peer *peer)
{
    static struct parts parts;
    struct queue_peer_mail mail = {
        .sender = TEXT("bob@local.test"),
        .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
        .to = {TEXT("alice@local.test"), TEXT("x@far.example"), TEXT("y@else.example")},
        .to_count = 3};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    parts = (struct parts){.queue = peer->queue};
    queue_each(peer->queue, 0, see_part, &parts);
    EXPECT(parts.count == 2);
    parts = (struct parts){.queue = peer->queue, .deletes = true};
    queue_each(peer->queue, 0, see_part, &parts);
    EXPECT(parts.count == 1);
    EXPECT(queue_peer_count(peer, "alice@local.test") == 1);
}

TEST("a part that goes while the queue is told of is not told of")
{
    queue_peer_run_at(&now, gone_meanwhile);
}

static void frozen_before_lookup(struct queue_peer *peer)
{
    static const char frozen[] = "an administrator froze it (mailroot queue thaw)";
    uint64_t later = deliver_held(peer, "bob@local.test", now + HOUR);
    expect_state(peer, later, "held");
    expect_why(peer, later, "its sender asked to have it sent later");
    peer->auth_is_down = true;
    uint64_t lookup = queue_peer_deliver(peer, "a@far.example", "bob@local.test");
    expect_state(peer, lookup, "lookup");
    expect_why(peer, lookup,
               "its recipients are to be looked up, and the directory did not answer");
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_FREEZE) == 2);
    expect_state(peer, later, "frozen");
    expect_state(peer, lookup, "frozen");
    expect_why(peer, later, frozen);
    expect_why(peer, lookup, frozen);
    peer->auth_is_down = false;
    now += 2 * HOUR;
    queue_directory_back(peer->queue);
    EXPECT(queue_peer_stays_below(peer, "bob@local.test", 1));
    EXPECT(queue_retry(peer->queue, later, TEXT("")) + queue_retry(peer->queue, lookup, TEXT("")) ==
           0);
    EXPECT(act(peer, (struct queue_filter){0}, QUEUE_THAW) == 2);
    EXPECT(queue_peer_await(peer, "bob@local.test", 2));
}

TEST("what is held, or waits for the directory, can be frozen too, and goes when it is thawed")
{
    queue_peer_run_at(&now, frozen_before_lookup);
}

static void out_of_reach(struct queue_peer *peer)
{
    struct arena arena;
    unsigned count;
    arena_init(&arena);
    uint64_t id = queue_peer_deliver(peer, "", "x@far.example");
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    expect_state(peer, id, "sending");
    EXPECT(queue_retry(peer->queue, id, TEXT("")) == 0);
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_RETRY) == 0);
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_FREEZE) == 0);
    EXPECT(queue_delete(peer->queue, id, false) == TRY_LATER);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.1.1", "no") == OK);
    expect_state(peer, id, "bad");
    expect_why(peer, id, "it can be neither delivered nor returned (mailroot badmail)");
    EXPECT(queue_retry(peer->queue, id, TEXT("")) == 0);
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_FREEZE) == 0);
    EXPECT(queue_delete(peer->queue, id, false) == OK);
    expect_state(peer, id, "bad"); /* that has orders of its own */
    EXPECT(queue_requeue_bad(peer->queue, id, &count) == OK && count == 1);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == id);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.1.1", "no") == OK);
    EXPECT(queue_purge_bad(peer->queue, id + 1, &count) == OK && count == 0);
    EXPECT(queue_purge_bad(peer->queue, id, &count) == OK && count == 1);
    EXPECT(queue_counts_now(peer->queue).items == 0);
    queue_peer_deliver(peer, "", "x@far.example");
    EXPECT(queue_purge_bad(peer->queue, 0, &count) == OK && count == 0);
    EXPECT(queue_counts_now(peer->queue).items == 1);
    arena_finish(&arena);
}

TEST("what is being sent, and bad mail, is not frozen, retried or deleted with other mail")
{
    queue_peer_run_at(&now, out_of_reach);
}

/* On one message that is being tried just now, when that is over. */
static void act_in_time(struct queue_peer *peer, struct queue_filter filter,
                        enum queue_action action)
{
    unsigned count = 0;
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && count == 0; i++) {
        count = act(peer, filter, action);
        queue_peer_work();
    }
    EXPECT(count == 1);
}

static void dropped(struct queue_peer *peer)
{
    struct queue_filter local = {.queue = TEXT("local")};
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@dropped.test");
    EXPECT(wait_error(peer, "local").messages == 1); /* its folder is not there */
    expect_state(peer, id, "waiting");
    expect_why(peer, id, "it is to be written into a folder");
    act_in_time(peer, local, QUEUE_FREEZE);
    expect_state(peer, id, "frozen");
    expect_why(peer, id, "an administrator froze it (mailroot queue thaw)");
    now += 2 * DAY; /* neither late nor given up */
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 1));
    now -= 2 * DAY;
    EXPECT(act(peer, local, QUEUE_THAW) == 1);
    act_in_time(peer, local, QUEUE_DELETE);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    id = queue_peer_deliver(peer, "alice@local.test", "x@dropped.test");
    EXPECT(wait_error(peer, "local").messages == 1);
    while (queue_delete(peer->queue, id, false) == TRY_LATER)
        queue_peer_work();
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

TEST("mail for a drop folder is frozen and deleted like other mail, and the sender hears of it")
{
    queue_peer_run_at(&now, dropped);
}

/* ---- hops ---- */

static void scheduled(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "connector small {\n    to small.test\n    by mx\n"
                                  "    schedule 22:00-23:00\n"
                                  "    oversize > 1KB send never\n}\n");
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@small.test");
    struct why why = expect_why(peer, id, "its connector sends mail at other times");
    expect_state(peer, id, "scheduled");
    EXPECT_TEXT(text_from(hop(peer, "small mx:small.test").state), "scheduled");
    EXPECT(why.next_try_ms > now && why.next_try_ms < now + DAY);
    EXPECT(hop(peer, "small mx:small.test").next_try_ms == why.next_try_ms);
    static char body[3000];
    memset(body, 'x', sizeof(body));
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = {body, sizeof(body)},
                                   .to = {TEXT("y@small.test")},
                                   .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct why large = expect_why(peer, mail.id, "its connector sends mail at other times");
    EXPECT(large.line == why.line + 1);
    EXPECT(large.next_try_ms == 0);
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_FREEZE) == 1);
    expect_state(peer, id, "frozen");
    EXPECT(act(peer, (struct queue_filter){.id = id}, QUEUE_THAW) == 1);
    EXPECT(expect_why(peer, id, why.words).next_try_ms == why.next_try_ms);
}

TEST("mail of a connector with a schedule says when it goes, large mail by a schedule of its own")
{
    queue_peer_run_at(&now, scheduled);
}

static void intervals(struct queue_peer *peer)
{
    queue_peer_set_settings(peer, "host mx.local.test\nlimit free-space 1MB\n"
                                  "domain local.test {\n    user alice bob\n}\nretry {\n"
                                  "    glitch 1m x2\n    after 10m\n}\n");
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    unsigned lines[4];
    for (unsigned i = 0; i < 4; i++) {
        fail_once(peer);
        struct why why = expect_why(peer, id, "the next hop could not be reached");
        lines[i] = why.line;
        EXPECT(why.next_try_ms > now && hop(peer, "mx:far.example").next_try_ms == why.next_try_ms);
        EXPECT(hop(peer, "mx:far.example").failures == i + 1);
        now = why.next_try_ms;
    }
    EXPECT(lines[0] != 0 && lines[1] == lines[0] && lines[2] == lines[0] + 1);
    EXPECT(lines[3] == lines[2]);
}

TEST("why a hop is tried again when it is, is told with the setting: glitch first, and then after")
{
    queue_peer_run_at(&now, intervals);
}

static void many(struct queue_peer *peer)
{
    enum { FAR = 300 };
    static struct parts parts;
    for (unsigned i = 0; i < FAR; i++)
        queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_deliver(peer, "alice@local.test", "x@else.example");
    struct queue_filter filter = {.hop = TEXT("MX:Far.Example")};
    parts = (struct parts){0};
    queue_find(peer->queue, &filter, see_part, &parts);
    EXPECT(parts.count == FAR);
    EXPECT(act(peer, (struct queue_filter){.hop = TEXT("mx:gone.example")}, QUEUE_DROP) == 0);
    EXPECT(act(peer, filter, QUEUE_DROP) == FAR);
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    EXPECT(act(peer, (struct queue_filter){.hop = TEXT("mx:else.example")}, QUEUE_DROP) == 1);
}

TEST("hundreds of a hop are found and dropped, however its name is written, and no other's")
{
    queue_peer_run_at(&now, many);
}

/* ---- queues that are of no hop ---- */

struct sending {
    struct queue_peer *peer;
    struct queue_peer_mail mail;
};

static void send_task(void *argument)
{
    struct sending *sending = argument;
    EXPECT(queue_peer_mail(sending->peer, &sending->mail) == OK);
}

static void arriving(struct queue_peer *peer)
{
    struct task_group group;
    struct sending sending[2];
    struct hops seen = {0};
    task_group_init(&group);
    for (unsigned i = 0; i < 2; i++) {
        sending[i] = (struct sending){peer,
                                      {.sender = TEXT("a@far.example"),
                                       .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                       .to = {TEXT("alice@local.test")},
                                       .to_count = 1}};
        task_spawn(&group, "send", send_task, &sending[i]);
    }
    while (group.count > 0) {
        struct hops submission = named(peer, "submission");
        if (submission.messages > seen.messages)
            seen = submission;
        task_yield();
    }
    EXPECT(seen.messages == 2 && seen.sending == 2 && seen.oldest_ms == now);
    EXPECT_TEXT(text_from(seen.state), "active");
    EXPECT(seen.bytes == 2 * sending[0].mail.body.length);
    EXPECT(named(peer, "submission").messages == 0);
    EXPECT_TEXT(text_from(named(peer, "submission").state), "ready");
}

TEST("what is not answered with 250 yet is in submission")
{
    queue_peer_run_at(&now, arriving);
}

static void lookups(struct queue_peer *peer)
{
    peer->auth_is_down = true;
    uint64_t first = queue_peer_deliver(peer, "a@far.example", "bob@local.test");
    int64_t began = now;
    EXPECT_TEXT(text_from(named(peer, "lookup").state), "active");
    now += MINUTE;
    struct hops one = wait_error(peer, "lookup");
    EXPECT_TEXT(text_from(one.state), "retry");
    EXPECT_TEXT(text_from(one.error), "the directory is resting");
    EXPECT(one.messages == 1 && one.oldest_ms == began && one.next_try_ms > now);
    now += SECOND;
    queue_peer_deliver(peer, "a@far.example", "carol@local.test");
    struct hops two = named(peer, "lookup");
    EXPECT(two.messages == 2 && two.bytes == 2 * one.bytes && two.oldest_ms == began);
    EXPECT(two.next_try_ms == one.next_try_ms || two.next_try_ms == 0);
    EXPECT(act(peer, (struct queue_filter){.id = first}, QUEUE_DROP) == 1);
    EXPECT(named(peer, "lookup").oldest_ms == began + MINUTE + SECOND);
    peer->auth_is_down = false;
    queue_directory_back(peer->queue);
    EXPECT(queue_peer_await(peer, "carol@local.test", 1));
    struct hops none = named(peer, "lookup");
    EXPECT(none.messages == 0 && none.bytes == 0 && none.oldest_ms == 0 && none.error[0] == 0);
    EXPECT_TEXT(text_from(none.state), "ready");
}

TEST("lookup says why it waits, since when and until when, and nothing once it is empty")
{
    queue_peer_run_at(&now, lookups);
}

static void unreachable(struct queue_peer *peer)
{
    enum { HOPS = 12 };
    EXPECT_TEXT(text_from(named(peer, "unreachable").state), "ready");
    queue_peer_set_settings(peer, "host mx.local.test\nlimit free-space 1MB\n"
                                  "domain local.test {\n    user alice bob\n}\nretry {\n"
                                  "    glitch 1m x0\n    after 10m\n}\n");
    char to[40];
    int64_t began = now;
    for (unsigned i = 0; i < HOPS; i++) {
        snprintf(to, sizeof(to), "x@d%u.example", i);
        queue_peer_deliver(peer, "alice@local.test", to);
        fail_once(peer);
        now += SECOND;
    }
    queue_peer_deliver(peer, "alice@local.test", "x@works.example");
    struct hops all = named(peer, "unreachable");
    EXPECT_TEXT(text_from(all.state), "retry");
    EXPECT(all.messages == HOPS && all.failures == HOPS && all.oldest_ms == began);
    EXPECT(all.next_try_ms == hop(peer, "mx:d0.example").next_try_ms);
    EXPECT_TEXT(text_from(all.error), "4.4.1 connection refused");
}

TEST("unreachable has all hops that do not answer, the oldest of their mail and the first attempt")
{
    queue_peer_run_at(&now, unreachable);
}

static void routing(struct queue_peer *peer)
{
    EXPECT_TEXT(text_from(named(peer, "routing").state), "ready");
    queue_peer_add_settings(peer, NORTH);
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    expect_state(peer, id, "routing");
    expect_why(peer, id,
               "no way is chosen before the other servers of the routing group were asked "
               "(mailroot routing)");
    EXPECT_TEXT(text_from(hop(peer, "unreachable:").state), "routing");
    struct hops queue = named(peer, "routing");
    EXPECT_TEXT(text_from(queue.state), "active");
    EXPECT(queue.messages == 1 && queue.waiting == 1 && queue.oldest_ms == now);
    EXPECT(named(peer, "unreachable").messages == 0);
    queue_peer_add_settings(peer, ""); /* there is no group any more, nor anybody to ask */
    EXPECT(named(peer, "routing").messages == 0);
}

TEST("mail that no way is chosen for yet is in routing, and not in unreachable")
{
    queue_peer_run_at(&now, routing);
}
