/* What servers know of routing groups: one text for one knowledge, the higher version wins, the
 * cheapest way that is up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/packet.h"
#include "routing/table.h"
#include "test.h"

/* A group of one member with one connector per word of `ways`: "south:5" leads to that group at
 * that cost, and "!south:5" is down. */
static struct link_group *group_of(const char *name, uint32_t major, const char *ways)
{
    struct link_group *group = link_group_new(text_from(name), TEXT("Example"));
    struct text rest = text_from(ways), way;
    group->master = link_add_member(group, text_from(name))->name;
    group->members[0].is_connected = true;
    group->version.major = major;
    while (text_word(&rest, &way)) {
        bool is_down = way.data[0] == '!';
        uint32_t cost;
        struct text to = text_before(text_from_position(way, is_down), ':');
        EXPECT(text_to_u32(text_after(way, ':'), &cost));
        struct link_connector *connector = link_add_connector(group, to);
        struct link_id id = link_id_of("group", to);
        link_add_arrow(group, connector, &id, cost);
        link_add_bridgehead(group, connector, text_from(name))->reach =
            is_down ? LINK_NOT_AVAILABLE : LINK_AVAILABLE;
        connector->is_up = !is_down;
    }
    EXPECT(link_group_seal(group));
    return group;
}

static struct link_table *table_of(const char *const *groups)
{
    struct link_table *table = link_table_new();
    for (; *groups != NULL; groups += 2) {
        struct link_group *group = group_of(groups[0], 1, groups[1]);
        EXPECT(link_table_take(table, &group));
    }
    return table;
}

/* "cost via first" of the way from one group to another; "none". */
static const char *way(const struct link_table *table, const char *from, const char *to)
{
    static char out[64];
    struct link_path paths[8];
    struct link_id own = link_id_of("group", text_from(from)),
                   other = link_id_of("group", text_from(to));
    link_paths_find(table, &own, NULL, paths);
    for (unsigned i = 0; i < table->group_count; i++) {
        if (!link_id_equals(&table->groups[i]->id, &other) || !paths[i].is_known)
            continue;
        snprintf(out, sizeof(out), "%u via %.*s", paths[i].cost,
                 TEXT_ARG(paths[i].from->facts.name));
        return out;
    }
    return "none";
}

/* A group that says all that can be said. */
static struct link_group *full_group(bool backwards)
{
    struct link_group *group = link_group_new(TEXT("north"), TEXT("Example"));
    const char *members[] = {"n1.example", "n2.example"};
    for (unsigned i = 0; i < 2; i++)
        link_add_member(group, text_from(members[backwards ? 1 - i : i]));
    link_member_find(group, TEXT("n1.example"))->is_connected = true;
    group->master = TEXT("n1.example");
    group->version = (struct link_version){10, 2, 1};
    struct link_connector *connector = link_add_connector(group, TEXT("internet"));
    connector->hosts = TEXT("relay.example:25");
    connector->is_for_group = connector->has_schedule = true;
    link_add_space(group, connector, TEXT("*"), 10);
    link_add_space(group, connector, TEXT("*.partner.example"), 1);
    connector->facts.only.urgencies = 6;
    connector->facts.only.less_bytes = 20 << 20;
    connector->facts.only.origin = ORIGIN_NON_SYSTEM;
    connector->facts.rejected.place.line = 1;
    link_add_sender(group, &connector->facts.rejected, TEXT("*@example.org"));
    link_add_sender(group, &connector->facts.rejected, TEXT("@interns@example.org"));
    for (unsigned i = 0; i < 2; i++)
        link_add_bridgehead(group, connector, text_from(members[backwards ? 1 - i : i]));
    link_bridgehead_find(connector, TEXT("n2.example"))->reach = LINK_NOT_STARTED;
    link_add_target(group, connector, TEXT("s1.example:25"));
    EXPECT(link_group_seal(group));
    return group;
}

