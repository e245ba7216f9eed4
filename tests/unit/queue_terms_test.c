/* The terms of a message during its life in the queue: holds, deadlines, priorities, and what the
 * sender hears. The clock is in the test's hand. */
#include <string.h>

#include "base/clock.h"
#include "mail/body_scan.h"
#include "queue_heard.h"

/* Mail of alice to one recipient; its id. */
static uint64_t mail_to(struct queue_peer *peer, const char *to, unsigned notify,
                        struct mail_terms terms)
{
    return mail_on_terms(peer, "alice@local.test", to, notify, terms);
}

struct seen {
    unsigned held, all;
    int64_t until_ms;
};

static void look(void *context, const struct queue_view *view)
{
    struct seen *seen = context;
    seen->all++;
    if (strcmp(view->state, "held") != 0)
        return;
    seen->held++;
    seen->until_ms = view->next_try_ms;
}

static struct seen look_at(struct queue_peer *peer)
{
    struct seen seen = {0};
    queue_each(peer->queue, 0, look, &seen);
    return seen;
}

static void tell_finding(void *context, const char *line)
{
    unused(context);
    fail_msg("%s", line);
}

static void hold(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {
        .sender = TEXT("alice@local.test"),
        .body = TEXT("Subject: later\r\n\r\nbody\r\n"),
        .to = {TEXT("bob@local.test"), TEXT("x@far.example"), TEXT("nobody@local.test")},
        .to_count = 3,
        .terms = {.hold_until_ms = now + HOUR}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 0 && queue_peer_rests(peer));
    struct seen seen = look_at(peer);
    EXPECT(seen.all == 1 && seen.held == 1 && seen.until_ms == now + HOUR);
    EXPECT(queue_retry(peer->queue, 0, TEXT("")) == 0);
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(look_at(peer).held == 1);
    now += HOUR - 1;
    EXPECT(queue_peer_stays_below(peer, "bob@local.test", 1));
    now += 1;
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));
    EXPECT(has(queue_peer_read(peer, "bob@local.test", 0, &arena), "Subject: later"));
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == mail.id && job->recipient_count == 1);
    EXPECT(queue_peer_sent(peer, job) == OK);
    struct text report = nth_of_alice(peer, 0);
    EXPECT(has(report, "Final-Recipient: rfc822; nobody@local.test"));
    EXPECT(has(report, "Future-Release-Request: until; 2026-"));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    /* What the log says, replayed, is what is there. */
    EXPECT(store_verify(queue_store(peer->queue), tell_finding, NULL) == OK);
}

/* shows: V27 T09 */
TEST("a held message is delivered and sent when its time has come, over a restart")
{
    run(hold);
}

static void release_later(struct queue_peer *peer)
{
    mail_to(peer, "bob@local.test", 0, (struct mail_terms){.hold_until_ms = now + HOUR});
    now += HOUR;
    peer->auth_is_down = true;
    EXPECT(queue_peer_stays_below(peer, "bob@local.test", 1));
    EXPECT(look_at(peer).held == 1);
    peer->auth_is_down = false;
    now += MINUTE;
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));
    EXPECT(look_at(peer).all == 0);
}

TEST("what can't be looked up when its hold ends is held a minute more")
{
    run(release_later);
}

static void cancel(struct queue_peer *peer)
{
    uint64_t id =
        mail_to(peer, "bob@local.test", 0, (struct mail_terms){.hold_until_ms = now + HOUR});
    EXPECT(queue_delete(peer->queue, id, false) == OK);
    EXPECT(look_at(peer).all == 0);
    id = mail_to(peer, "bob@local.test", 0, (struct mail_terms){.hold_until_ms = now + HOUR});
    EXPECT(queue_retry(peer->queue, id, TEXT("")) == 1);
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));
    now += 2 * HOUR;
    EXPECT(queue_peer_stays_below(peer, "bob@local.test", 2));
    EXPECT(store_space_now(queue_store(peer->queue)).live_bytes > 0); /* bob has it */
}

/* shows: V27 */
TEST("an administrator cancels a held message, or lets it go before its time")
{
    run(cancel);
}

static void expiry_of_held(struct queue_peer *peer)
{
    mail_to(peer, "x@far.example", 0, (struct mail_terms){.hold_until_ms = now + 10 * DAY});
    now += 10 * DAY;
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.2.2", "full") == OK);
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 1));
    now += 12 * HOUR;
    EXPECT(has(nth_of_alice(peer, 0), "Action: delayed"));
}

TEST("the age of a held message counts from its release")
{
    run(expiry_of_held);
}

