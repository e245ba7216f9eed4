/* What is out and what waits, where there is much of it: hosts that are slow, connectors that are
 * closed, servers of many names, and claims on what can't be claimed. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "odd_disk.h"
#include "queue/internal.h"
#include "queue_heard.h"
#include "settings_scene.h"

/* ---- Slow hosts ---- */

struct leasing {
    struct queue_peer *peer;
    struct queue_job *jobs; /* of the last call */
    unsigned count, total;
    struct queue_job *first; /* of the first call */
    unsigned first_count;
};

/* Takes all there is, and then waits for more. */
static void lease_task(void *argument)
{
    struct leasing *leasing = argument;
    while (queue_lease(leasing->peer->send, 64, &arena, &leasing->jobs, &leasing->count) == OK) {
        if (leasing->first == NULL) {
            leasing->first = leasing->jobs;
            leasing->first_count = leasing->count;
        }
        leasing->total += leasing->count;
    }
}

static void mail_to_dozen(struct queue_peer *peer, unsigned first)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nx\r\n"),
                                   .to_count = 12};
    for (unsigned i = 0; i < 12; i++)
        mail.to[i] = arena_printf(&arena, "x@slow%u.example", first + i);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
}

static void slow_hosts(struct queue_peer *peer)
{
    enum { EACH = 60 };
    struct task_group group;
    struct leasing leasing = {.peer = peer};
    odd_disk_use(peer);
    odd_disk_is(DISK_NEVER_SYNCS);
    for (unsigned i = 0; i < EACH; i++) {
        mail_to_dozen(peer, 0);
        mail_to_dozen(peer, 12);
    }
    task_group_init(&group);
    task_spawn(&group, "lease", lease_task, &leasing);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && leasing.total < 900; i++)
        queue_peer_work();
    for (unsigned i = 0; i < 100; i++)
        queue_peer_work();
    unsigned before = leasing.total;
    EXPECT(before >= 900 && before < QUEUE_LEASES_MOST); /* more waits, and is left */
    EXPECT(map_count(peer->queue->leases) == before);
    queue_peer_deliver(peer, "alice@local.test", "x@quick.example");
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && leasing.total == before; i++)
        queue_peer_work();
    EXPECT(leasing.total == before + 1);
    EXPECT_TEXT(leasing.jobs[0].domain, "quick.example");
    /* When some are done others go. */
    before = leasing.total;
    for (unsigned i = 0; i < leasing.first_count; i++)
        EXPECT(queue_peer_sent(peer, &leasing.first[i]) == OK);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && leasing.total == before; i++)
        queue_peer_work();
    EXPECT(leasing.total > before && map_count(peer->queue->leases) < QUEUE_LEASES_MOST);
    task_group_cancel(&group);
    task_group_wait(&group, NO_DEADLINE);
}

TEST("slow hosts, however many, never have all that may be out, and another host gets its mail")
{
    run(slow_hosts);
}

/* ---- Closed connectors ---- */

static void closed(struct queue_peer *peer)
{
    enum { MANY = 1100 };
    setenv("TZ", "UTC", 1);
    tzset();
    now = 20780 * (int64_t)DAY + 23 * (int64_t)HOUR; /* it is open */
    odd_disk_use(peer);
    odd_disk_is(DISK_NEVER_SYNCS);
    for (unsigned i = 0; i < MANY; i++)
        queue_peer_deliver(peer, "alice@local.test", "x@night.test");
    EXPECT(queue_peer_lease_one(peer, &arena) != NULL); /* all of it is due */
    queue_peer_send_dies(peer);
    now += 6 * HOUR;
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *jobs;
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].domain, "far.example");
    EXPECT(queue_peer_rests(peer));
    EXPECT(queue_counts_now(peer->queue).messages == MANY + 1);
}

TEST("much mail whose connector has closed holds up no other, and none of it goes")
{
    run(closed);
}

static void gets_schedule(struct queue_peer *peer)
{
    setenv("TZ", "UTC", 1);
    tzset();
    now = 20780 * (int64_t)DAY + 21 * (int64_t)HOUR;
    static const char *const schedules[] = {"", " schedule 22:00-04:00\n"};
    uint64_t id = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct settings *settings =
            settings_made("host mx.local.test\nlimit free-space 1MB\n"
                          "domain local.test {\n user alice\n}\n"
                          "connector late {\n to late.test\n smart-host h.test\n%s}\n",
                          schedules[i]);
        queue_set_settings(peer->queue, settings);
        settings_release(&settings);
        if (i == 0)
            id = queue_peer_deliver(peer, "alice@local.test", "x@late.test");
    }
    EXPECT(queue_peer_rests(peer));
    now += HOUR;
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == id);
}

