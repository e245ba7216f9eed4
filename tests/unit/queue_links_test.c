/* Whom the store has talked to about links, and when; and what it makes of packets that are none.
 */
#include <stdio.h>

#include "base/clock.h"
#include "queue_links_scene.h"

static struct arena *const arena = &links_scene.arena;

static bool has(struct text text, const char *part)
{
    return text_find_text(text, text_from(part)) < text.length;
}

/* ---- Whom we talk to ---- */

static void three_members(struct queue_peer *peer)
{
    links_scene_set(peer, "routing-group north {\n    member mx.local.test m3.test m2.test\n"
                          "    master m2.test\n" NORTH);
    AWAIT(links_scene_asked("links:m2.test") > 0 && links_scene_asked("links:m3.test") > 0);
    struct text told = links_scene_table("north", "m2.test", "far.test", 1);
    links_scene_tell(peer, told);
    links_scene_pass(MINUTE);
    unsigned third = links_scene_asked("links:m3.test");
    links_scene_pass(2 * MINUTE); /* the master alone is asked now and then */
    EXPECT(links_scene_asked("links:m2.test") >= 3 && links_scene_asked("links:m3.test") == third);
    links_scene_says("links:m2.test", TRY_LATER);
    links_scene_pass(2 * MINUTE);
    EXPECT(links_scene_asked("links:m3.test") >= third + 2);
    links_scene_says("links:m2.test", OK);
    links_scene_pass(MINUTE);
    third = links_scene_asked("links:m3.test");
    links_scene_pass(2 * MINUTE);
    EXPECT(links_scene_asked("links:m3.test") == third);
}

TEST("members talk with the master, and with each other only while it is away")
{
    links_scene_run(three_members);
}

static void hosts_elsewhere(struct queue_peer *peer)
{
    links_scene_set(peer,
                    ALONE "connector partner {\n to partner.example\n smart-host [192.0.2.9]\n}\n");
    AWAIT(links_scene_is_ready(peer));
    links_scene_pass(MINUTE); /* settings were new: once */
    unsigned before = links_scene_asked("partner");
    links_scene_pass(2 * MINUTE);
    EXPECT(links_scene_asked("partner") == before);
    links_scene_says("partner", TRY_LATER);
    queue_peer_deliver(peer, "alice@local.test", "x@partner.example");
    struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    links_scene_pass(10 * SECOND); /* it is down: asked again and again */
    EXPECT(links_scene_asked("partner") >= before + 5);
    links_scene_pass(MINUTE);
    job = queue_peer_lease_one(peer, arena); /* mail gets there: so it is there */
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    links_scene_pass(SECOND);
    before = links_scene_asked("partner");
    links_scene_pass(2 * MINUTE);
    EXPECT(links_scene_asked("partner") == before);
}

TEST("hosts that lead to no group are asked only while they are down")
{
    links_scene_run(hosts_elsewhere);
}

static void no_send(struct queue_peer *peer)
{
    links_scene_set(peer, ALONE TO_SOUTH);
    AWAIT(links_scene_asked("south") > 0);
    links_scene.held_hop = "south";
    AWAIT(links_scene.unanswered != NULL);
    unsigned before = links_scene_asked("south");
    rpc_fail(&links_scene.unanswered, TRY_LATER, "too late");
    links_scene.held_hop = NULL;
    queue_peer_send_dies(peer); /* with the question, or right after it */
    AWAIT(links_scene_asked("south") > before);
    /* While none is there nothing is learnt of anybody. */
    rpc_channel_close(&peer->send);
    links_scene_pass(MINUTE);
    peer->send = rpc_channel_new("store", NULL, 0, peer, &peer->group);
    queue_peer_send_dies(peer);
    before = links_scene_asked("south");
    AWAIT(links_scene_asked("south") > before);
    links_scene.held_hop = "south";
    links_scene.unanswered = NULL;
    AWAIT(links_scene.unanswered != NULL);
    links_scene_set(peer, ""); /* no group any more, and nobody to talk to */
    rpc_answer(&links_scene.unanswered, TEXT(""));
    links_scene.held_hop = NULL;
    before = links_scene_asked("south");
    links_scene_pass(MINUTE);
    EXPECT(links_scene_asked("south") == before);
    EXPECT(queue_links(peer->queue).table == NULL);
    links_scene_set(peer, ALONE TO_SOUTH);
    links_scene.held_hop = "south";
    links_scene.unanswered = NULL;
    AWAIT(links_scene.unanswered != NULL);
    queue_peer_close(peer); /* with a question on its way */
    rpc_fail(&links_scene.unanswered, TRY_LATER, "too late");
    queue_peer_open(peer);
}