/* shows: C24 */
TEST("a group's block is what was published of the dump of Exchange's routing engine")
{
    struct link_group *group = group_of("a", 10, "b:5");
    EXPECT_TEXT(group->block,
                "( 587447def8ff4a1dff4f52fb72ddf188 6f4f5ed9afaf13ebdb33518418da4fd2 a 0 0 7c66"
                "c73ec9d5ca91090cf13f45299c4e {26}*.587447DE-F8FF-4A1D-FF4F-52FB72DDF188 {47}c="
                "US;a= ;p=Example;o=Exchange;cn=587447DE-F8FF-4A1D-FF4F-52FB72DDF188;* {36}/o=E"
                "xample/ou=a/*/587447DE-F8FF-4A1D-FF4F-52FB72DDF188 ( 6f4f5ed9afaf13ebdb3351841"
                "8da4fd2 YES 1 0 {1}a ) ( e85649b864d9bc8c27f6e528ff98c042 ( CONFIG {4}SMTP {23"
                "}_e85649b864d9bc8c27f6e528ff98c042_S {0} {23}/o=Example/ou=a/cn=Connections/cn"
                "=b 0 0 0 0 ffffffff ffffffff 0 1 0 () 0 () 0 () 0 () ARROWS ( {2}RG {20}30c4c0"
                "28a854a9eb465cce91eca6cdf7 5 ) BH ( 6f4f5ed9afaf13ebdb33518418da4fd2 CONN_AVAI"
                "L {1}a ) TARGBH ( ) STATE UP ) ) )");
    link_group_free(&group);
}

TEST("a group is told the same whatever order it is known in, and read back whole")
{
    struct link_group *group = full_group(false), *other = full_group(true), *read;
    EXPECT(text_equals(group->block, other->block));
    struct text rest = group->block;
    EXPECT(link_group_parse(&rest, &read) == OK && rest.length == 0);
    EXPECT(text_equals(read->block, group->block));
    const struct link_connector *connector = link_connector_find(read, TEXT("INTERNET"));
    EXPECT(connector->facts.only.urgencies == 6 && connector->facts.rejected.name_count == 2 &&
           !connector->facts.rejected.everyone && connector->facts.accepted.place.line == 0);
    EXPECT(connector->bridgeheads[1].reach == LINK_NOT_STARTED && connector->is_for_group);
    EXPECT(read->version.minor == 2 && text_equals(read->master, TEXT("n1.example")));
    link_group_free(&read);
    link_group_free(&other);
    link_group_free(&group);
}

TEST("a block with any byte changed is refused")
{
    struct link_group *group = full_group(false), *read;
    char *bytes = text_to_string(group->block);
    for (size_t i = 0; i < group->block.length; i++) {
        struct text rest = text_of(bytes, group->block.length);
        char before = bytes[i];
        bytes[i] = before == '1' ? '2' : '1';
        /* The versions are not under the digest: they are what is compared. */
        enum status status = link_group_parse(&rest, &read);
        EXPECT(status == REFUSED || !text_equals(read->block, group->block));
        if (status == OK)
            link_group_free(&read);
        bytes[i] = before;
    }
    free(bytes);
    link_group_free(&group);
}

/* The group's block with the first `old` in it made `new`, where '#' is a text of 401 bytes: why it
 * is refused. */
static void expect_trouble(struct text block, const char *old, const char *new, const char *trouble)
{
    struct link_group *read;
    struct buffer wrong;
    size_t start = text_find_text(block, text_from(old));
    EXPECT(start < block.length);
    buffer_init(&wrong, LINK_TABLE_MAX);
    buffer_append(&wrong, text_head(block, start));
    for (; *new != '\0'; new ++)
        for (unsigned i = 0; i < (*new == '#' ? LINK_TEXT_MAX + 1 : 1); i++)
            buffer_append_byte(&wrong, *new == '#' ? 'x' : *new);
    buffer_append(&wrong, text_from_position(block, start + text_from(old).length));
    struct text rest = buffer_text(&wrong);
    EXPECT(link_group_parse(&rest, &read) == REFUSED && read == NULL);
    EXPECT_TEXT(text_from(fail_reason()), trouble);
    buffer_finish(&wrong);
}

