/* What becomes of mail by what send reports of it: also reports that lack a recipient, come late,
 * or say what no host says; and who hears of it. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "queue_heard.h"
#include "settings_scene.h"

static int64_t ahead;

static struct queue_job *lease_one(struct queue_peer *peer)
{
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    return job;
}

static void partial(struct queue_peer *peer)
{
    struct queue_peer_mail both = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to = {TEXT("x@far.example"), TEXT("y@far.example")},
                                   .to_count = 2};
    EXPECT(queue_peer_mail(peer, &both) == OK);
    struct queue_job job = *lease_one(peer);
    EXPECT(job.recipient_count == 2);
    job.recipient_count = 1;
    EXPECT(queue_peer_sent(peer, &job) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    now += 15 * MINUTE;
    const struct queue_job *rest = lease_one(peer);
    EXPECT(rest->recipient_count == 1);
    EXPECT_TEXT(rest->recipients[0].address, "y@far.example");
    struct queue_job_recipient none = {.number = 7};
    struct queue_job astray = *rest;
    astray.recipients = &none;
    EXPECT(queue_peer_sent(peer, &astray) == OK); /* of nobody */
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    now += 15 * MINUTE;
    EXPECT(queue_peer_sent(peer, lease_one(peer)) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("a recipient that a report does not name is tried again")
{
    run(partial);
}

static void odd_codes(struct queue_peer *peer)
{
    static const struct {
        const char *said, *told;
    } cases[] = {{"5.1.1", "Status: 5.1.1\r\n"},    {"", "Status: 5.0.0\r\n"},
                 {"4.2.2", "Status: 5.0.0\r\n"},    {"2.0.0", "Status: 5.0.0\r\n"},
                 {"5.1", "Status: 5.0.0\r\n"},      {"5.1.1.1", "Status: 5.0.0\r\n"},
                 {"5.1.1.", "Status: 5.0.0\r\n"},   {"50.1.1", "Status: 5.0.0\r\n"},
                 {"5.1000.1", "Status: 5.0.0\r\n"}, {"5.x.1", "Status: 5.0.0\r\n"},
                 {"5.0001.1", "Status: 5.0.0\r\n"}, {"9.1.1", "Status: 5.0.0\r\n"}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mail_on_terms(peer, "alice@local.test", "x@far.example", 0, (struct mail_terms){0});
        EXPECT(queue_peer_report(peer, lease_one(peer), REFUSED, false, cases[i].said, "no") == OK);
        struct text report = nth_of_alice(peer, i);
        if (!has(report, cases[i].told))
            fail_msg("%s: %.*s", cases[i].said, TEXT_ARG(report));
    }
}

TEST("a refusal is told with the status that was said, or 5.0.0 when that is none for good")
{
    run(odd_codes);
}

static void too_late(struct queue_peer *peer)
{
    mail_on_terms(peer, "alice@local.test", "x@far.example", 0, (struct mail_terms){0});
    const struct queue_job *job = lease_one(peer);
    now += 49 * HOUR;
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.2.1", "not now") == OK);
    struct text report = nth_of_alice(peer, 0);
    EXPECT(has(report, "Status: 5.4.7\r\n") && has(report, "not now"));
    mail_on_terms(peer, "alice@local.test", "x@far.example", 0,
                  (struct mail_terms){.by = MAIL_BY_RETURN, .by_ms = now + HOUR});
    job = lease_one(peer);
    now += 2 * HOUR;
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.7.1", "no TLS") == OK);
    report = nth_of_alice(peer, 1);
    EXPECT(has(report, "Status: 5.7.1\r\n") && has(report, "by the time the sender set"));
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("what is put off when its time is over already is given up at once")
{
    run(too_late);
}

static void set_back(struct queue_peer *peer)
{
    mail_on_terms(peer, "alice@local.test", "x@far.example", 0, (struct mail_terms){0});
    const struct queue_job *job = lease_one(peer);
    ahead = 0;
    clock_set_wall_for_test(&ahead);
    ahead = -9 * SECOND; /* a step that is not worth the walk */
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "refused") == OK);
    now += MINUTE;
    EXPECT(lease_one(peer)->id == job->id);
}

TEST("what was out when the clock was set back by seconds is due when its hop is")
{
    run(set_back);
}

