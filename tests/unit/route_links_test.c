/* Which way mail goes where servers have routing groups: what is decided at one server of the group
 * "north", whose members are m1 (this one), m2 and m3, from a table that others told. */
#include <stdio.h>

#include "decide/relay.h"
#include "decide/route.h"
#include "settings_scene.h"
#include "test.h"

static struct settings *parse(const char *connectors)
{
    return settings_made(
        "host m1.test\ndomain our.test {\n}\nserver in {\n  listen 127.0.0.1:25\n}\n"
        "routing-group north {\n  member m1.test m2.test m3.test\n"
        "  login lsa@our.test secret lsa\n}\n%s",
        connectors);
}

/* One line of a group: "name | spaces and costs | groups and costs | bridgeheads | flags", where a
 * bridgehead "-m2" does not work, and flags are of "down" and "scope". */
static void add_connector(struct link_group *group, struct text line)
{
    struct text parts[5], word;
    for (unsigned i = 0; i < 5; i++) {
        parts[i] = TEXT("");
        text_split(&line, '|', &parts[i]);
    }
    struct link_connector *connector = link_add_connector(group, text_trim(parts[0]));
    while (text_word(&parts[1], &word)) {
        uint32_t cost;
        EXPECT(text_to_u32(text_after(word, ':'), &cost));
        link_add_space(group, connector, text_before(word, ':'), cost);
    }
    while (text_word(&parts[2], &word)) {
        uint32_t cost;
        struct link_id id = link_id_of("group", text_before(word, ':'));
        EXPECT(text_to_u32(text_after(word, ':'), &cost));
        link_add_arrow(group, connector, &id, cost);
    }
    while (text_word(&parts[3], &word)) {
        bool is_lost = word.data[0] == '-';
        link_add_bridgehead(group, connector, text_from_position(word, is_lost))->reach =
            is_lost ? LINK_NOT_AVAILABLE : LINK_AVAILABLE;
    }
    while (text_word(&parts[4], &word)) {
        connector->is_up &= !text_equals(word, TEXT("down"));
        connector->is_for_group |= text_equals(word, TEXT("scope"));
    }
}

/* "name: members" and then lines of connectors, as many groups as there are. */
static struct link_table *table_of(const char *text)
{
    struct link_table *table = link_table_new();
    struct link_group *group = NULL;
    struct text rest = text_from(text), line, member;
    while (text_split(&rest, '\n', &line)) {
        size_t colon = text_find(line, ':');
        if (line.length > 0 && text_find(line, '|') == line.length) {
            if (group != NULL)
                EXPECT(link_group_seal(group) && link_table_take(table, &group));
            struct text members = text_from_position(line, colon + 1);
            group = link_group_new(text_head(line, colon), TEXT("first-organisation"));
            while (text_word(&members, &member))
                group->master = link_add_member(group, member)->name;
        } else if (line.length > 0) {
            add_connector(group, line);
        }
    }
    EXPECT(link_group_seal(group) && link_table_take(table, &group));
    return table;
}

struct scene {
    struct settings *settings;
    struct link_table *links;
    struct route_facts facts;
};

static struct scene scene_of(const char *connectors, const char *table)
{
    struct scene scene = {.settings = parse(connectors), .links = table_of(table)};
    scene.facts = (struct route_facts){.settings = scene.settings,
                                       .links = scene.links,
                                       .sender = TEXT("a@our.test"),
                                       .login = TEXT(""),
                                       .server = TEXT(""),
                                       .from_member = TEXT("")};
    return scene;
}

static void scene_end(struct scene *scene)
{
    link_table_free(&scene->links);
    settings_release(&scene->settings);
}

/* "hop > group/connector cost". */
static const char *way(struct scene *scene, const char *domain)
{
    static char out[200];
    scene->facts.domain = text_from(domain);
    struct route route = decide_route(&scene->facts);
    struct text hop = route.connector == NULL ? TEXT("mx") : route.connector->name;
    if (route.is_refused)
        return "refused";
    if (route.is_unreachable)
        return "unreachable";
    if (route.link == NULL)
        snprintf(out, sizeof(out), "%.*s", TEXT_ARG(hop));
    else
        snprintf(out, sizeof(out), "%.*s > %.*s/%.*s %u", TEXT_ARG(hop),
                 TEXT_ARG(route.group->name), TEXT_ARG(route.link->facts.name), route.cost);
    return out;
}

#define EXPECT_WAY(scene, domain, expected) EXPECT_TEXT(text_from(way(scene, domain)), expected)

static const char to_south[] =
    "connector south {\n  to-group south cost 10\n  smart-host s.test\n}\n";