TEST("a block is refused with the first thing that is wrong with it")
{
    static const char *const wrong[][3] = {
        {"1 0 {1}a", "1 0 {0}", "a name has no fit length"},
        {"1 0 {1}a", "1 0 {191}#", "a name has no fit length"},
        {"{36}/o=Example/ou=a/", "{36}/o=Example/ou=/a", "a name has no group"},
        {"{36}/o=Example/ou=", "{1c7}/o=Example/ou=#", "a name has no group"},
        {"{36}/o=", "{1c7}/o=#", "a name has no group"},
        {"6f4f5ed9", "7f4f5ed9", "the master is no member"},
        {"Connections/cn=c", "Connections/cn=b", "a connector has no name, or another's"},
        {"{2}RG {20}30c4c028a854a9eb465cce91eca6cdf7", "{2}RG {4}30c4",
         "an arrow is of no known kind"},
        {"cdf7 5 )", "cdf7 6 )",
         "it is not in canonical form, or its ids or digest are not its own"},
    };
    struct link_group *group = group_of("a", 10, "b:5 c:5");
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_trouble(group->block, wrong[i][0], wrong[i][1], wrong[i][2]);
    link_group_free(&group);
}

TEST("a table is read back, and refused with a group too many, twice or out of order")
{
    static const char *const groups[] = {"a", "b:1", "b", "c:1", "c", "a:1", NULL};
    struct link_table *table = table_of(groups), *read;
    struct buffer text, wrong;
    buffer_init(&text, LINK_TABLE_MAX);
    buffer_init(&wrong, LINK_TABLE_MAX);
    link_table_write(table, &text);
    EXPECT(link_table_parse(buffer_text(&text), &read) == OK);
    EXPECT(link_id_equals(&read->digest, &table->digest) && read->group_count == 3);
    link_table_free(&read);
    buffer_append(&wrong, buffer_text(&text));
    buffer_append(&wrong, table->groups[0]->block);
    EXPECT(link_table_parse(buffer_text(&wrong), &read) == REFUSED);
    buffer_reset(&wrong, LINK_TABLE_MAX);
    buffer_append(&wrong, link_id_text(&table->digest));
    buffer_append(&wrong, table->groups[1]->block);
    EXPECT(link_table_parse(buffer_text(&wrong), &read) == REFUSED);
    EXPECT(link_table_parse(TEXT(""), &read) == REFUSED);
    buffer_finish(&wrong);
    buffer_finish(&text);
    link_table_free(&table);
}

/* shows: C23 */
TEST("the higher version of a group wins, and of equal ones all take the same")
{
    struct link_table *table = link_table_new(), *other = link_table_new();
    struct link_group *old = group_of("a", 3, ""), *newer = group_of("a", 4, "b:1");
    struct link_group *again = group_of("a", 3, "");
    EXPECT(link_table_take(table, &old) && link_table_take(table, &newer));
    EXPECT(!link_table_take(table, &again) && again == NULL);
    EXPECT(table->group_count == 1 && table->groups[0]->version.major == 4);
    struct link_group *x = group_of("a", 5, "b:1"), *y = group_of("a", 5, "b:2");
    struct link_group *x2 = group_of("a", 5, "b:1"), *y2 = group_of("a", 5, "b:2");
    link_table_take(table, &x);
    link_table_take(table, &y);
    link_table_take(other, &y2);
    link_table_take(other, &x2);
    EXPECT(link_id_equals(&table->digest, &other->digest));
    link_table_free(&other);
    link_table_free(&table);
}

