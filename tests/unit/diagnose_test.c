/* What diagnoses say of settings, orders and mail that waits, without a network: send finds in the
 * test what the test wants. */
#include <string.h>

#include "base/clock.h"
#include "found.h"
#include "queue/look/diagnose.h"
#include "queue/look/probe.h"
#include "queue_peer.h"

#define OURS                                                                                       \
    "host mx.local.test\nlimit free-space 1MB\n"                                                   \
    "domain local.test {\n    user alice bob\n}\n"
#define SERVER(lines) OURS "server front {\n    listen 192.0.2.1:25 smtp\n" lines "}\n"

static int64_t now;

typedef enum status diagnose(struct queue *queue, const struct queue_diagnosis *question,
                             struct findings *findings);

static enum status look(struct queue_peer *peer, diagnose *way, struct queue_diagnosis question)
{
    found_begin();
    return way(peer->queue, &question, &found);
}

static enum status inbound(struct queue_peer *peer, const char *address)
{
    return look(peer, queue_diagnose_inbound,
                (struct queue_diagnosis){.address = text_from(address)});
}

static enum status outbound(struct queue_peer *peer, const char *address)
{
    return look(peer, queue_diagnose_outbound,
                (struct queue_diagnosis){.address = text_from(address)});
}

/* What send says that it found: one thing. */
static void send_finds(struct queue_peer *peer, struct buffer *bytes)
{
    struct arena of_it;
    struct findings findings;
    arena_init(&of_it);
    findings_init(&findings, &of_it);
    findings_add(&findings, FINDING_OK, "connect", TEXT(""), "it is there");
    buffer_init(bytes, 4096);
    findings_encode(&findings, bytes);
    peer->send_says = buffer_text(bytes);
    arena_finish(&of_it);
}

static void run(void (*test)(struct queue_peer *peer))
{
    queue_peer_run_at(&now, test);
    found_end();
}

/* ---- inbound ---- */

static struct queue_probe probed(const struct queue_peer *peer)
{
    struct queue_probe probe;
    EXPECT(queue_probe_decode(text_of(peer->send_asked, peer->send_asked_bytes), &probe));
    return probe;
}

static void doors(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    queue_peer_set_settings(peer, SERVER(""));
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_OK, "listens", "server front listens at 192.0.2.1:25", "");
    found_expect(FINDING_OK, "connect", "it is there", "");
    EXPECT_TEXT(probed(peer).listens, "192.0.2.1:25");

    queue_peer_set_settings(peer, OURS "server front {\n    listen *:587 submission\n"
                                       "    listen *:2525 smtp\n    listen 192.0.2.1:25 smtp\n}\n"
                                       "server back {\n    listen 192.0.2.2:25 smtp\n}\n");
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_OK, "listens", "server front listens at 192.0.2.1:25", "");

    queue_peer_set_settings(peer, OURS "server front {\n    listen *:25 smtp\n}\n");
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_OK, "listens", "server front listens at *:25", "");
    EXPECT_TEXT(probed(peer).listens, "127.0.0.1:25");

    queue_peer_set_settings(peer, OURS "server front {\n    listen *:2525 smtp\n"
                                       "    listen *:2526 smtp\n}\n");
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_WARNING, "listens", "*:2525", "other servers come to port 25");

    queue_peer_set_settings(peer, OURS "server front {\n    listen 127.0.0.1:25 smtp\n}\n");
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_WARNING, "listens", "127.0.0.1:25", "only this machine reaches it");

    queue_peer_set_settings(peer, OURS "server front {\n    listen *:587 submission\n}\n");
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_FAULT, "listens", "no server listens for mail of other servers",
                 "listen *:25 smtp");
    EXPECT(found_count("connect") == 0);
    buffer_finish(&bytes);
}

TEST("the door that others come to is the first at port 25, else any for smtp, and is told of")
{
    run(doors);
}

