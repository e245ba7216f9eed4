/* Reports, seen by who gets them: in which language, how much of the original, and whether at all;
 * and the answers that policies deny as well. The clock is in the test's hand. */
#include <stdio.h>
#include <string.h>

#include "account/absence.h"
#include "account/preference.h"
#include "base/clock.h"
#include "queue/internal.h"
#include "queue_heard.h"
#include "store/scripts.h"

/* The next host refuses a message from sender with this header. */
static void refuse(struct queue_peer *peer, const char *sender, const char *header)
{
    struct queue_peer_mail mail = {
        .sender = text_from(sender), .to = {TEXT("x@far.example")}, .to_count = 1};
    mail.body = arena_printf(&arena, "%sSubject: s\r\n\r\nbody\r\n", header);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_report(peer, queue_peer_lease_one(peer, &arena), REFUSED, false, "5.1.1",
                             "550 no") == OK);
}

/* Refuse mail of alice, and read her n-th report. */
static struct text refused_of_alice(struct queue_peer *peer, const char *header, unsigned n)
{
    refuse(peer, "alice@local.test", header);
    EXPECT(queue_peer_await(peer, "alice@local.test", n + 1));
    return queue_peer_read(peer, "alice@local.test", n, &arena);
}

/* The report to a sender elsewhere, delivered by us. */
static struct queue_job *take_report(struct queue_peer *peer)
{
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, OK, false, "2.0.0", "250 ok") == OK);
    return job;
}

/* So many have been, and nothing is left to send. */
static bool are_kept_back(struct queue_peer *peer, unsigned count)
{
    const struct queue_counters *counters = queue_counters_now(peer->queue);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && counters->reports_kept_back < count; i++)
        queue_peer_work();
    return counters->reports_kept_back == count && queue_counts_now(peer->queue).items == 0;
}

static void languages(struct queue_peer *peer)
{
    const struct accounts *accounts = queue_accounts(peer->queue);
    EXPECT(has(refused_of_alice(peer, "", 0), "\r\nContent-Language: en\r\n"));
    queue_peer_add_settings(peer, "reports language es\n");
    EXPECT(has(refused_of_alice(peer, "", 1), "\r\nContent-Language: es\r\n"));
    queue_peer_add_settings(peer, "reports language es\ndomain local.test {\n language fr\n}\n");
    EXPECT(has(refused_of_alice(peer, "", 2), "\r\nContent-Language: fr\r\n"));
    EXPECT(has(refused_of_alice(peer, "Content-Language: tlh, de\r\n", 3),
               "\r\nContent-Language: de\r\n"));
    EXPECT(has(refused_of_alice(peer, "Content-Language: de\r\nAccept-Language: ja-JP\r\n", 4),
               "\r\nContent-Language: ja\r\n"));
    EXPECT(preference_set(accounts, TEXT("alice@local.test"), PREFERENCE_LANGUAGE, TEXT("en-GB")) ==
           OK);
    EXPECT(
        has(refused_of_alice(peer, "Content-Language: de\r\n", 5), "\r\nContent-Language: en\r\n"));
}

TEST("a report is in the reader's own language, else his message's, his domain's, the server's")
{
    run(languages);
}

static void malformed_language(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "reports bilingual on\n");
    EXPECT(has(refused_of_alice(peer, "Accept-Language: de;q=x\r\n", 0),
               "\r\nContent-Language: en\r\n"));
    EXPECT(has(refused_of_alice(peer, "Accept-Language: de (\r\n German)\r\n", 1),
               "\r\nContent-Language: de, en\r\n"));
}

static void unwritten_language(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "reports language tlh\n");
    EXPECT(has(refused_of_alice(peer, "", 0), "\r\nContent-Language: en\r\n"));
}

TEST("where nothing is written in the server's language, reports are in English")
{
    run(unwritten_language);
}

TEST("a language that can't be read is none, and another one than English is said twice if wanted")
{
    run(malformed_language);
}

static void own_texts(struct queue_peer *peer)
{
    struct report_catalog *catalog = report_catalog_new();
    struct buffer errors;
    buffer_init(&errors, 4096);
    EXPECT(report_catalog_add(catalog, TEXT("en.txt"),
                              TEXT("[subject failed]\nBounced: {subject}\n"
                                   "[closing]\nAsk 112 about {id}.\n"),
                              &errors) == OK);
    buffer_finish(&errors);
    queue_set_report_texts(peer->queue, &catalog);
    struct text report = refused_of_alice(peer, "Subject: =?utf-8?Q?=C3=BC?= 1\r\n", 0);
    EXPECT(has(report, "\r\nSubject: =?utf-8?B?Qm91bmNlZDogw7wgMQ==?=\r\n"));
    EXPECT(has(report, "\r\nAsk 112 about ") && !has(report, "The postmaster finds"));
    EXPECT(has(report, "Your message could not be delivered"));
}

TEST("texts of the administrator take the place of ours from the next report on")
{
    run(own_texts);
}

static void original(struct queue_peer *peer)
{
    EXPECT(has(refused_of_alice(peer, "", 0), "Content-Type: message/rfc822\r\n"));
    queue_peer_add_settings(peer, "reports original 0\n");
    struct text report = refused_of_alice(peer, "", 1);
    EXPECT(has(report, "Content-Type: text/rfc822-headers\r\n") && !has(report, "\r\nbody\r\n"));
}

/* shows: V27 */
TEST("of a message larger than is set (0: than nothing) the header alone comes back")
{
    run(original);
}