TEST("mail that waits already goes by the schedule that its connector gets")
{
    run(gets_schedule);
}

/* ---- Servers ---- */

static void many_servers(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nx\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1};
    static const char hasty[] = "server hasty {\n    listen *:2526 smtp\n"
                                "    retry glitch 5s x2 after 20s\n}\n";
    queue_peer_add_settings(peer, hasty);
    for (unsigned i = 0; i < 20; i++) {
        mail.server = arena_printf(&arena, "gone%u", i);
        EXPECT(queue_peer_mail(peer, &mail) == OK);
    }
    mail.server = TEXT("hasty");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct queue_job *jobs;
    EXPECT(queue_peer_lease(peer, 30, &arena, &jobs) == 21);
    for (unsigned i = 0; i < 21; i++)
        EXPECT(queue_peer_report(peer, &jobs[i], TRY_LATER, true, "4.4.1", "refused") == OK);
    now += 5 * SECOND;
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == mail.id);
}

TEST("mail of servers that are written no more goes by the retry block, however many there were")
{
    run(many_servers);
}

/* ---- Claims ---- */

static void odd_claims(struct queue_peer *peer)
{
    struct queue_job *jobs;
    struct queue_peer_mail held = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nx\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1,
                                   .terms = {.hold_until_ms = now + HOUR}};
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_deliver(peer, "alice@local.test", "y@far.example");
    EXPECT(queue_peer_mail(peer, &held) == OK);
    EXPECT(queue_peer_lease(peer, 2, &arena, &jobs) == 2);
    queue_peer_close(peer);
    now += SECOND;
    queue_peer_open(peer);
    const struct queued *message = map_get(peer->queue->messages, MAP_KEY(held.id));
    EXPECT(message != NULL && message->part_count == 1);
    uint32_t number = parts_of((struct queued *)message)[0]->number;
    struct queue_claim claims[] = {{jobs[0].id, jobs[0].lease, 0, jobs[0].item},
                                   {jobs[1].id, jobs[0].lease, 0, jobs[1].item}, /* the same */
                                   {jobs[0].id, jobs[1].lease, 0, jobs[0].item}, /* has one */
                                   {held.id, jobs[1].lease, 0, number}};
    EXPECT(queue_claim(peer->send, claims, 4) == OK);
    EXPECT(map_count(peer->queue->leases) == 1);
    struct queue_job *other = queue_peer_lease_one(peer, &arena);
    EXPECT(other != NULL && other->id == jobs[1].id);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK && queue_peer_sent(peer, &jobs[1]) == REFUSED);
    EXPECT(queue_peer_sent(peer, other) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 1);
}

TEST("one lease is of one job, and a message that is held is claimed by nobody")
{
    run(odd_claims);
}

/* ---- A send process that dies while its report is written ---- */

static void dies_after_report(struct queue_peer *peer)
{
    struct task_group group;
    struct queue_peer_telling telling = {.peer = peer,
                                         .outcome = {.status = OK, .enhanced = TEXT("2.0.0")}};
    odd_disk_use(peer);
    odd_disk_is(DISK_NEVER_SYNCS);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    telling.job = queue_peer_lease_one(peer, &arena);
    EXPECT(telling.job != NULL);
    const struct queued_item *item = schedule_find(peer->queue, telling.job->id, telling.job->item);
    odd_disk_is(DISK_SYNCS_WAIT);
    task_group_init(&group);
    task_spawn(&group, "tell", queue_peer_tell_task, &telling);
    while (!item->busy)
        task_yield();
    queue_peer_send_dies(peer);
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(telling.status == TRY_LATER);
    EXPECT(map_count(peer->queue->leases) == 1); /* nobody else gets it */
    odd_disk_is(DISK_NEVER_SYNCS);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_counts_now(peer->queue).messages > 0; i++) {
        store_settle(queue_store(peer->queue));
        queue_peer_work();
    }
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("what was delivered is not sent again when send dies before it hears that this is known")
{
    run(dies_after_report);
}
