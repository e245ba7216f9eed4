/* Which way mail goes, and when: tables of decisions on settings as an administrator writes them.
 */
#include <stdio.h>

#include "base/clock.h"
#include "decide/opening.h"
#include "decide/relay.h"
#include "decide/route.h"
#include "settings_scene.h"
#include "test.h"

static struct settings *parse(const char *lines)
{
    return settings_made("host a.b\ndomain our.test {\n}\nserver in {\n  listen 127.0.0.1:25\n}\n"
                         "server office {\n  listen 127.0.0.1:2525\n}\n%s",
                         lines);
}

static const char *name_of(const struct route *route)
{
    static char name[64];
    if (route->connector == NULL)
        return route->is_refused ? "refused" : "mx";
    text_copy(route->connector->name, name, sizeof(name));
    return name;
}

/* shows: C18 S29 */
TEST("the closest address space wins, then the cheapest, whatever is written first")
{
    static const struct {
        const char *domain, *connector;
    } rows[] = {
        {"else.test", "all"},       {"a.example", "exact"},     {"A.EXAMPLE", "exact"},
        {"x.a.example", "below"},   {"y.x.a.example", "deep"},  {"xa.example", "all"},
        {"both.example", "both"},   {"x.both.example", "both"}, {"xboth.example", "all"},
        {"cheap.example", "cheap"}, {"[192.0.2.1]", "all"},     {"x.a.example.", "all"},
        {"many.example", "cheap"},  {"example", "all"},         {".a.example", "all"},
    };
    struct settings *settings =
        parse("connector all {\n to * cost 100\n by mx\n}\n"
              "connector dear {\n to cheap.example cost 9\n to many.example cost 8\n by mx\n}\n"
              "connector cheap {\n to x.test cheap.example cost 3 many.example cost 7\n by mx\n}\n"
              "connector below {\n to *.a.example cost 50\n by mx\n}\n"
              "connector exact {\n to a.example cost 90\n by mx\n}\n"
              "connector deep {\n to *.x.a.example cost 100\n by mx\n}\n"
              "connector both {\n to *both.example\n by mx\n}\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct route_facts facts = {.settings = settings, .domain = text_from(rows[i].domain)};
        struct route route = decide_route(&facts);
        if (!text_equals(text_from(name_of(&route)), text_from(rows[i].connector)))
            fail_msg("%s goes by %s", rows[i].domain, name_of(&route));
    }
    settings_release(&settings);
}

/* shows: S31 S32 S69 S70 */
TEST("a connector that does not admit a message counts as absent; when none does it is refused")
{
    static const struct {
        struct route_facts facts;
        const char *connector;
    } rows[] = {
        {{.domain = TEXT("far.test"), .sender = TEXT("a@our.test")}, "small"},
        {{.domain = TEXT("far.test"), .sender = TEXT("a@our.test"), .size = 1024}, "all"},
        {{.domain = TEXT("far.test"), .sender = TEXT("intern@our.test")}, "refused"},
        {{.domain = TEXT("far.test"), .sender = TEXT("x@y.test"), .login = TEXT("Intern@our.test")},
         "refused"},
        {{.domain = TEXT("far.test"), .sender = TEXT("x@banned.test")}, "refused"},
        {{.domain = TEXT("far.test"), .sender = TEXT(""), .size = 1}, "reports"},
        {{.domain = TEXT("urgent.test"), .sender = TEXT("a@our.test"), .priority = 4}, "urgent"},
        {{.domain = TEXT("urgent.test"), .sender = TEXT("a@our.test"), .priority = -1}, "small"},
        {{.domain = TEXT("only.test"), .sender = TEXT("a@our.test")}, "refused"},
        {{.domain = TEXT("only.test"), .sender = TEXT("boss@our.test")}, "boss"},
        {{.domain = TEXT("only.test"), .sender = TEXT("")}, "boss"},
        {{.domain = TEXT("office.test"), .sender = TEXT("a@our.test"), .server = TEXT("in")},
         "refused"},
        {{.domain = TEXT("office.test"), .sender = TEXT("a@our.test"), .server = TEXT("office")},
         "office"},
        {{.domain = TEXT("office.test"), .sender = TEXT(""), .server = TEXT("(report)")}, "office"},
        {{.domain = TEXT("our.test"), .sender = TEXT("a@our.test")}, "unresolved:our.test"},
    };
    struct settings *settings =
        parse("domain our.test {\n unresolved forward old.test\n}\n"
              "connector all {\n to far.test urgent.test cost 9\n by mx\n"
              " accept from everyone except intern@our.test\n reject from *@banned.test\n}\n"
              "connector small {\n to far.test urgent.test cost 5\n by mx\n only size < 1KB\n"
              " only messages non-system\n reject from intern@our.test *@banned.test\n}\n"
              "connector reports {\n to far.test cost 5\n by mx\n only messages system\n}\n"
              "connector urgent {\n to urgent.test\n by mx\n only priority high\n"
              " accept from *@our.test\n}\n"
              "connector boss {\n to only.test\n by mx\n accept from boss@our.test\n}\n"
              "connector office {\n to office.test\n by mx\n from office\n}\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct route_facts facts = rows[i].facts;
        facts.settings = settings;
        struct route route = decide_route(&facts);
        if (!text_equals(text_from(name_of(&route)), text_from(rows[i].connector)))
            fail_msg("row %zu goes by %s", i, name_of(&route));
    }
    settings_release(&settings);
}