/* shows: C16 C18 */
TEST("the cheapest way wins, then the shorter one; what is down is on none")
{
    static const char *const groups[] = {
        "a", "b:10 c:30 d:40", "b", "a:10 c:10", "c", "d:20", "d", "", NULL};
    static const char *const broken[] = {"a",     "!b:10 c:30", "b", "a:10 c:10", "c",
                                         "!d:20", "d",          "",  NULL};
    struct link_table *table = table_of(groups), *down = table_of(broken);
    EXPECT_TEXT(text_from(way(table, "a", "c")), "20 via b");
    EXPECT_TEXT(text_from(way(table, "a", "d")), "40 via d");
    EXPECT_TEXT(text_from(way(table, "d", "a")), "none");
    EXPECT_TEXT(text_from(way(down, "a", "c")), "30 via c");
    EXPECT_TEXT(text_from(way(down, "a", "b")), "none");
    EXPECT_TEXT(text_from(way(down, "a", "d")), "none");
    link_table_free(&down);
    link_table_free(&table);
}

TEST("whatever others say, there is room for the group that is ours")
{
    struct link_table *table = link_table_new();
    struct link_group *group;
    char name[16];
    for (unsigned i = 0; i <= LINK_GROUPS_MAX; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        group = group_of(name, 1, "");
        EXPECT(link_table_take(table, &group) == (i < LINK_GROUPS_MAX - 1));
    }
    group = group_of("ours", 1, "g1:5");
    EXPECT(link_table_put(table, &group));
    link_table_free(&table);
}

TEST("a connector has an alternate when all it leads to is reached without it")
{
    static const char *const groups[] = {"a", "b:10 c:30", "b", "c:10", "c", "b:5", NULL};
    static const char *const single[] = {"a", "b:10", "b", "c:10", "c", "", NULL};
    static const char *const broken[] = {"a", "b:10 !c:30", "b", "c:10", "c", "b:5", NULL};
    struct link_table *two = table_of(groups), *one = table_of(single), *none = table_of(broken);
    struct link_id a = link_id_of("group", TEXT("a"));
    const struct link_group *group = link_table_find(two, &a);
    EXPECT(link_has_alternate(two, group, link_connector_find(group, TEXT("b"))));
    group = link_table_find(one, &a);
    EXPECT(!link_has_alternate(one, group, link_connector_find(group, TEXT("b"))));
    group = link_table_find(none, &a);
    EXPECT(!link_has_alternate(none, group, link_connector_find(group, TEXT("b"))));
    link_table_free(&none);
    link_table_free(&one);
    link_table_free(&two);
}

/* The group's block with `old` in it made `count` times `many`: why it is refused. */
static const char *trouble_of_many(struct text block, const char *old, const char *many,
                                   unsigned count)
{
    struct link_group *read;
    struct buffer wrong;
    size_t start = text_find_text(block, text_from(old));
    EXPECT(start < block.length);
    buffer_init(&wrong, LINK_TABLE_MAX);
    buffer_append(&wrong, text_head(block, start));
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&wrong, many, i);
    buffer_append(&wrong, text_from_position(block, start + strlen(old)));
    struct text rest = buffer_text(&wrong);
    EXPECT(!wrong.overflowed && link_group_parse(&rest, &read) == REFUSED);
    buffer_finish(&wrong);
    return fail_reason();
}

#define ID "6f4f5ed9afaf13ebdb33518418da4fd2"