/* shows: C16 C18 */
TEST("the closest address space of all servers wins, then the cost with the way to it")
{
    struct scene scene = scene_of(
        "connector south {\n  to-group south cost 10\n  smart-host s.test\n}\n"
        "connector net {\n  to * cost 50\n  by mx\n}\n"
        "connector near {\n  to near.example cost 12 far.example cost 13\n  smart-host n.test\n}\n",
        "north: m1.test m2.test m3.test\n"
        "south | | south:10 | m1.test |\n"
        "net | *:50 | | m1.test |\n"
        "near | near.example:12 far.example:13 | | m1.test |\n"
        "south: s1.test\n"
        "net | *:1 | | s1.test |\n"
        "near | near.example:2 far.example:2 exact.example:90 | | s1.test |\n");
    EXPECT_WAY(&scene, "any.example", "south > south/net 11");
    EXPECT_WAY(&scene, "exact.example", "south > south/near 100");
    EXPECT_WAY(&scene, "near.example", "near"); /* as dear, but ours */
    EXPECT_WAY(&scene, "far.example", "south > south/near 12");
    scene_end(&scene);
}

TEST("mail for a connector of another member goes to a bridgehead of it that works")
{
    struct scene scene = scene_of("", "north: m1.test m2.test m3.test\n"
                                      "out | *.example:1 | | m2.test m3.test |\n"
                                      "half | *.test:1 | | -m2.test m3.test |\n"
                                      "none | *.org:1 | | -m2.test -m3.test |\n");
    unsigned by_m2 = 0;
    for (uint64_t id = 1; id <= 200; id++) {
        scene.facts.id = id;
        by_m2 +=
            text_equals(text_from(way(&scene, "a.example")), TEXT("member:m2.test > north/out 1"));
    }
    EXPECT(by_m2 > 50 && by_m2 < 150);
    EXPECT_WAY(&scene, "a.test", "member:m3.test > north/half 1");
    EXPECT(text_starts_with(text_from(way(&scene, "a.org")), TEXT("member:m")));
    scene_end(&scene);
}

/* shows: C21 */
TEST("what is down gives way to what is as close, and to nothing else")
{
    struct scene scene =
        scene_of(to_south, "north: m1.test m2.test m3.test\n"
                           "south | | south:10 | m1.test |\n"
                           "dear | both.example:90 | | m2.test |\n"
                           "net | *:1 | | m2.test |\n"
                           "south: s1.test\n"
                           "out | both.example:1 one.example:1 | | s1.test | down\n");
    EXPECT_WAY(&scene, "both.example", "member:m2.test > north/dear 90");
    EXPECT_WAY(&scene, "one.example", "unreachable");
    EXPECT_WAY(&scene, "else.example", "member:m2.test > north/net 1");
    scene_end(&scene);
}

/* shows: T10 */
TEST("what a group has to which no way leads is unreachable, and nobody's who keeps it to itself")
{
    struct scene scene = scene_of("connector net {\n  to *\n  by mx\n}\n",
                                  "north: m1.test m2.test m3.test\n"
                                  "net | *:1 | | m1.test |\n"
                                  "south: s1.test\n"
                                  "out | far.example:1 | | s1.test |\n"
                                  "own | own.example:1 | | s1.test | scope\n");
    EXPECT_WAY(&scene, "far.example", "unreachable");
    EXPECT_WAY(&scene, "own.example", "net");
    scene.facts.waits_for_links = true;
    EXPECT_WAY(&scene, "own.example", "unreachable");
    scene_end(&scene);
}

TEST("mail does not go back over the connector, or to the member, that it came from")
{
    struct scene scene = scene_of(to_south, "north: m1.test m2.test m3.test\n"
                                            "south | | south:10 | m1.test |\n"
                                            "out | n.example:1 | | m2.test m3.test |\n"
                                            "south: s1.test\n"
                                            "out | s.example:1 | | s1.test |\n");
    EXPECT_WAY(&scene, "s.example", "south > south/out 11");
    scene.facts.from_member = TEXT("s1.test");
    EXPECT_WAY(&scene, "s.example", "unreachable");
    scene.facts.from_member = TEXT("m2.test");
    for (scene.facts.id = 1; scene.facts.id < 20; scene.facts.id++)
        EXPECT_WAY(&scene, "n.example", "member:m3.test > north/out 1");
    scene_end(&scene);
}