static void nobody_to_tell(struct queue_peer *peer)
{
    static const unsigned notify[] = {0, NOTIFY_SUCCESS, NOTIFY_FAILURE, NOTIFY_NEVER};
    queue_freeze_hop(peer->queue, TEXT("mx:far.example"), true);
    mail_on_terms(peer, "", "x@far.example", 0, (struct mail_terms){0});
    mail_on_terms(peer, "", "x@far.example", NOTIFY_DELAY, (struct mail_terms){0});
    for (unsigned i = 1; i < sizeof(notify) / sizeof(*notify); i++)
        mail_on_terms(peer, "alice@local.test", "x@far.example", notify[i], (struct mail_terms){0});
    mail_on_terms(peer, "alice@local.test", "x@far.example", NOTIFY_DELAY,
                  (struct mail_terms){.by = MAIL_BY_NOTIFY, .by_ms = now + HOUR});
    now += 13 * HOUR;
    EXPECT(has(nth_of_alice(peer, 0), "Status: 4.4.7\r\n")); /* its time is over */
    now += SECOND;
    EXPECT(has(nth_of_alice(peer, 1), "Action: delayed\r\n")); /* it waits for long */
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 3));
    EXPECT(queue_counts_now(peer->queue).messages == 6);
}

TEST("that mail is late is told to who wants to hear that, and of a bounce to nobody")
{
    run(nobody_to_tell);
}

static unsigned count_dropped(const char *folder)
{
    unsigned count = 0;
    DIR *entries = opendir(folder);
    EXPECT(entries != NULL);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        count += strstr(entry->d_name, ".eml") != NULL;
    closedir(entries);
    return count;
}

static void dropped(struct queue_peer *peer)
{
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/dropped", peer->directory);
    EXPECT(mkdir(folder, 0700) == 0);
    struct settings *settings = settings_made("host mx.local.test\nlimit free-space 1MB\n"
                                              "domain local.test {\n    user alice bob\n}\n"
                                              "domain dropped.test {\n    drop %s\n}\n",
                                              folder);
    queue_set_settings(peer->queue, settings);
    settings_release(&settings);
    mail_on_terms(peer, "", "x@dropped.test", NOTIFY_SUCCESS, (struct mail_terms){0});
    mail_on_terms(peer, "alice@local.test", "x@dropped.test", 0, (struct mail_terms){0});
    mail_on_terms(peer, "alice@local.test", "x@dropped.test", NOTIFY_SUCCESS,
                  (struct mail_terms){0});
    EXPECT(has(nth_of_alice(peer, 0), "Action: delivered\r\n"));
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_counts_now(peer->queue).messages > 0; i++)
        queue_peer_work();
    EXPECT(queue_counts_now(peer->queue).messages == 0 && count_dropped(folder) == 3);
    EXPECT(queue_peer_count(peer, "alice@local.test") == 1);
}

TEST(
    "that mail is in its folder is told to who wants to hear of success, and of a bounce to nobody")
{
    run(dropped);
}

static void deleted(struct queue_peer *peer)
{
    uint64_t bounce = mail_on_terms(peer, "", "x@far.example", 0, (struct mail_terms){0});
    uint64_t other =
        mail_on_terms(peer, "alice@local.test", "x@far.example", 0, (struct mail_terms){0});
    unsigned count;
    struct queue_filter filter = {.id = bounce};
    EXPECT(queue_act(peer->queue, &filter, QUEUE_DELETE, &count) == OK && count == 1);
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    filter.id = other;
    EXPECT(queue_act(peer->queue, &filter, QUEUE_DELETE, &count) == OK && count == 1);
    EXPECT(has(nth_of_alice(peer, 0), "x@far.example"));
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    EXPECT(queue_counters_now(peer->queue)->bad == 0);
}

TEST("of a message that an administrator deletes its sender hears, and a bounce is not kept as bad")
{
    run(deleted);
}

/* ---- How much at a time ---- */

static char large[60 << 10];

static void by_size(struct queue_peer *peer)
{
    enum { MAILS = 45 };
    struct queue_job *jobs;
    struct queue_peer_mail one = {.sender = TEXT("alice@local.test"),
                                  .body = text_of(large, sizeof(large)),
                                  .to = {TEXT("x@far.example")},
                                  .to_count = 1};
    memset(large, 'b', sizeof(large));
    queue_freeze_hop(peer->queue, TEXT("mx:far.example"), true);
    for (unsigned i = 0; i < MAILS; i++)
        EXPECT(queue_peer_mail(peer, &one) == OK);
    queue_freeze_hop(peer->queue, TEXT("mx:far.example"), false);
    unsigned first = queue_peer_lease(peer, MAILS, &arena, &jobs);
    EXPECT(first > 0 && first < MAILS && jobs[first - 1].body.length == sizeof(large));
    EXPECT(queue_peer_lease(peer, MAILS, &arena, &jobs) == MAILS - first);
}

TEST("jobs that are large together are not given all at a time, but all are given")
{
    run(by_size);
}