static void policies(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    queue_peer_set_settings(peer, SERVER(""));
    EXPECT(inbound(peer, "alice@local.test") == OK);
    EXPECT(found_count("refuse") + found_count("admit") + found_count("filter") +
               found_count("tls") ==
           0);
    found_expect(FINDING_OK, "limits", "messages up to 36700160 bytes, 1000 recipients", "");

    queue_peer_set_settings(peer, SERVER("    refuse 198.51.100.0/24 *spam.example\n"
                                         "    admit 192.0.2.0/24\n    filter connection\n"
                                         "    limit message 0\n"));
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_WARNING, "refuse", "2 networks or names are refused",
                 "see server front (");
    found_expect(FINDING_WARNING, "admit", "only 1 networks or names are talked to",
                 "see server front");
    found_expect(FINDING_WARNING, "filter", "is filtered", "mailroot filter check IP-ADDRESS");
    EXPECT(found_count("limits") == 0);
    buffer_finish(&bytes);
}

TEST("whom a server refuses, admits or filters, and its limits, are named")
{
    run(policies);
}

static void tls(struct queue_peer *peer)
{
    static const char for_all[] =
        "certificate a.pem key b.pem\n" SERVER("    tls require\n    anonymous no\n");
    static const char for_login[] =
        "certificate a.pem key b.pem\n" SERVER("    tls require\n    tls for login\n");
    queue_peer_set_settings(peer, for_all);
    EXPECT(inbound(peer, "alice@local.test") == TRY_LATER);
    found_expect(FINDING_WARNING, "tls", "servers without TLS are refused", "tls offer");
    found_expect(FINDING_FAULT, "anonymous", "no other server can", "take away `anonymous no`");
    queue_peer_set_settings(peer, for_login);
    EXPECT(inbound(peer, "alice@local.test") == TRY_LATER);
    EXPECT(found_count("tls") == 0);
    found_expect(FINDING_OK, "anonymous", "without a login", "");
    found_expect(FINDING_FAULT, "sender", "too much to do", "mailroot status");
}

TEST("TLS that logging in needs is none of other servers' business; what send can't do is named")
{
    run(tls);
}

static void room(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_set_settings(peer, "limit queue 2\n" SERVER(""));
    EXPECT(inbound(peer, "alice@local.test") == OK);
    EXPECT(found_count("space") == 0);
    queue_peer_set_settings(peer, "limit queue 1\n" SERVER(""));
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_FAULT, "space", "1 messages wait, and no more are taken",
                 "mailroot queue hops");
    queue_peer_set_settings(peer, "host mx.local.test\nlimit free-space 1000TB\n"
                                  "domain local.test {\n    user alice\n}\n"
                                  "server front {\n    listen 192.0.2.1:25 smtp\n}\n");
    now += MINUTE;
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_FAULT, "space", "", "lower `limit free-space`");
    buffer_finish(&bytes);
}

TEST("a full queue, and a disk with too little room, are named as why no mail comes in")
{
    run(room);
}

static void recipients(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    EXPECT(inbound(peer, "group@local.test") == OK);
    found_expect(FINDING_OK, "recipient", "it leads to the mailbox alice@local.test", "");
    found_expect(FINDING_OK, "recipient", "it leads on to far@remote.example", "diagnose outbound");
    found_expect(FINDING_FAULT, "recipient", "gone@local.test: unknown", "mailroot user add");
    EXPECT(found_count("recipient") == 4); /* by which ways it would not go does not matter here */
    EXPECT(inbound(peer, "circle@local.test") == OK);
    found_expect(FINDING_FAULT, "recipient", "circle@local.test: loop", "");
    EXPECT(inbound(peer, "no address") == OK);
    found_expect(FINDING_FAULT, "address", "no address: ", "write it as user@domain");
    peer->auth_is_down = true;
    EXPECT(inbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_FAULT, "directory", "the directory is resting", "mailroot status");
    found_expect(FINDING_OK, "connect", "it is there", "");
    buffer_finish(&bytes);
}