TEST("a talk that its send process, or its hop, does not outlive says nothing of the peer")
{
    links_scene_run(no_send);
}

static bool is_up(struct queue_peer *peer, const char *name)
{
    const struct link_id north = link_id_of("group", TEXT("north"));
    const struct link_group *group = link_table_find(queue_links(peer->queue).table, &north);
    return link_connector_find(group, text_from(name))->is_up;
}

static void comes_and_goes(struct queue_peer *peer)
{
    links_scene_set(peer,
                    ALONE TO_SOUTH "connector other {\n to-group south\n smart-host o.test\n}\n");
    AWAIT(links_scene_is_ready(peer));
    struct text told = links_scene_table("south", "s1.test", "s.test", 1);
    links_scene_tell(peer, told);
    links_scene_says("south", TRY_LATER);
    AWAIT(!is_up(peer, "south"));
    for (unsigned i = 0; i < 8; i++) {
        links_scene_says("south", i % 2 == 0 ? OK : TRY_LATER);
        links_scene_pass((i % 2 == 0 ? 2 : 6) * SECOND);
    }
    EXPECT(is_up(peer, "south"));   /* whatever it is */
    links_scene.held_hop = "south"; /* nothing happens now but that time passes */
    AWAIT(links_scene.unanswered != NULL);
    EXPECT(is_up(peer, "south"));
    AWAIT(!is_up(peer, "south"));
    rpc_fail(&links_scene.unanswered, TRY_LATER, "too late");
    EXPECT(is_up(peer, "other"));
}

TEST("a connector that comes and goes is told as it is once that is over")
{
    links_scene_run(comes_and_goes);
}

/* ---- What is no packet, or the wrong one ---- */

static enum status say(struct queue_peer *peer, const char *connector, unsigned step,
                       struct text heard, struct text *next)
{
    struct buffer out;
    buffer_init(&out, RPC_FRAME_MAX);
    enum status status = queue_link_say(peer->send, text_from(connector), step, heard, &out);
    *next = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return status;
}

static void odd_answers(struct queue_peer *peer)
{
    struct text next, table = links_scene_table("east", "e1.test", "east.test", 1);
    struct rpc_reply reply = {0};
    EXPECT(say(peer, "south", 0, TEXT(""), &next) == OK && next.length == 0); /* in no group */
    links_scene_set(peer, ALONE TO_SOUTH
                    "connector partner {\n to partner.example\n smart-host a.test\n}\n");
    AWAIT(links_scene_is_ready(peer));
    EXPECT(say(peer, "unknown", 0, TEXT(""), &next) == OK && next.length == 0);
    EXPECT(say(peer, "partner", 0, TEXT(""), &next) == OK && next.length == 0);
    EXPECT(say(peer, "south", 0, TEXT(""), &next) == OK && has(next, "DIGEST_QUERY"));
    EXPECT(rpc_ask(peer->send, QUEUE_LINK_SAY, TEXT("junk"), -1, clock_monotonic_ms() + MINUTE,
                   &reply) == REFUSED);
    rpc_reply_finish(&reply);
    const struct text odd[] = {
        TEXT("junk"), links_scene_packet(LINK_STATE_DONE, TEXT("")),
        links_scene_packet(LINK_STATE_RESPONSE, TEXT("NONSENSE")),
        links_scene_packet(LINK_STATE_RESPONSE, TEXT("ORGINFO {junk")),
        links_scene_packet(LINK_STATE_RESPONSE, TEXT("ORGINFO {00000004}junk"))};
    for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        EXPECT(say(peer, "south", 0, odd[i], &next) == REFUSED);
    /* It has another table and does not tell it: it hears ours, and that is all. */
    struct text other = links_scene_packet(LINK_STATE_RESPONSE, TEXT(""));
    EXPECT(say(peer, "south", 0, other, &next) == OK && has(next, "ORGINFO"));
    EXPECT(say(peer, "south", 1, other, &next) == OK && next.length == 0);
    struct text theirs = links_scene_packet(LINK_STATE_RESPONSE,
                                            arena_printf(arena, "ORGINFO %.*s", TEXT_ARG(table)));
    EXPECT(say(peer, "south", 0, theirs, &next) == OK && has(next, "ORGINFO"));
    EXPECT(queue_links(peer->queue).table->group_count == 2);
}

