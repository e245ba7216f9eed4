/* What servers of a routing group make of what they hear: versions, masters, what is down. */
#include <stdio.h>
#include <stdlib.h>

#include "routing/server.h"
#include "settings_scene.h"
#include "test.h"

static struct settings *parse(const char *self, const char *group, const char *connectors)
{
    return settings_made("host %s\ndomain our.test {\n}\nserver in {\n  listen 127.0.0.1:25\n}\n"
                         "routing-group north {\n  member m1.test m2.test m3.test\n"
                         "  login lsa@our.test secret lsa\n%s}\n%s",
                         self, group, connectors);
}

struct site {
    struct settings *settings;
    struct link_server *server;
};

static struct site site_of(const char *self, const char *group, const char *connectors)
{
    struct site site = {parse(self, group, connectors), link_server_new()};
    link_server_configure(site.server, site.settings);
    return site;
}

static void site_change(struct site *site, const char *self, const char *group,
                        const char *connectors)
{
    struct settings *before = site->settings;
    site->settings = parse(self, group, connectors);
    link_server_configure(site->server, site->settings);
    settings_release(&before);
}

static void site_end(struct site *site)
{
    link_server_free(&site->server);
    settings_release(&site->settings);
}

/* Both tell each other all they know; the first one's report counts when the second is master. */
static void talk(struct site *a, struct site *b)
{
    struct buffer text;
    buffer_init(&text, LINK_TABLE_MAX);
    EXPECT(link_server_take_report(b->server, link_server_own(a->server)->block) == OK);
    link_server_settle(b->server, true, 1000);
    link_table_write(link_server_table(b->server), &text);
    EXPECT(link_server_take_table(a->server, buffer_text(&text)) == OK);
    buffer_reset(&text, LINK_TABLE_MAX);
    link_table_write(link_server_table(a->server), &text);
    EXPECT(link_server_take_table(b->server, buffer_text(&text)) == OK);
    link_server_settle(a->server, true, 1000);
    link_server_settle(b->server, true, 1000);
    buffer_finish(&text);
}

/* "major.minor.user of master: m1 m2 | connector(up) connector(down)". */
static const char *told(const struct site *site)
{
    static char out[400];
    const struct link_group *group = link_server_group(site->server);
    size_t at = 0;
    if (group == NULL)
        return "nothing";
    at += (size_t)snprintf(out, sizeof(out), "%u.%u.%u of %.*s:", group->version.major,
                           group->version.minor, group->version.user, TEXT_ARG(group->master));
    for (unsigned i = 0; i < group->member_count; i++)
        if (group->members[i].is_connected)
            at += (size_t)snprintf(out + at, sizeof(out) - at, " %.*s",
                                   TEXT_ARG(group->members[i].name));
    for (unsigned i = 0; i < group->connector_count; i++)
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s %.*s(%s %u)", i == 0 ? " |" : "",
                               TEXT_ARG(group->connectors[i].facts.name),
                               group->connectors[i].is_up ? "up" : "down",
                               group->connectors[i].bridgehead_count);
    return out;
}

#define EXPECT_TOLD(site, expected) EXPECT_TEXT(text_from(told(site)), expected)

static const char two_ways[] = "connector x {\n  to *.example\n  smart-host x.test\n}\n"
                               "connector y {\n  to *.example cost 9\n  smart-host y.test\n}\n";
static const char x_alone[] = "connector x {\n  to *.example\n  smart-host x.test\n}\n";

/* shows: C23 */
TEST("the master begins with version 1.0.0 when it has asked everybody, and counts what changes")
{
    struct site m1 = site_of("m1.test", "", two_ways), m2 = site_of("m2.test", "", x_alone);
    EXPECT(!link_server_settle(m1.server, false, 0));
    EXPECT_TOLD(&m1, "nothing");
    EXPECT(link_server_settle(m1.server, true, 0) && !link_server_settle(m1.server, true, 0));
    EXPECT_TOLD(&m1, "1.0.0 of m1.test: m1.test | x(up 1) y(up 1)");
    talk(&m2, &m1);
    EXPECT_TOLD(&m2, "2.0.0 of m1.test: m1.test m2.test | x(up 2) y(up 1)");
    EXPECT(link_id_equals(&link_server_table(m1.server)->digest,
                          &link_server_table(m2.server)->digest));
    link_server_note_member(m1.server, TEXT("m2.test"), false);
    EXPECT(link_server_settle(m1.server, true, 0));
    EXPECT_TOLD(&m1, "2.1.0 of m1.test: m1.test | x(up 2) y(up 1)");
    site_end(&m2);
    site_end(&m1);
}