static void priorities(struct queue_peer *peer)
{
    static const int given[] = {0, -9, 3, 9, 3};
    static const unsigned order[] = {3, 2, 4, 0, 1};
    uint64_t ids[5];
    for (unsigned i = 0; i < 5; i++, now++)
        ids[i] = mail_to(peer, "x@far.example", 0, (struct mail_terms){.priority = given[i]});
    for (unsigned i = 0; i < 5; i++) {
        struct queue_job *job = queue_peer_lease_one(peer, &arena);
        EXPECT(job != NULL && job->id == ids[order[i]]);
        EXPECT(job->terms.priority == given[order[i]]);
    }
}

/* shows: V27 */
TEST("of what is due for a hop the most urgent is sent first, and of that what came first")
{
    run(priorities);
}

static void urgent_retry(struct queue_peer *peer)
{
    uint64_t urgent = mail_to(peer, "x@far.example", 0, (struct mail_terms){.priority = 5});
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, false, "4.2.2", "full") == OK);
    uint64_t plain[3];
    for (unsigned i = 0; i < 3; i++)
        plain[i] = mail_to(peer, "x@far.example", 0, (struct mail_terms){0});
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == plain[0]); /* the urgent one is not due */
    now += 10 * MINUTE;
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == urgent);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == plain[1]);
}

TEST("an urgent message that is to be tried again passes those that were due before")
{
    run(urgent_retry);
}

static void return_in_time(struct queue_peer *peer)
{
    mail_to(peer, "x@far.example", 0,
            (struct mail_terms){.by = MAIL_BY_RETURN, .by_ms = now + 5 * MINUTE});
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->terms.by == MAIL_BY_RETURN);
    EXPECT(job->terms.by_ms == now + 5 * MINUTE);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "no route") == OK);
    now += 5 * MINUTE - 1;
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 1));
    now += 1;
    struct text report = nth_of_alice(peer, 0);
    EXPECT(has(report, "Action: failed") && has(report, "Status: 5.4.7"));
    EXPECT(has(report, "not delivered by the time the sender set; last: no route"));
    EXPECT(has(report, "Deliver-By-Date: "));
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

/* shows: V27 */
TEST("what is to be delivered by a time or returned is returned then")
{
    run(return_in_time);
}

static void notify_in_time(struct queue_peer *peer)
{
    struct mail_terms terms = {.by = MAIL_BY_NOTIFY, .by_ms = now + 5 * MINUTE};
    mail_to(peer, "x@far.example", 0, terms);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "no route") == OK);
    now += 5 * MINUTE;
    struct text report = nth_of_alice(peer, 0);
    EXPECT(has(report, "Action: delayed") && has(report, "Status: 4.4.7"));
    EXPECT(has(report, "Will-Retry-Until: "));
    now += 5 * HOUR;
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 2)); /* once */
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 2));
    now += 7 * HOUR;
    EXPECT(has(nth_of_alice(peer, 1), "Status: 4.4.1")); /* of the settings' own notice */
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    /* The next hop lacks DELIVERBY: RFC 2852 4.1.4.2. */
    EXPECT(has(nth_of_alice(peer, 2), "Action: relayed"));
}

/* shows: V27 */
TEST("what is late with BY=...;N goes on, and the sender hears of it once")
{
    run(notify_in_time);
}

static void trace(struct queue_peer *peer)
{
    struct mail_terms terms = {.by = MAIL_BY_NOTIFY, .by_trace = true, .by_ms = now + HOUR};
    mail_to(peer, "x@far.example", NOTIFY_FAILURE, terms);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    struct queue_outcome outcome = {.number = 0, .status = OK, .peer_keeps_time = true};
    EXPECT(queue_peer_tell(peer, job, &outcome) == OK);
    EXPECT(has(nth_of_alice(peer, 0), "Action: relayed"));
    terms.by_trace = false;
    mail_to(peer, "x@far.example", NOTIFY_FAILURE, terms);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_tell(peer, job, &outcome) == OK);
    terms.by_trace = true;
    mail_to(peer, "x@far.example", NOTIFY_NEVER, terms);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_tell(peer, job, &outcome) == OK);
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 2));
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

/* shows: V27 */
TEST("a traced message is reported by every hop, but not to who wants to hear nothing")
{
    run(trace);
}

static void expanded(struct queue_peer *peer)
{
    mail_to(peer, "group@local.test", NOTIFY_SUCCESS, (struct mail_terms){0});
    struct text report = nth_of_alice(peer, 1); /* the first is the group's mail itself */
    EXPECT(has(report, "Final-Recipient: rfc822; group@local.test"));
    EXPECT(has(report, "Action: expanded"));
    EXPECT(!has(report, "Action: delivered") && !has(report, "gone@local.test"));
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->recipients[0].notify == NOTIFY_NEVER);
}

/* shows: V27 */
TEST("success of a group is told as expanded, and its members' fates are not told")
{
    run(expanded);
}