TEST("a block with more of anything than is kept is refused, however it is written")
{
    static const struct {
        const char *old, *many;
        unsigned count;
        const char *trouble;
    } cases[] = {
        {" " ID " YES 1 0 {1}a", " " ID " YES 1 0 {1}a", 257, "there are too many members"},
        {" {2}RG {20}30c4c028a854a9eb465cce91eca6cdf7 5",
         " {2}RG {20}30c4c028a854a9eb465cce91eca6cdf7 5", 1001, "there are too many arrows"},
        {" {2}RG {20}30c4c028a854a9eb465cce91eca6cdf7 5", " {4}SMTP {1}* 5", 1001,
         "there are too many address spaces"},
        {" " ID " CONN_AVAIL {1}a )", " " ID " CONN_AVAIL {1}a", 1001,
         "there are too many bridgeheads"},
        {" ) TARGBH ( )", " ) TARGBH (", 1, NULL},
    };
    struct link_group *group = group_of("a", 10, "b:5");
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]) - 1; i++)
        assert_string_equal(
            trouble_of_many(group->block, cases[i].old, cases[i].many, cases[i].count),
            cases[i].trouble);
    struct buffer many;
    buffer_init(&many, LINK_TABLE_MAX);
    buffer_append(&many, TEXT(" TARGBH ("));
    for (unsigned i = 0; i <= LINK_LIST_MAX; i++)
        buffer_append(&many, TEXT(" {1}h"));
    buffer_append_byte(&many, '\0');
    assert_string_equal(trouble_of_many(group->block, " TARGBH (", many.data, 1),
                        "there are too many hosts");
    /* Names of senders come in two lists each. */
    buffer_reset(&many, LINK_TABLE_MAX);
    for (unsigned list = 0; list < 4; list++) {
        buffer_append(&many, TEXT(" 3e8 ("));
        for (unsigned i = 0; i < LINK_LIST_MAX; i++)
            buffer_append(&many, TEXT(" {1}n"));
        buffer_append(&many, TEXT(" )"));
    }
    buffer_append_byte(&many, '\0');
    assert_string_equal(trouble_of_many(group->block, " 0 () 0 () 0 () 0 ()", many.data, 1),
                        "there are too many names");
    /* A thousand connectors, each with another name. */
    struct text block = group->block;
    size_t start = text_find_text(block, TEXT(" e85649b864d9bc8c27f6e528ff98c042 ( CONFIG"));
    struct text connector = text_head(text_from_position(block, start), block.length - start - 4);
    size_t name = text_find_text(connector, TEXT("{23}/o=Example/ou=a/cn=Connections/cn=b"));
    EXPECT(start < block.length && name < connector.length);
    buffer_reset(&many, LINK_TABLE_MAX);
    for (unsigned i = 0; i <= LINK_CONNECTORS_MAX; i++) {
        buffer_append(&many, text_head(connector, name));
        buffer_printf(&many, "{27}/o=Example/ou=a/cn=Connections/cn=%05u", i);
        buffer_append(&many, text_from_position(connector, name + 39));
    }
    struct buffer whole;
    struct link_group *read;
    buffer_init(&whole, LINK_TABLE_MAX);
    buffer_append(&whole, text_head(block, start));
    buffer_append(&whole, buffer_text(&many));
    buffer_append(&whole, TEXT(" ) )"));
    struct text rest = buffer_text(&whole);
    EXPECT(!whole.overflowed && link_group_parse(&rest, &read) == REFUSED);
    assert_string_equal(fail_reason(), "there are too many connectors");
    buffer_finish(&whole);
    buffer_finish(&many);
    link_group_free(&group);
}

/* A group of some size. */
static struct link_group *large_group(unsigned number, unsigned connectors)
{
    char name[20];
    snprintf(name, sizeof(name), "g%u", number);
    struct link_group *group = link_group_new(text_from(name), TEXT("Example"));
    group->master = link_add_member(group, text_from(name))->name;
    group->version.major = 1;
    for (unsigned i = 0; i < connectors; i++) {
        char space[300];
        memset(space, 'x', sizeof(space) - 1);
        snprintf(space, 20, "c%u", i);
        struct link_connector *connector = link_add_connector(group, text_from(space));
        space[strlen(space)] = '.';
        space[sizeof(space) - 1] = '\0';
        link_add_space(group, connector, text_from(space), 1);
    }
    EXPECT(link_group_seal(group));
    return group;
}