/* shows: C21 */
TEST("a connector is down when every bridgehead of it is, and up again with the first")
{
    struct site m1 = site_of("m1.test", "", two_ways), m2 = site_of("m2.test", "", x_alone);
    link_server_settle(m1.server, true, 0);
    talk(&m2, &m1);
    EXPECT(link_server_set_reach(m1.server, TEXT("x"), false));
    EXPECT(!link_server_set_reach(m1.server, TEXT("x"), false));
    link_server_settle(m1.server, true, 2000);
    EXPECT_TOLD(&m1, "2.1.0 of m1.test: m1.test m2.test | x(up 2) y(up 1)");
    link_server_set_reach(m2.server, TEXT("x"), false);
    talk(&m2, &m1);
    EXPECT_TOLD(&m2, "2.2.0 of m1.test: m1.test m2.test | x(down 2) y(up 1)");
    link_server_set_reach(m2.server, TEXT("x"), true);
    talk(&m2, &m1);
    EXPECT_TOLD(&m2, "2.3.0 of m1.test: m1.test m2.test | x(up 2) y(up 1)");
    site_end(&m2);
    site_end(&m1);
}

TEST("a connector without an alternative is left up, and so is one that comes and goes")
{
    struct site m1 = site_of("m1.test", "", x_alone), m2 = site_of("m1.test", "", two_ways);
    link_server_settle(m1.server, true, 0);
    link_server_set_reach(m1.server, TEXT("x"), false);
    link_server_settle(m1.server, true, 1000);
    EXPECT_TOLD(&m1, "1.1.0 of m1.test: m1.test | x(up 1)");
    link_server_settle(m2.server, true, 0);
    for (int64_t now = 1; now <= 3; now++) {
        link_server_set_reach(m2.server, TEXT("x"), now % 2 == 0);
        link_server_settle(m2.server, true, now * 1000);
    }
    EXPECT_TOLD(&m2, "1.3.0 of m1.test: m1.test | x(down 1) y(up 1)");
    link_server_set_reach(m2.server, TEXT("x"), true);
    link_server_settle(m2.server, true, 4000);
    link_server_set_reach(m2.server, TEXT("x"), false);
    link_server_settle(m2.server, true, 5000);
    EXPECT_TOLD(&m2, "1.5.0 of m1.test: m1.test | x(up 1) y(up 1)");
    EXPECT(link_server_due(m2.server) == 5000 + 600000);
    link_server_settle(m2.server, true, 5000 + 600000);
    EXPECT_TOLD(&m2, "1.6.0 of m1.test: m1.test | x(down 1) y(up 1)");
    site_end(&m2);
    site_end(&m1);
}

/* shows: C22 */
TEST("suppressed link states leave all connectors up, but what is configured is told")
{
    struct site m1 = site_of("m1.test", "  link-state suppress\n", two_ways);
    link_server_settle(m1.server, true, 0);
    link_server_set_reach(m1.server, TEXT("x"), false);
    EXPECT(!link_server_settle(m1.server, true, 1000));
    EXPECT_TOLD(&m1, "1.0.0 of m1.test: m1.test | x(up 1) y(up 1)");
    site_change(&m1, "m1.test", "  link-state suppress\n", x_alone);
    EXPECT(link_server_settle(m1.server, true, 1000));
    EXPECT_TOLD(&m1, "2.0.0 of m1.test: m1.test | x(up 1)");
    site_end(&m1);
}

