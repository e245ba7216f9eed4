#include "queue_links_scene.h"

#include <stdio.h>

#include "base/clock.h"
#include "settings_scene.h"

struct links_scene links_scene;

static struct hop_said {
    char name[64];
    unsigned asked;
    enum status status;
} said[16];
static unsigned said_count;

static struct hop_said *hop_of(const char *name)
{
    for (unsigned i = 0; i < said_count; i++)
        if (strcmp(said[i].name, name) == 0)
            return &said[i];
    struct hop_said *hop = &said[said_count++];
    *hop = (struct hop_said){.status = OK};
    snprintf(hop->name, sizeof(hop->name), "%s", name);
    return hop;
}

void links_scene_says(const char *hop, enum status status)
{
    hop_of(hop)->status = status;
}

unsigned links_scene_asked(const char *name)
{
    return hop_of(name)->asked;
}

static void serve_links(struct queue_peer *peer, struct rpc_call *call, struct text hop)
{
    char name[64];
    unused(peer);
    text_copy(hop, name, sizeof(name));
    struct hop_said *one = hop_of(name);
    one->asked++;
    if (links_scene.held_hop != NULL && strcmp(links_scene.held_hop, name) == 0)
        links_scene.unanswered = call;
    else if (one->status == OK)
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, one->status, "connection refused");
}

void links_scene_run(void (*test)(struct queue_peer *peer))
{
    said_count = 0;
    links_scene.held_hop = NULL;
    links_scene.unanswered = NULL;
    arena_init(&links_scene.arena);
    queue_peer_run_at(&links_scene.now, test);
    arena_finish(&links_scene.arena);
}

void links_scene_pass(int64_t ms)
{
    const int64_t step_ms = ms > 5 * SECOND ? 500 : 250;
    for (int64_t gone = 0; gone < ms; gone += step_ms) {
        links_scene.now += step_ms;
        for (unsigned i = 0; i < 5; i++)
            task_yield();
        queue_peer_work();
    }
}

void links_scene_set(struct queue_peer *peer, const char *lines)
{
    struct settings *settings =
        settings_made("host mx.local.test\nlimit free-space 1MB\n"
                      "domain local.test {\n user alice bob carol lsa\n}\n%s",
                      lines);
    peer->serve_links = serve_links;
    queue_set_settings(peer->queue, settings);
    settings_release(&settings);
}

bool links_scene_is_ready(struct queue_peer *peer)
{
    struct queue_links_view view = queue_links(peer->queue);
    return view.table != NULL && view.table->group_count > 0 && !view.is_awaited;
}

struct text links_scene_table(const char *name, const char *master, const char *space,
                              unsigned major)
{
    struct buffer text;
    struct link_table *table = link_table_new();
    struct link_group *group = link_group_new(text_from(name), TEXT("first-organisation"));
    group->master = link_add_member(group, text_from(master))->name;
    group->version = (struct link_version){major, 0, 0};
    struct link_connector *connector = link_add_connector(group, TEXT("out"));
    EXPECT(link_add_space(group, connector, text_from(space), 1) != NULL);
    link_add_bridgehead(group, connector, text_from(master))->reach = LINK_AVAILABLE;
    EXPECT(link_group_seal(group) && link_table_take(table, &group));
    buffer_init(&text, LINK_TABLE_MAX);
    link_table_write(table, &text);
    struct text counted =
        arena_printf(&links_scene.arena, "{%08zx}%.*s", text.length, TEXT_ARG(buffer_text(&text)));
    buffer_finish(&text);
    link_table_free(&table);
    return counted;
}

struct text links_scene_packet(enum link_state_word word, struct text arguments)
{
    struct link_state_packet packet = {.parts = {{word, arguments}}, .part_count = 1};
    struct buffer out;
    buffer_init(&out, RPC_FRAME_MAX);
    link_state_write(&packet, &out);
    struct text text = arena_copy(&links_scene.arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

struct text links_scene_ask(struct queue_peer *peer, bool is_member, struct text packet)
{
    struct queue_link_question question = {.is_member = is_member, .packet = packet};
    struct buffer out;
    buffer_init(&out, RPC_FRAME_MAX);
    enum status status = queue_link_answer(peer->front, &question, &out);
    struct text answer =
        status == OK ? arena_copy(&links_scene.arena, buffer_text(&out)) : TEXT("");
    EXPECT(status == OK || status == REFUSED);
    buffer_finish(&out);
    return answer;
}

void links_scene_tell(struct queue_peer *peer, struct text table)
{
    struct text packet = links_scene_packet(LINK_STATE_ORGINFO, table);
    EXPECT(links_scene_ask(peer, true, packet).length > 0);
}