TEST("all that an address of ours leads to is told, and a directory that does not answer")
{
    run(recipients);
}

static void odd_answers(struct queue_peer *peer)
{
    peer->send_says = TEXT("\377\377\377\377\377");
    EXPECT(inbound(peer, "alice@local.test") == TRY_LATER);
    found_expect(FINDING_FAULT, "sender", "what the sender found is malformed", "");
}

TEST("findings of send that can't be read are none")
{
    run(odd_answers);
}

/* ---- outbound ---- */

static void targets(struct queue_peer *peer)
{
    EXPECT(outbound(peer, "alice@local.test") == OK);
    found_expect(FINDING_OK, "route", "alice@local.test is a mailbox here",
                 "mailroot diagnose inbound");
    EXPECT(outbound(peer, "circle@local.test") == OK);
    found_expect(FINDING_FAULT, "route", "circle@local.test is forwarded in a circle",
                 "mailroot alias list");
    EXPECT(outbound(peer, "nobody@local.test") == OK);
    found_expect(FINDING_FAULT, "route", "knows nobody of this name", "mailroot user add");
    peer->auth_is_down = true;
    EXPECT(outbound(peer, "bob@local.test") == TRY_LATER); /* nothing is known of him */
    found_expect(FINDING_FAULT, "directory", "the directory is resting", "mailroot status");
}

TEST("an address that leads nowhere outside is told of, whatever it leads to")
{
    run(targets);
}

/* The other routing group was not asked yet what ways it knows. */
static void no_way(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "routing-group north {\n    member mx.local.test\n"
                                  "    login lsa@local.test secret lsa\n}\n"
                                  "connector south {\n    to-group south\n"
                                  "    smart-host [192.0.2.9]\n}\n");
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_FAULT, "route", "x@far.example: the other servers were not asked yet",
                 "mailroot routing");
    EXPECT(found_count("connect") == 0);
}

TEST("that no way is known to a domain elsewhere is said, and not that it is ours")
{
    run(no_way);
}

static enum status of_user(struct queue_peer *peer, const char *address)
{
    return look(peer, queue_diagnose_outbound,
                (struct queue_diagnosis){.address = text_from(address),
                                         .from = TEXT("alice@local.test"),
                                         .login = TEXT("alice@local.test")});
}

static void relaying(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_OK, "relay", "who is logged in may send to other domains by", "");
    EXPECT(of_user(peer, "x@far.example") == OK);
    found_expect(FINDING_OK, "relay", "this user may send to other domains by", "");
    EXPECT_TEXT(probed(peer).from, "alice@local.test");

    queue_peer_set_settings(peer, SERVER("    relay nobody\n"));
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_FAULT, "relay", "no server lets users send to other domains",
                 "relay logged-in");
    EXPECT(of_user(peer, "x@far.example") == OK);
    found_expect(FINDING_FAULT, "relay", "no server lets this user send", "relay logged-in");

    queue_peer_set_settings(peer, SERVER("    relay only 192.0.2.0/24\n"));
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_WARNING, "relay", "other domains, only networks may", "");

    queue_peer_set_settings(peer, SERVER("    login none\n"));
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_FAULT, "relay", "no server lets users send", "");
    buffer_finish(&bytes);
}

TEST("whether a user may send to other domains is told, and who else may")
{
    run(relaying);
}