TEST("an answer about links that is none is refused, and changes nothing")
{
    links_scene_run(odd_answers);
}

static void odd_questions(struct queue_peer *peer)
{
    struct text table = links_scene_table("east", "e1.test", "east.test", 1);
    EXPECT(links_scene_ask(peer, true, links_scene_packet(LINK_STATE_DONE, TEXT(""))).length ==
           0); /* in no group */
    links_scene_set(peer, ALONE TO_SOUTH);
    AWAIT(links_scene_is_ready(peer));
    const struct text odd[] = {TEXT("junk"),
                               links_scene_packet(LINK_STATE_DIGEST_QUERY, TEXT("nonsense")),
                               links_scene_packet(LINK_STATE_ORGINFO, TEXT("nonsense")),
                               links_scene_packet(LINK_STATE_ORGINFO, TEXT("{00000004}junk")),
                               links_scene_packet(LINK_STATE_REPORT, TEXT("nonsense")),
                               links_scene_packet(LINK_STATE_REPORT, TEXT("{00000004}junk")),
                               links_scene_packet(LINK_STATE_REPORT, table),
                               links_scene_packet(LINK_STATE_DONE, TEXT("nonsense")),
                               links_scene_packet(LINK_STATE_RESPONSE, TEXT("")),
                               links_scene_packet(LINK_STATE_DONE_RESPONSE, TEXT(""))};
    for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        EXPECT(links_scene_ask(peer, true, odd[i]).length == 0);
    EXPECT(queue_links(peer->queue).table->group_count == 1);
    EXPECT(has(links_scene_ask(peer, false, links_scene_packet(LINK_STATE_DONE, TEXT(""))),
               "DONE_RESPONSE"));
    EXPECT(queue_links_since(peer->queue, TEXT("north"), TEXT("south")) != 0);
    EXPECT(queue_links_since(peer->queue, TEXT("north"), TEXT("unknown")) == 0);
}

/* The lines of a connector with so many domains that no other server could be told of them. */
static char many_spaces[1 << 20];

static void untold(struct queue_peer *peer)
{
    enum { COUNT = 400, DOMAINS = 100 };
    size_t length =
        (size_t)snprintf(many_spaces, sizeof(many_spaces), "%s",
                         "routing-group north {\n    member mx.local.test m2.test\n" NORTH);
    for (unsigned i = 0; i < COUNT; i++) {
        length += (size_t)snprintf(many_spaces + length, sizeof(many_spaces) - length,
                                   "connector c%u {\n    smart-host h.test\n    to", i);
        for (unsigned k = 0; k < DOMAINS; k++)
            length += (size_t)snprintf(many_spaces + length, sizeof(many_spaces) - length,
                                       " d%u-%u.test", i, k);
        length += (size_t)snprintf(many_spaces + length, sizeof(many_spaces) - length, "\n}\n");
    }
    links_scene_set(peer, many_spaces);
    links_scene_pass(10 * SECOND);
    struct text next;
    EXPECT(queue_links(peer->queue).table == NULL && !queue_links(peer->queue).is_awaited);
    EXPECT(say(peer, "links:m2.test", 0, TEXT(""), &next) == OK);
    EXPECT(has(next, "DIGEST_QUERY") && !has(next, "REPORT"));
    queue_peer_deliver(peer, "alice@local.test", "x@d7-7.test");
    const struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL);
    EXPECT_TEXT(job->connector, "c7");
}

TEST("a server with more connectors than can be told tells none, and its mail goes")
{
    links_scene_run(untold);
}

TEST("a question about links that is none is refused, and changes nothing")
{
    links_scene_run(odd_questions);
}