TEST("a table takes groups while there is room for their bytes, and ours has a place of its own")
{
    struct link_table *table = link_table_new();
    struct link_group *group;
    unsigned taken = 0;
    do {
        group = large_group(taken, 300);
    } while (link_table_take(table, &group) && ++taken < 100);
    EXPECT(taken > 2 && taken < 100 && group == NULL);
    group = large_group(500, 300);
    EXPECT(link_table_put(table, &group)); /* ours */
    for (unsigned i = 0; i < 10; i++) {
        group = large_group(600 + i, 300);
        if (!link_table_put(table, &group))
            break;
    }
    EXPECT(group == NULL && table->group_count < 100);
    struct buffer text;
    struct link_table *read;
    buffer_init(&text, 2 * LINK_TABLE_MAX);
    link_table_write(table, &text);
    EXPECT(text.length <= LINK_TABLE_MAX);
    EXPECT(link_table_parse(buffer_text(&text), &read) == OK);
    link_group_free(&read->groups[0]); /* one that is not believed */
    link_table_take_all(table, read);
    link_table_free(&read);
    while (text.length <= LINK_TABLE_MAX)
        buffer_append_byte(&text, ' ');
    EXPECT(link_table_parse(buffer_text(&text), &read) == REFUSED);
    buffer_finish(&text);
    link_table_free(&table);
}

TEST("a table with more groups than are kept is refused")
{
    struct link_table *table = link_table_new(), *read;
    struct buffer text;
    char name[16];
    struct link_group *groups[LINK_GROUPS_MAX + 1];
    for (unsigned i = 0; i <= LINK_GROUPS_MAX; i++) {
        snprintf(name, sizeof(name), "g%u", i);
        groups[i] = group_of(name, 1, "");
        unsigned at = i; /* by id, as a table has them */
        for (; at > 0 && strcmp(groups[at - 1]->id.hex, groups[at]->id.hex) > 0; at--) {
            struct link_group *other = groups[at];
            groups[at] = groups[at - 1];
            groups[at - 1] = other;
        }
    }
    buffer_init(&text, LINK_TABLE_MAX);
    buffer_append(&text, link_id_text(&table->digest));
    for (unsigned i = 0; i <= LINK_GROUPS_MAX; i++) {
        buffer_append(&text, groups[i]->block);
        link_group_free(&groups[i]);
    }
    EXPECT(link_table_parse(buffer_text(&text), &read) == REFUSED && read == NULL);
    EXPECT_TEXT(text_from(fail_reason()), "there are too many groups");
    buffer_finish(&text);
    link_table_free(&table);
}

/* ---- Packets ---- */

/* To a packet of one part, or none. */
static enum status answer_to(const struct link_state_part *part)
{
    struct link_state_packet asked = {.part_count = part != NULL}, read, answer;
    struct buffer packet;
    if (part != NULL)
        asked.parts[0] = *part;
    buffer_init(&packet, 1000);
    link_state_write(&asked, &packet);
    enum status status = link_state_parse(buffer_text(&packet), &read);
    if (status == OK)
        status = link_state_answer(&read, &answer);
    buffer_finish(&packet);
    return status;
}

#define EMPTY "d41d8cd98f00b204e9800998ecf8427e"

TEST("a server in no group answers what is asked, and refuses what is no question")
{
    static const struct {
        enum link_state_word word;
        const char *arguments;
        enum status status;
    } cases[] = {{LINK_STATE_DONE, "", OK},
                 {LINK_STATE_DONE, "x", REFUSED},
                 {LINK_STATE_DIGEST_QUERY, EMPTY " " EMPTY " 1 0", OK},
                 {LINK_STATE_DIGEST_QUERY, EMPTY " " EMPTY " 1 0 2", REFUSED},
                 {LINK_STATE_DIGEST_QUERY, EMPTY " " EMPTY " 1", REFUSED},
                 {LINK_STATE_ORGINFO, "{00000020}" EMPTY, OK},
                 {LINK_STATE_ORGINFO, "{00000004}d41d", REFUSED},
                 {LINK_STATE_REPORT, "{00000020}" EMPTY, REFUSED},
                 {LINK_STATE_RESPONSE, "", REFUSED}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct link_state_part part = {cases[i].word, text_from(cases[i].arguments)};
        EXPECT(answer_to(&part) == cases[i].status);
    }
    EXPECT(answer_to(NULL) == REFUSED);
}