TEST("a connector whose own bridgehead here does not work goes by another member's")
{
    static const char out[] = "connector out {\n  to *.example\n  smart-host x.test\n}\n";
    struct scene scene = scene_of(out, "north: m1.test m2.test m3.test\n"
                                       "out | *.example:1 | | -m1.test m3.test |\n");
    struct scene alone = scene_of(out, "north: m1.test m2.test m3.test\n"
                                       "out | *.example:1 | | -m1.test -m3.test |\n");
    EXPECT_WAY(&scene, "a.example", "member:m3.test");
    EXPECT_WAY(&alone, "a.example", "out"); /* there it is tried again */
    scene_end(&alone);
    scene_end(&scene);
}

TEST("what does not admit a message is no way for it, in any group")
{
    struct scene scene = scene_of(to_south, "north: m1.test m2.test m3.test\n"
                                            "south | | south:10 | m1.test |\n"
                                            "south: s1.test\n"
                                            "out | far.example:1 | | s1.test |\n");
    struct link_id id = link_id_of("group", TEXT("south"));
    const struct link_group *south = link_table_find(scene.links, &id);
    struct link_group *small = link_group_new(TEXT("south"), TEXT("first-organisation"));
    add_connector(small, TEXT("out | far.example:1 | | s1.test |"));
    small->connectors[0].facts.only.less_bytes = 1000;
    small->master = link_add_member(small, TEXT("s1.test"))->name;
    small->version.major = south->version.major + 1;
    EXPECT(link_group_seal(small) && link_table_take(scene.links, &small));
    scene.facts.size = 10;
    EXPECT_WAY(&scene, "far.example", "south > south/out 11");
    scene.facts.size = 5000;
    EXPECT_WAY(&scene, "far.example", "refused");
    scene_end(&scene);
}

TEST("a server of ours may relay where there are routing groups, whoever else may not")
{
    static const char group[] = "routing-group north {\n}\n";
    for (int with_group = 0; with_group < 2; with_group++) {
        char text[400];
        struct settings_source *source;
        struct settings *settings;
        struct buffer said;
        buffer_init(&said, 1 << 16);
        snprintf(text, sizeof(text),
                 "host m1.test\ndomain our.test {\n}\nserver in {\n  listen 127.0.0.1:25\n"
                 "  relay nobody\n  peer lsa@our.test\n}\n%s",
                 with_group ? group : "");
        EXPECT(settings_source_of(TEXT("/t.conf"), text_from(text), &source) == OK);
        EXPECT(settings_parse(source, 1, &said, &settings) == OK);
        struct net_address peer;
        net_address_parse(TEXT("192.0.2.1"), 25, &peer);
        struct relay_facts facts = {.settings = settings,
                                    .server = &settings->servers[0],
                                    .peer = &peer,
                                    .login = TEXT("LSA@our.test"),
                                    .domain = TEXT("far.example")};
        EXPECT((decide_relay(&facts).verdict == RELAY_ONWARD) == (with_group == 1));
        facts.login = TEXT("alice@our.test");
        EXPECT(decide_relay(&facts).verdict == RELAY_DENIED);
        settings_release(&settings);
        settings_source_free(&source);
        buffer_finish(&said);
    }
}

TEST("each connector that was not taken is told with the reason, and the way with its groups")
{
    struct scene scene = scene_of(to_south, "north: m1.test m2.test m3.test\n"
                                            "south | | south:10 | m1.test |\n"
                                            "dear | *.example:90 | | m2.test |\n"
                                            "south: s1.test\n"
                                            "out | *.example:1 | east:5 | s1.test |\n"
                                            "own | *.example:1 | | s1.test | scope\n"
                                            "east: e1.test\n"
                                            "wide | *:1 | | e1.test |\n"
                                            "best | a.example:1 | | e1.test |\n");
    static const struct {
        const char *name;
        enum route_standing standing;
    } rows[] = {{"dear", ROUTE_LESS_SPECIFIC},
                {"out", ROUTE_LESS_SPECIFIC},
                {"own", ROUTE_SCOPE},
                {"wide", ROUTE_LESS_SPECIFIC},
                {"best", ROUTE_CHOSEN}};
    struct arena arena;
    unsigned count;
    arena_init(&arena);
    EXPECT_WAY(&scene, "a.example", "south > east/best 16");
    struct route route = decide_route(&scene.facts);
    EXPECT_TEXT(decide_way(&scene.facts, &route, &arena), "north > south > east");
    const struct route_candidate *list = decide_candidates(&scene.facts, &route, &arena, &count);
    for (unsigned r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
        for (unsigned i = 0; i < count; i++)
            if (text_equals(list[i].connector->name, text_from(rows[r].name)))
                EXPECT(list[i].standing == rows[r].standing);
    arena_finish(&arena);
    scene_end(&scene);
}