/* shows: C23 */
TEST("another member takes over, keeps what is known, and the old master gives way")
{
    struct site m1 = site_of("m1.test", "", two_ways), m2 = site_of("m2.test", "", x_alone);
    link_server_settle(m1.server, true, 0);
    talk(&m2, &m1);
    site_change(&m2, "m2.test", "  master m2.test\n", x_alone);
    EXPECT(link_server_settle(m2.server, true, 0) && link_server_is_master(m2.server));
    EXPECT_TOLD(&m2, "3.0.0 of m2.test: m1.test m2.test | x(up 2) y(up 1)");
    talk(&m1, &m2);
    EXPECT(!link_server_is_master(m1.server) && link_server_is_master(m2.server));
    EXPECT_TOLD(&m1, "3.0.0 of m2.test: m1.test m2.test | x(up 2) y(up 1)");
    /* Begun anew with its old settings, it hears of the other before it speaks. */
    struct site again = site_of("m1.test", "", two_ways);
    talk(&again, &m2);
    EXPECT(!link_server_is_master(again.server));
    link_server_note_member(again.server, TEXT("m2.test"), false);
    EXPECT(link_server_settle(again.server, true, 0) && link_server_is_master(again.server));
    site_end(&again);
    site_end(&m2);
    site_end(&m1);
}

/* shows: C23 */
TEST("a master whose settings name another hands over, and one that forgot goes on counting")
{
    struct site m1 = site_of("m1.test", "", two_ways), m2 = site_of("m2.test", "", x_alone);
    link_server_settle(m1.server, true, 0);
    talk(&m2, &m1);
    site_change(&m1, "m1.test", "  master m2.test\n", two_ways);
    EXPECT(link_server_settle(m1.server, true, 0) && !link_server_is_master(m1.server));
    EXPECT_TOLD(&m1, "3.0.0 of m2.test: m1.test m2.test | x(up 2) y(up 1)");
    talk(&m2, &m1);
    EXPECT(link_server_is_master(m2.server));
    EXPECT_TOLD(&m2, "4.0.0 of m2.test: m1.test m2.test | x(up 2) y(up 1)");
    talk(&m1, &m2);
    struct site again = site_of("m2.test", "  master m2.test\n", x_alone);
    link_server_settle(again.server, true, 0);
    talk(&m1, &again);
    EXPECT(link_server_is_master(again.server));
    EXPECT(link_server_group(again.server)->version.major >= 4);
    site_end(&again);
    site_end(&m2);
    site_end(&m1);
}

/* Our own group as a liar tells it: with this version. */
static void hear_of_our_group(struct site *site, uint32_t number)
{
    const struct link_group *known = link_server_group(site->server);
    struct link_group *lie = link_group_new(known->name, known->organisation);
    struct link_table *told = link_table_new();
    struct buffer text;
    lie->master = link_add_member(lie, TEXT("m1.test"))->name;
    lie->version = (struct link_version){number, number, number};
    EXPECT(link_group_seal(lie) && link_table_put(told, &lie));
    buffer_init(&text, LINK_TABLE_MAX);
    link_table_write(told, &text);
    EXPECT(link_server_take_table(site->server, buffer_text(&text)) == OK);
    buffer_finish(&text);
    link_table_free(&told);
}

TEST("a version that somebody made up is never the last")
{
    static const uint32_t lies[] = {INT32_MAX, UINT32_MAX - 1, UINT32_MAX};
    struct site m1 = site_of("m1.test", "", two_ways), m2 = site_of("m2.test", "", x_alone);
    link_server_settle(m1.server, true, 0);
    talk(&m2, &m1);
    for (unsigned i = 0; i < 3; i++) {
        hear_of_our_group(&m2, lies[i]);
        EXPECT(link_server_group(m2.server)->connector_count == 0);
        talk(&m2, &m1);
        talk(&m2, &m1);
        EXPECT(link_id_equals(&link_server_table(m1.server)->digest,
                              &link_server_table(m2.server)->digest));
    }
    EXPECT_TOLD(&m2, "4294967295.4294967295.0 of m1.test: m1.test m2.test | x(up 2) y(up 1)");
    site_end(&m2);
    site_end(&m1);
}

TEST("a member speaks for itself alone, and only to its own group")
{
    struct site m1 = site_of("m1.test", "", x_alone), m2 = site_of("m2.test", "", x_alone);
    struct text report = link_server_own(m2.server)->block;
    EXPECT(link_server_take_report(m1.server, report) == OK);
    EXPECT(link_server_take_report(m1.server, link_server_own(m1.server)->block) == REFUSED);
    EXPECT(link_server_take_report(m1.server, text_head(report, report.length - 1)) == REFUSED);
    link_server_settle(m1.server, true, 0);
    EXPECT(link_server_take_report(m1.server, link_server_group(m1.server)->block) == REFUSED);
    site_end(&m2);
    site_end(&m1);
}