static void connectors(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    EXPECT(outbound(peer, "x@[192.0.2.9]") == OK);
    EXPECT_TEXT(probed(peer).domain, "[192.0.2.9]");
    EXPECT(outbound(peer, "x@b\303\274cher.example") == OK);
    EXPECT_TEXT(probed(peer).domain, "xn--bcher-kva.example");
    EXPECT(found_count("schedule") == 0);
    EXPECT(outbound(peer, "x@night.test") == OK); /* it is day */
    found_expect(FINDING_FAULT, "schedule",
                 "connector night sends nothing now; it does at 2026-09-21T",
                 "or change `schedule`");
    EXPECT_TEXT(probed(peer).connector, "night");
    EXPECT(outbound(peer, "x@branch.test") == OK);
    found_expect(FINDING_WARNING, "hold", "mail of connector branch waits to be asked for (",
                 "ETRN");
    queue_peer_set_settings(peer, SERVER("") "connector never {\n    to night.test\n"
                                             "    schedule never\n    by mx\n}\n");
    EXPECT(outbound(peer, "x@night.test") == OK);
    found_expect(FINDING_FAULT, "schedule", "sends nothing now, nor ever by itself", "");
    buffer_finish(&bytes);
}

TEST("a connector that sends later, or never by itself, is told of with the time")
{
    run(connectors);
}

static void elsewhere(struct queue_peer *peer)
{
    queue_peer_set_settings(peer, "host mx.local.test\nlimit free-space 1MB\n"
                                  "domain local.test {\n    user alice\n"
                                  "    unresolved forward [192.0.2.9]\n}\n");
    EXPECT(outbound(peer, "nobody@local.test") == TRY_LATER);
    const struct finding *route = found_find("route", "nobody@local.test goes by connector");
    EXPECT(route != NULL && route->level == FINDING_OK);
    EXPECT(!found_has(route->words, "mailroot.conf"));
    found_expect(FINDING_FAULT, "sender", "too much to do", "mailroot serve");
}

TEST("who is unknown here and may be elsewhere is looked for there, as far as send can be asked")
{
    run(elsewhere);
}

static void waiting(struct queue_peer *peer)
{
    struct buffer bytes;
    send_finds(peer, &bytes);
    struct queue_peer_mail two = {.sender = TEXT("alice@local.test"),
                                  .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                  .to = {TEXT("y@far.example"), TEXT("x@far.example")},
                                  .to_count = 2};
    EXPECT(queue_peer_mail(peer, &two) == OK);
    EXPECT(queue_freeze_hop(peer->queue, TEXT("mx:far.example"), true) == OK);
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_OK, "queue", "1 messages wait for the hop mx:far.example", "");
    found_expect(FINDING_FAULT, "queue", "froze the hop mx:far.example",
                 "thaw --hop 'mx:far.example'");
    EXPECT(found_count("message") == 1);
    for (unsigned i = 0; i < 4; i++)
        queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    queue_peer_deliver(peer, "alice@local.test", "z@far.example");
    EXPECT(outbound(peer, "x@far.example") == OK);
    EXPECT(found_count("message") == 3); /* of five */
    EXPECT(outbound(peer, "z@far.example") == OK);
    EXPECT(found_count("message") == 1);
    EXPECT(queue_stop_outbound(peer->queue, true) == OK);
    EXPECT(outbound(peer, "z@far.example") == OK);
    found_expect(FINDING_FAULT, "queue", "all mail to other hosts is disabled",
                 "mailroot queue resume");
    buffer_finish(&bytes);
}

TEST("of the mail that waits for the same address some is told of, and of no other's")
{
    run(waiting);
}

static void last_error(struct queue_peer *peer)
{
    struct buffer bytes;
    struct arena of_job;
    arena_init(&of_job);
    send_finds(peer, &bytes);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    const struct queue_job *job = queue_peer_lease_one(peer, &of_job);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    EXPECT(outbound(peer, "x@far.example") == OK);
    found_expect(FINDING_WARNING, "queue", "which is tried again at 2026-", "queue retry --hop");
    found_expect(FINDING_WARNING, "queue", "the last error was: ", "");
    found_expect(FINDING_WARNING, "message", "waiting for 0 minutes: connection refused",
                 "mailroot queue explain ");
    arena_finish(&of_job);
    buffer_finish(&bytes);
}

TEST("a hop that did not answer is told of with its error and its next attempt")
{
    run(last_error);
}