/* shows: S31 */
TEST("members of a group are accepted and rejected by the group's name")
{
    struct settings *settings = parse("connector all {\n to *\n by mx\n"
                                      " accept from everyone except @interns\n}\n");
    struct text groups[] = {TEXT("@interns@our.test")};
    struct route_facts facts = {.settings = settings,
                                .domain = TEXT("far.test"),
                                .sender = TEXT("a@our.test"),
                                .groups = groups};
    EXPECT(!decide_route(&facts).is_refused);
    facts.group_count = 1;
    EXPECT(decide_route(&facts).is_refused);
    settings_release(&settings);
}

/* shows: C18 S28 */
TEST("connectors that are alike share the mail, and a message always goes the same way")
{
    struct settings *settings = parse("connector a {\n to *\n by mx\n}\n"
                                      "connector b {\n to *\n by mx\n}\n"
                                      "connector c {\n to *\n by mx\n}\n"
                                      "connector d {\n to * cost 2\n by mx\n}\n");
    unsigned counts[4] = {0};
    for (uint64_t id = UINT64_C(1) << 40; id < (UINT64_C(1) << 40) + 3000; id++) {
        struct route_facts facts = {.settings = settings, .domain = TEXT("far.test"), .id = id};
        struct route route = decide_route(&facts), again = decide_route(&facts);
        EXPECT(route.connector == again.connector);
        counts[route.connector - settings->connectors]++;
    }
    EXPECT(counts[0] > 800 && counts[1] > 800 && counts[2] > 800 && counts[3] == 0);
    settings_release(&settings);
}

TEST("each connector's standing says why it was not taken, and where that is written")
{
    static const struct {
        const char *name;
        enum route_standing standing;
        unsigned line;
    } rows[] = {
        {"all", ROUTE_LESS_SPECIFIC, 11}, {"other", ROUTE_OTHER_DOMAINS, 15},
        {"rejects", ROUTE_REJECTED, 21},  {"small", ROUTE_TOO_LARGE, 26},
        {"dear", ROUTE_DEARER, 29},       {"chosen", ROUTE_CHOSEN, 33},
    };
    struct settings *settings =
        parse("connector all {\n to *\n by mx\n}\n"
              "connector other {\n to other.test\n by mx\n}\n"
              "connector rejects {\n to far.test\n by mx\n reject from a@our.test\n}\n"
              "connector small {\n to far.test\n by mx\n only size < 1KB\n}\n"
              "connector dear {\n to far.test cost 3\n by mx\n}\n"
              "connector chosen {\n to far.test cost 2\n by mx\n}\n");
    struct route_facts facts = {.settings = settings,
                                .domain = TEXT("far.test"),
                                .sender = TEXT("a@our.test"),
                                .size = 5000};
    struct route route = decide_route(&facts);
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        const struct setting_space *space;
        enum route_standing standing = decide_standing(&facts, &route, connector, &space);
        struct setting_place place =
            settings_connector_place(settings, connector, route_standing_words[standing].row);
        EXPECT_TEXT(connector->name, rows[i].name);
        if (standing != rows[i].standing || place.line != rows[i].line)
            fail_msg("%s: %s at line %u", rows[i].name, route_standing_words[standing].words,
                     place.line);
    }
    settings_release(&settings);
}

