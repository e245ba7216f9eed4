/* What `filter check` says of a stranger and of his message, with block lists that the test has
 * answer. */
#include <stdio.h>

#include "found.h"
#include "queue/block_lists.h"
#include "queue/look/diagnose.h"
#include "queue_peer.h"

#define OURS                                                                                       \
    "host mx.local.test\nlimit free-space 1MB\n"                                                   \
    "domain local.test {\n    user alice bob\n}\n"
#define FRONT(filters) "server front {\n    listen 192.0.2.1:25 smtp\n" filters "}\n"
#define ALL FRONT("    filter connection sender recipient\n")
#define LISTS                                                                                      \
    "block-list zen {\n    zone zen.example\n    codes 127.0.0.2\n}\n"                             \
    "block-list more {\n    zone more.example\n}\n"

static int64_t now;

static void run(void (*test)(struct queue_peer *peer))
{
    queue_peer_run_at(&now, test);
    found_end();
}

struct stranger {
    const char *ip, *from, *to, *server;
};

static enum status look(struct queue_peer *peer, struct stranger of)
{
    struct queue_stranger stranger = {.from = text_from(of.from == NULL ? "" : of.from),
                                      .to = text_from(of.to == NULL ? "" : of.to),
                                      .server = text_from(of.server == NULL ? "" : of.server)};
    EXPECT(net_address_parse(text_from(of.ip), 0, &stranger.address));
    found_begin();
    return queue_diagnose_filters(peer->queue, &stranger, &found);
}

static void applied(struct queue_peer *peer)
{
    queue_peer_set_settings(
        peer, OURS FRONT(
                  "    filter sender\n") "server back {\n"
                                         "    listen 192.0.2.2:25 smtp\n    filter recipient\n}\n");
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    found_expect(FINDING_WARNING, "applied", "the filter connection is applied by no server",
                 "filter connection");
    EXPECT(found_count("applied") == 1);
    EXPECT(look(peer, (struct stranger){"198.51.100.1", .server = "front"}) == OK);
    found_expect(FINDING_WARNING, "applied", "recipient is applied by no server of the name front",
                 "filter recipient");
    EXPECT(found_count("applied") == 2);
    EXPECT(look(peer, (struct stranger){"198.51.100.1", .server = "side"}) == REFUSED);
    EXPECT(found.count == 0);
}

TEST("a filter that no server applies, or not the one asked about, is named")
{
    run(applied);
}

static void addresses(struct queue_peer *peer)
{
    static const char filter[] = "filter {\n    accept 192.0.2.1\n    deny 192.0.2.0/30\n"
                                 "    relays 192.0.2.9\n    sender *@bad.example\n}\n";
    char settings[1000];
    snprintf(settings, sizeof(settings), OURS ALL "%s", filter);
    queue_peer_set_settings(peer, settings);
    EXPECT(look(peer, (struct stranger){"192.0.2.1", "a@bad.example"}) == OK);
    found_expect(FINDING_OK, "accept", "192.0.2.1 is in accept (", "");
    EXPECT(found_count("sender") == 0);
    EXPECT(look(peer, (struct stranger){"192.0.2.2", "a@bad.example"}) == OK);
    found_expect(FINDING_FAULT, "deny", "192.0.2.2 is in deny (", "filter { accept 192.0.2.2 }");
    EXPECT(found_count("sender") == 0);
    EXPECT(look(peer, (struct stranger){"192.0.2.9", "a@bad.example"}) == OK);
    found_expect(FINDING_OK, "address", "neither accept nor deny", "");
    found_expect(FINDING_WARNING, "relays", "192.0.2.9 is a relay of ours", "gave the message");
    found_expect(FINDING_FAULT, "sender", "a@bad.example is filtered by 'sender *@bad.example'",
                 "see /etc");
    /* Who connects is not looked at: only what he sends is. */
    snprintf(settings, sizeof(settings), OURS FRONT("    filter sender\n") "%s", filter);
    queue_peer_set_settings(peer, settings);
    EXPECT(look(peer, (struct stranger){"192.0.2.2", "a@bad.example"}) == OK);
    EXPECT(found_count("deny") == 0);
    found_expect(FINDING_FAULT, "sender", "a@bad.example is filtered", "");
}

TEST("an address that is accepted, denied or a relay's decides what else is asked")
{
    run(addresses);
}

/* What becomes of mail from bad.example with these lines in the filter block. */
static void expect_fate(struct queue_peer *peer, const char *lines, const char *fate)
{
    char settings[1000];
    snprintf(settings, sizeof(settings), OURS ALL "filter {\n    sender *@bad.example\n%s}\n",
             lines);
    queue_peer_set_settings(peer, settings);
    EXPECT(look(peer, (struct stranger){"198.51.100.1", "a@bad.example"}) == OK);
    found_expect(FINDING_FAULT, "sender", fate, "see ");
    EXPECT(look(peer, (struct stranger){"198.51.100.1", "a@good.example"}) == OK);
    found_expect(FINDING_OK, "sender", "a@good.example is not filtered", "");
}

static void fates(struct queue_peer *peer)
{
    expect_fate(peer, "", "its mail is refused at MAIL: 554 5.1.0");
    expect_fate(peer, "    sender archive\n", "its mail is archived, and refused at its end: 554");
    expect_fate(peer, "    sender then drop\n", "at MAIL and the connection closed: 421 4.7.1");
    expect_fate(peer, "    sender then discard\n", "its mail is taken and thrown away");
    expect_fate(peer, "    sender then discard\n    sender archive\n", "is taken and archived");
}

