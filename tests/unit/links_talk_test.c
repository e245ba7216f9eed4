/* Two routing groups tell each other of links, and what one hears from a third meanwhile. The test
 * is the send process that talks to the group south, and a front at which the group east asks. */
#include "base/clock.h"
#include "queue/client.h"
#include "queue/links/links.h"
#include "queue_peer.h"
#include "routing/packet.h"

static const char north[] = "routing-group north {\n    member mx.local.test\n"
                            "    login lsa@local.test secret lsa\n}\n"
                            "connector south {\n    to-group south\n"
                            "    smart-host [192.0.2.9]\n}\n";

static void say(struct queue_peer *peer, unsigned step, const char *heard, struct buffer *out)
{
    buffer_reset(out, RPC_FRAME_MAX);
    EXPECT(queue_link_say(peer->send, TEXT("south"), step, text_from(heard), out) == OK);
}

/* A server of the group east tells its table, which has no other group. */
static void east_tells(struct queue_peer *peer)
{
    struct buffer table, packet, answer;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&table, LINK_TABLE_MAX);
    buffer_init(&packet, RPC_FRAME_MAX);
    buffer_init(&answer, RPC_FRAME_MAX);
    struct link_table *east = link_table_new();
    struct link_group *group = link_group_new(TEXT("east"), TEXT("first-organisation"));
    group->master = link_add_member(group, TEXT("e1.test"))->name;
    EXPECT(link_group_seal(group) && link_table_take(east, &group));
    link_table_write(east, &table);
    struct link_state_packet told = {
        .parts = {{LINK_STATE_ORGINFO, arena_printf(&arena, "{%08zx}%.*s", table.length,
                                                    TEXT_ARG(buffer_text(&table)))}},
        .part_count = 1};
    link_state_write(&told, &packet);
    struct queue_link_question question = {.packet = buffer_text(&packet)};
    EXPECT(queue_link_answer(peer->front, &question, &answer) == OK);
    link_table_free(&east);
    buffer_finish(&table);
    buffer_finish(&packet);
    buffer_finish(&answer);
    arena_finish(&arena);
}

static void note_agrees(void *agrees, const struct queue_link_peer_view *peer)
{
    if (text_equals(peer->connector, TEXT("south")))
        *(bool *)agrees = peer->agrees;
}

static bool south_agrees(struct queue_peer *peer)
{
    bool agrees = false;
    queue_each_link_peer(peer->queue, note_agrees, &agrees);
    return agrees;
}

static const char done[] = "{00000025} MULTI (5) ({0000000e} DONE_RESPONSE)";

static void other_news_meanwhile(struct queue_peer *peer)
{
    struct buffer said;
    buffer_init(&said, RPC_FRAME_MAX);
    queue_peer_add_settings(peer, north);
    say(peer, 0, "", &said);
    say(peer, 0, done, &said);
    EXPECT(said.length == 0 && south_agrees(peer));
    say(peer, 0, "", &said);
    east_tells(peer);
    say(peer, 0, done, &said);
    EXPECT(said.length == 0 && !south_agrees(peer));
    say(peer, 0, "", &said);
    say(peer, 0, done, &said);
    EXPECT(south_agrees(peer));
    buffer_finish(&said);
}

TEST("who agreed to what we knew when we asked has still to hear what we have heard since")
{
    queue_peer_run(other_news_meanwhile);
}