/* shows: S30 */
TEST("relay of a connector lets strangers send to its domains, and to no others")
{
    struct settings *settings = parse("connector partner {\n to partner.test cost 5 relay\n"
                                      " to other.test\n by mx\n}\n");
    struct net_address peer;
    EXPECT(net_address_parse(TEXT("192.0.2.1"), 25, &peer));
    struct relay_facts facts = {.settings = settings,
                                .server = &settings->servers[0],
                                .service = SERVICE_SMTP,
                                .peer = &peer,
                                .domain = TEXT("partner.test")};
    struct relay_decision decision = decide_relay(&facts);
    EXPECT(decision.verdict == RELAY_ONWARD);
    EXPECT(decision.reasons[decision.reason_count - 1].place.line == 11);
    facts.domain = TEXT("other.test");
    EXPECT(decide_relay(&facts).verdict == RELAY_DENIED);
    settings_release(&settings);
}

/* 2026-11-23 is a Monday; instants as minutes from its midnight. */
enum { MONDAY = 20780 };

/* shows: S33 S71 */
TEST("a schedule opens at its times, in local time, over midnight and at points")
{
    static const struct {
        const char *schedule;
        int since, now, opening; /* -1: never */
    } rows[] = {
        {"always", 0, 5, 5},
        {"never", 0, 5, -1},
        {"07:00-20:00", 0, 100, 420},
        {"07:00-20:00", 0, 420, 420},
        {"07:00-20:00", 0, 1199, 1199},
        {"07:00-20:00", 0, 1200, 1440 + 420},
        {"22:00-04:00", 0, 60, 60},
        {"22:00-04:00", 0, 240, 1320},
        {"22:00-04:00", 0, 1440 + 239, 1440 + 239},
        {"mon-fri 07:00-20:00", 0, 5 * 1440, 7 * 1440 + 420},
        {"sat,sun", 0, 10, 5 * 1440},
        {"fri-mon", 0, 1440, 4 * 1440},
        {"sat 22:00-04:00", 0, 6 * 1440 + 10, 6 * 1440 + 10},
        {"every 15m", 1, 2, 15},
        {"every 15m", 1, 15, 15},
        {"every 15m", 1, 16, 16}, /* it was let go at 15, and failed since */
        {"every 15m", 16, 16, 30},
        {"at 23:00", 0, 10, 1380},
        {"at 23:00", 10, 1381, 1381},
        {"at 23:00", 1381, 1382, 1440 + 1380},
        {"07:00-08:00 every 30m", 480, 481, 1440 + 420},
        {"07:00-08:00 every 30m", 430, 431, 450},
        {"mon at 01:00 tue 05:00-06:00", 70, 70, 1440 + 300},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char lines[200];
        snprintf(lines, sizeof(lines), "connector x {\n to *\n by mx\n schedule %s\n}\n",
                 rows[i].schedule);
        struct settings *settings = parse(lines);
        const struct setting_schedule *schedule = &settings->connectors[0].schedule;
        for (int east = -11; east <= 14; east += 5) {
            int64_t zero = MONDAY * (int64_t)DAY - east * (int64_t)HOUR;
            int64_t opening =
                decide_opening(schedule, zero + rows[i].since * (int64_t)MINUTE,
                               zero + rows[i].now * (int64_t)MINUTE, east * (int64_t)HOUR);
            int64_t want =
                rows[i].opening < 0 ? INT64_MAX : zero + rows[i].opening * (int64_t)MINUTE;
            if (opening != want)
                fail_msg("row %zu, %d hours east: minute %lld", i, east,
                         (long long)((opening - zero) / MINUTE));
        }
        settings_release(&settings);
    }
}

/* shows: S71 */
TEST("only large mail keeps to the schedule for large mail")
{
    struct settings *settings =
        parse("connector x {\n to *\n by mx\n oversize > 10MB send at 01:00-05:00\n}\n");
    const struct setting_connector *connector = &settings->connectors[0];
    EXPECT(!decide_schedule(connector, 10 << 20)->is_set);
    EXPECT(decide_schedule(connector, (10 << 20) + 1)->is_set);
    settings_release(&settings);
}