TEST("what becomes of a filtered sender's mail is said as it would be done")
{
    run(fates);
}

static void senders_and_recipients(struct queue_peer *peer)
{
    queue_peer_set_settings(peer, OURS ALL "filter {\n    sender blank\n"
                                           "    recipient closed@local.test\n}\n");
    EXPECT(look(peer, (struct stranger){"198.51.100.1", "<>", "closed@local.test"}) == OK);
    found_expect(FINDING_FAULT, "sender", "<> is filtered by 'sender blank", "see ");
    found_expect(FINDING_FAULT, "recipient", "'recipient closed@local.test': refused at RCPT, 550",
                 "see ");
    EXPECT(look(peer, (struct stranger){"198.51.100.1", "a@far.example", "bob@local.test"}) == OK);
    found_expect(FINDING_OK, "recipient", "bob@local.test is not filtered", "");
    EXPECT(look(peer, (struct stranger){"198.51.100.1", "no address", "none either"}) == OK);
    EXPECT(found_count("sender") + found_count("recipient") == 0);
    queue_peer_set_settings(
        peer, OURS FRONT("    filter connection\n") "filter {\n    sender blank\n"
                                                    "    recipient closed@local.test\n}\n");
    EXPECT(look(peer, (struct stranger){"198.51.100.1", "<>", "closed@local.test"}) == OK);
    EXPECT(found_count("sender") + found_count("recipient") == 0);
}

TEST("senders and recipients are looked for where a server filters them, and there alone")
{
    run(senders_and_recipients);
}

/* ---- block lists ---- */

static void lists_say(struct queue_peer *peer, const struct filter_listing *listings,
                      unsigned count, struct buffer *bytes)
{
    buffer_reset(bytes, 4096);
    block_lists_encode(listings, count, bytes);
    peer->send_says = buffer_text(bytes);
}

static void lists(struct queue_peer *peer)
{
    struct buffer bytes;
    uint32_t listed[] = {0x7f000002, 0x7f000003}, odd[] = {0x7fffffff, 0x0a000001};
    struct filter_listing both[] = {{TEXT("more"), false, odd, 2}, {TEXT("zen"), false, listed, 2}};
    buffer_init(&bytes, 4096);
    queue_peer_set_settings(peer, OURS ALL LISTS
                            "filter {\n    block-lists except postmaster@local.test\n}\n");
    lists_say(peer, both, 2, &bytes);
    EXPECT(look(peer, (struct stranger){"198.51.100.1", NULL, "bob@local.test"}) == OK);
    EXPECT_TEXT(text_of(peer->send_asked, peer->send_asked_bytes), "198.51.100.1");
    found_expect(FINDING_FAULT, "block-list",
                 "127.0.0.2 in zen (zen.example), which counts: refused at RCPT, 550 5.7.1 "
                 "198.51.100.1 has been blocked by zen",
                 "block-lists except RECIPIENT");
    found_expect(FINDING_OK, "block-list", "127.0.0.3 in zen", "");
    found_expect(FINDING_WARNING, "block-list", "that it does not answer us", "");
    found_expect(FINDING_WARNING, "block-list",
                 "10.0.0.1 in more (more.example), which is no "
                 "answer of a block list",
                 "");
    EXPECT(look(peer, (struct stranger){"198.51.100.1", NULL, "postmaster@local.test"}) == OK);
    found_expect(FINDING_OK, "block-list", "which counts, but not for this recipient", "");
    EXPECT(findings_first(&found, FINDING_FAULT) == NULL);
    buffer_finish(&bytes);
}

TEST("each answer of a block list is told with what it means for this recipient")
{
    run(lists);
}

static void silent_lists(struct queue_peer *peer)
{
    struct buffer bytes;
    struct filter_listing one = {.list = TEXT("zen"), .is_unknown = true};
    buffer_init(&bytes, 4096);
    queue_peer_set_settings(peer, OURS ALL LISTS);
    lists_say(peer, &one, 1, &bytes);
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    found_expect(FINDING_WARNING, "block-list", "zen (zen.example) gave no answer in time",
                 "by hand");
    found_expect(FINDING_WARNING, "block-list", "more (more.example) gave no answer", "by hand");
    one.is_unknown = false;
    lists_say(peer, &one, 1, &bytes);
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    found_expect(FINDING_OK, "block-list", "198.51.100.1 is not in zen (zen.example)", "");
    peer->send_says = TEXT("");
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    found_expect(FINDING_WARNING, "block-list", "no list can be asked: too much to do", "status");
    peer->send_says = TEXT("\3\2\1");
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    found_expect(FINDING_WARNING, "block-list", "what the block lists said is malformed", "status");
    queue_peer_set_settings(peer, OURS ALL);
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    EXPECT(found_count("block-list") == 0);
    queue_peer_set_settings(peer, OURS FRONT("    filter sender\n") LISTS);
    EXPECT(look(peer, (struct stranger){"198.51.100.1"}) == OK);
    EXPECT(found_count("block-list") == 0);
    buffer_finish(&bytes);
}

TEST("a block list that does not answer, or can't be asked, is told of, and none without need")
{
    run(silent_lists);
}