static void denied(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "policy *.else.example {\n deny non-delivery-reports\n}\n"
                                  "policy ok.else.example {\n deny delivery-reports\n}\n");
    refuse(peer, "a@mx.else.example", "");
    EXPECT(are_kept_back(peer, 1));
    EXPECT(queue_counters_now(peer->queue)->reports == 0);
    refuse(peer, "a@ok.else.example", "");
    EXPECT(has(take_report(peer)->body, "Action: failed\r\n"));

    struct queue_peer_mail mail = {.sender = TEXT("a@ok.else.example"),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to = {TEXT("bob@local.test")},
                                   .to_count = 1,
                                   .notify = NOTIFY_SUCCESS};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(are_kept_back(peer, 2));
    mail.sender = TEXT("a@mx.else.example");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(has(take_report(peer)->body, "Action: delivered\r\n"));
}

/* shows: D13 D14 */
TEST("a policy denies reports of failure, or of success, to the domains that it is for")
{
    run(denied);
}

static void flood(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "reports limit 2 within 10m\n");
    for (unsigned i = 0; i < 2; i++) {
        refuse(peer, i % 2 == 0 ? "a@else.example" : "A@else.example", "");
        take_report(peer);
    }
    for (unsigned i = 0; i < 2; i++) {
        refuse(peer, "a@else.example", "");
        EXPECT(are_kept_back(peer, i + 1));
    }
    refuse(peer, "b@else.example", "");
    take_report(peer);
    for (unsigned i = 0; i < 3; i++)
        refused_of_alice(peer, "", i);
    now += 10 * MINUTE;
    refuse(peer, "a@else.example", "");
    take_report(peer);
    EXPECT(are_kept_back(peer, 2));
}

TEST("who is elsewhere gets so many reports in a time, and our own users get all")
{
    run(flood);
}

static void shipped_limit(struct queue_peer *peer)
{
    enum { SHIPPED = 200 };
    for (unsigned i = 0; i < SHIPPED; i++) {
        refuse(peer, "a@else.example", "");
        take_report(peer);
    }
    refuse(peer, "a@else.example", "");
    EXPECT(are_kept_back(peer, 1));
    refuse(peer, "b@else.example", "");
    take_report(peer);
}

TEST("the limit of reports holds where none is set")
{
    run(shipped_limit);
}

/* Mail from elsewhere to a user of ours is answered. */
static bool is_answered(struct queue_peer *peer, const char *user)
{
    struct queue_peer_mail mail = {.sender = TEXT("far@else.example"), .to_count = 1};
    mail.to[0] = text_from(user);
    mail.body = arena_printf(&arena, "From: far@else.example\r\nTo: %s\r\n\r\nHello.\r\n", user);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    if (queue_counts_now(peer->queue).items == 0)
        return false;
    take_report(peer);
    return true;
}

static void denied_answers(struct queue_peer *peer)
{
    struct store *store = queue_store(peer->queue);
    struct absence absence = {.is_on = true, .answers_outside = true, .inside = TEXT("Away.")};
    EXPECT(absence_set(store, TEXT("bob@local.test"), &absence) == OK);
    EXPECT(script_put(store, TEXT("alice@local.test"), TEXT("main"),
                      TEXT("require \"vacation\"; vacation \"Away.\";")) == SCRIPT_DONE);
    EXPECT(script_activate(store, TEXT("alice@local.test"), TEXT("main")) == SCRIPT_DONE);

    queue_peer_add_settings(peer, "policy *.example {\n deny out-of-office\n}\n");
    EXPECT(!is_answered(peer, "bob@local.test"));
    EXPECT(is_answered(peer, "alice@local.test"));
    now += (int64_t)30 * DAY; /* all are answered anew */
    queue_peer_add_settings(peer, "policy default {\n deny automatic-reply\n}\n");
    EXPECT(!is_answered(peer, "alice@local.test"));
    EXPECT(is_answered(peer, "bob@local.test"));
    EXPECT(queue_peer_count(peer, "alice@local.test") == 2);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 2);
}

/* shows: D10 D11 */
TEST("a policy denies the answers of who is out of office, or of scripts, and nobody is told")
{
    run(denied_answers);
}

static bool is_bad(struct queue_peer *peer, uint64_t count)
{
    const struct queue_counters *counters = queue_counters_now(peer->queue);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && counters->bad < count; i++)
        queue_peer_work();
    return counters->bad == count && counters->reports == 0;
}

static void nobody_to_tell(struct queue_peer *peer)
{
    char *sender = arena_alloc(&arena, 401);
    memset(sender, 'x', 400);
    memcpy(sender + 380, "@else.example", 14);
    refuse(peer, sender, "");
    EXPECT(is_bad(peer, 1));

    struct item_recipient recipient = {
        .address = TEXT("x@far.example"), .enhanced = TEXT("5.1.1"), .reply = TEXT("no")};
    struct item item = {
        .kind = ITEM_REPORT, .next_try_ms = now, .recipients = &recipient, .recipient_count = 1};
    struct change change;
    uint64_t id = queue_peer_deliver(peer, "", "x@far.example");
    change_init(&change);
    change_item(&change, id, 1, &item);
    EXPECT(store_commit(queue_store(peer->queue), &change) == OK);
    change_finish(&change);
    EXPECT(is_bad(peer, 2));
}

TEST("a report to an address that is too long, or to nobody, leaves bad mail for the administrator")
{
    run(nobody_to_tell);
}