static void expanded_failure(struct queue_peer *peer)
{
    mail_to(peer, "group@local.test", NOTIFY_SUCCESS | NOTIFY_FAILURE, (struct mail_terms){0});
    struct text report = nth_of_alice(peer, 1);
    EXPECT(has(report, "Action: expanded") && has(report, "Action: failed"));
    EXPECT(has(report, "Final-Recipient: rfc822; gone@local.test"));
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->recipients[0].notify == NOTIFY_FAILURE);
}

TEST("failures of a group's members are told to who wants to hear of failure")
{
    run(expanded_failure);
}

static void success_of_a_report(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT(""),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to = {TEXT("bob@local.test"), TEXT("x@far.example")},
                                   .to_count = 2,
                                   .notify = NOTIFY_SUCCESS};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 2));
    EXPECT(look_at(peer).all == 0);
}

TEST("mail that has no sender has nobody to hear of its success")
{
    run(success_of_a_report);
}

static void terms_of_report(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT("sender@far.example"),
                                   .body = TEXT("Received: from client.example ([192.0.2.1])\r\n"
                                                "\tby mx.local.test (mailroot) with ESMTP id 1;\r\n"
                                                "\tFri, 20 Nov 2026 10:02:11 +0000\r\n"
                                                "Subject: \xc3\xbc\r\n\r\nbody\r\n"),
                                   .to = {TEXT("x@other.example")},
                                   .to_count = 1,
                                   .terms = {.body = MAIL_BODY_8BIT,
                                             .requires_tls = true,
                                             .priority = 4,
                                             .return_headers_only = true}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->terms.requires_tls);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.7.30", "550 5.7.30 no TLS") == OK);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && text_is_empty(job->sender));
    EXPECT_TEXT(job->recipients[0].address, "sender@far.example");
    EXPECT(job->terms.requires_tls && job->terms.priority == 4);
    EXPECT(job->terms.body == MAIL_BODY_8BIT && !job->terms.return_headers_only);
    EXPECT(has(job->body, "Received-From-MTA: dns; client.example\r\n"));
    EXPECT(has(job->body, "Remote-MTA: dns; mx.remote.example ([192.0.2.7]:25)\r\n"));
    EXPECT(has(job->body, "Content-Type: text/rfc822-headers\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n"));
}

/* shows: V27 */
TEST("a report is guarded and urgent as the message it tells of")
{
    run(terms_of_report);
}

static void binary(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: b\rin\0ary\r\n\r\nbody\n\0\xff"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1,
                                   .terms = {.body = MAIL_BODY_BINARY}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->terms.body == MAIL_BODY_BINARY);
    EXPECT(text_equals(job->body, mail.body));
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.6.3", "554 no") == OK);
    struct text report = nth_of_alice(peer, 0);
    EXPECT(has(report, "Content-Type: text/rfc822-headers\r\n\r\nSubject: b?in?ary\r\n"));
    EXPECT(text_find(report, '\0') == report.length && !body_has_8bit(report));
}

/* shows: V26 V27 */
TEST("a binary message is kept as it came, and its report returns the header as text")
{
    run(binary);
}

static void international(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: \xc3\xbc\r\n\r\nbody\r\n"),
                                   .to = {TEXT("j\xc3\xbcrg@far.example")},
                                   .to_count = 1,
                                   .terms = {.body = MAIL_BODY_8BIT, .is_international = true}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_report(peer, queue_peer_lease_one(peer, &arena), REFUSED, false, "5.6.7",
                             "553 no") == OK);
    struct text report = nth_of_alice(peer, 0);
    EXPECT(has(report, "Content-Type: message/delivery-status\r\n"));
    EXPECT(has(report, "Final-Recipient: utf-8; j\\x{FC}rg@far.example\r\n"));
    EXPECT(has(report, "  <j=C3=BCrg@far.example>\r\n"));
    EXPECT(has(report, "Content-Type: message/global\r\n"
                       "Content-Transfer-Encoding: base64\r\n"));
    EXPECT(!body_has_8bit(report));
    mail.sender = TEXT("ann\xc3\xa9@else.example");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_report(peer, queue_peer_lease_one(peer, &arena), REFUSED, false, "5.6.7",
                             "553 no") == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->terms.is_international);
    EXPECT(has(job->body, "Content-Type: message/global-delivery-status\r\n"));
    EXPECT(has(job->body, "Final-Recipient: utf-8; j\xc3\xbcrg@far.example\r\n"));
    EXPECT(has(job->body, "Content-Type: message/global\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n"));
    queue_peer_report(peer, job, OK, false, "2.0.0", "250 ok");
}

/* shows: V27 */
TEST("a report is international when its reader's address is, and ASCII otherwise")
{
    run(international);
}
