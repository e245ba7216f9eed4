/* SPF against a table of zones: the sections of RFC 7208, and the examples of its appendix A. */
#include <stdio.h>
#include <string.h>

#include "decide/spf_macro.h"
#include "spf_zone.h"
#include "test.h"

static struct arena arena;
static struct spf_zone zone;

#define ROWS(table) table, sizeof(table) / sizeof(*(table))

/* Who asks, when it matters. */
struct asked {
    const char *ip, *sender, *helo;
    enum spf_scope scope;
};

static struct spf_decision ask(const struct spf_row *rows, unsigned count, struct asked asked)
{
    struct net_address ip;
    struct text sender = text_from(asked.sender);
    check(net_address_parse(text_from(asked.ip), 0, &ip));
    zone = (struct spf_zone){.rows = rows, .count = count};
    arena_finish(&arena);
    arena_init(&arena);
    struct net_address *kept = arena_alloc(&arena, sizeof(*kept));
    *kept = ip;
    size_t at = text_find_last(sender, '@');
    struct spf_facts facts = {
        .ip = kept,
        .helo = text_from(asked.helo == NULL ? "mail.example.net" : asked.helo),
        .domain = at < sender.length ? text_from_position(sender, at + 1) : sender,
        .sender = sender,
        .receiver = TEXT("mx.example.org"),
        .scope = asked.scope,
        .now_s = 1700000000};
    return decide_spf(&facts, spf_zone_look_up, &zone, &arena);
}

/* The result for one record, with the zone of appendix A around it. */
static const struct spf_row appendix_a[] = {
    {"example.com", "MX", "mail-a.example.com"},
    {"example.com", "MX", "mail-b.example.com"},
    {"example.com", "A", "192.0.2.10"},
    {"example.com", "A", "192.0.2.11"},
    {"amy.example.com", "A", "192.0.2.65"},
    {"bob.example.com", "A", "192.0.2.66"},
    {"mail-a.example.com", "A", "192.0.2.129"},
    {"mail-b.example.com", "A", "192.0.2.130"},
    {"example.org", "MX", "mail-c.example.org"},
    {"mail-c.example.org", "A", "192.0.2.140"},
    {"10.2.0.192.in-addr.arpa", "PTR", "example.com"},
    {"65.2.0.192.in-addr.arpa", "PTR", "amy.example.com"},
    {"66.2.0.192.in-addr.arpa", "PTR", "bob.example.com"},
    {"129.2.0.192.in-addr.arpa", "PTR", "mail-a.example.com"},
    {"140.2.0.192.in-addr.arpa", "PTR", "mail-c.example.org"},
    {"4.0.0.10.in-addr.arpa", "PTR", "bob.example.com"},
};
enum { APPENDIX_ROWS = sizeof(appendix_a) / sizeof(*appendix_a) };

static struct spf_decision ask_record(const char *record, const char *ip)
{
    struct spf_row rows[APPENDIX_ROWS + 1];
    memcpy(rows, appendix_a, sizeof(appendix_a));
    rows[APPENDIX_ROWS] = (struct spf_row){"example.com", "TXT", record};
    return ask(rows, APPENDIX_ROWS + 1, (struct asked){.ip = ip, .sender = "joe@example.com"});
}

struct example {
    const char *record, *ip;
    enum spf_result result;
};

static void expect_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct spf_decision decision = ask_record(examples[i].record, examples[i].ip);
        if (decision.result != examples[i].result)
            fail_msg("\"%s\" for %s: %s (%.*s)", examples[i].record, examples[i].ip,
                     spf_result_name(decision.result), TEXT_ARG(decision.problem));
    }
    arena_finish(&arena);
}
#define EXPECT_EXAMPLES(examples) expect_examples(examples, sizeof(examples) / sizeof(*(examples)))

TEST("the simple examples of appendix A.1 come out as it says")
{
    static const struct example examples[] = {
        {"v=spf1 +all", "203.0.113.9", SPF_PASS},
        {"v=spf1 a -all", "192.0.2.10", SPF_PASS},
        {"v=spf1 a -all", "192.0.2.11", SPF_PASS},
        {"v=spf1 a -all", "192.0.2.65", SPF_FAIL},
        {"v=spf1 a:example.org -all", "192.0.2.140", SPF_FAIL},
        {"v=spf1 mx -all", "192.0.2.129", SPF_PASS},
        {"v=spf1 mx -all", "192.0.2.130", SPF_PASS},
        {"v=spf1 mx -all", "192.0.2.10", SPF_FAIL},
        {"v=spf1 mx:example.org -all", "192.0.2.140", SPF_PASS},
        {"v=spf1 mx mx:example.org -all", "192.0.2.129", SPF_PASS},
        {"v=spf1 mx mx:example.org -all", "192.0.2.140", SPF_PASS},
        {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", SPF_PASS},
        {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", SPF_PASS},
        {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.132", SPF_FAIL},
        {"v=spf1 ptr -all", "192.0.2.65", SPF_PASS},
        {"v=spf1 ptr -all", "192.0.2.140", SPF_FAIL},
        {"v=spf1 ptr -all", "10.0.0.4", SPF_FAIL},
        {"v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", SPF_FAIL},
        {"v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", SPF_PASS},
    };
    EXPECT_EXAMPLES(examples);
}

TEST("several domains share one record by redirect, and include others' (A.2)")
{
    static const struct spf_row rows[] = {
        {"example.org", "TXT", "v=spf1 include:example.com include:example.net -all"},
        {"la.example.org", "TXT", "v=spf1 redirect=example.org"},
        {"example.com", "TXT", "v=spf1 ip4:192.0.2.1 -all"},
        {"example.net", "TXT", "v=spf1 ip4:192.0.2.2 ~all"},
    };
    struct asked asked = {.ip = "192.0.2.2", .sender = "x@la.example.org"};
    struct spf_decision decision = ask(ROWS(rows), asked);
    EXPECT(decision.result == SPF_PASS);
    EXPECT_TEXT(decision.domain, "example.org");
    EXPECT_TEXT(decision.term, "include:example.net");
    asked.ip = "192.0.2.3";
    decision = ask(ROWS(rows), asked);
    EXPECT(decision.result == SPF_FAIL);
    EXPECT_TEXT(decision.term, "-all");
    arena_finish(&arena);
}

TEST("a list in DNS says who of the users may send from where (A.3)")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT",
         "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all"},
        {"example.com", "MX", "mail.example.com"},
        {"mail.example.com", "A", "192.0.2.1"},
        {"mobile-users._spf.example.com", "TXT", "v=spf1 exists:%{l1r+}.%{d}"},
        {"mary.mobile-users._spf.example.com", "A", "127.0.0.2"},
        {"remote-users._spf.example.com", "TXT", "v=spf1 exists:%{ir}.%{l1r+}.%{d}"},
        {"15.15.1.192.joel.remote-users._spf.example.com", "A", "127.0.0.2"},
    };
    struct asked mary = {.ip = "198.51.100.1", .sender = "mary@example.com"};
    struct asked tagged = {.ip = "198.51.100.1", .sender = "mary+lists@example.com"};
    struct asked joel = {.ip = "192.1.15.15", .sender = "joel@example.com"};
    struct asked elsewhere = {.ip = "192.1.15.16", .sender = "joel@example.com"};
    EXPECT(ask(ROWS(rows), mary).result == SPF_PASS);
    EXPECT(ask(ROWS(rows), tagged).result == SPF_PASS);
    EXPECT(ask(ROWS(rows), joel).result == SPF_PASS);
    EXPECT(ask(ROWS(rows), elsewhere).result == SPF_FAIL);
    arena_finish(&arena);
}

TEST("requirements are joined by includes that fail (A.4)")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT", "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all"},
        {"ip4._spf.example.com", "TXT", "v=spf1 -ip4:192.0.2.0/24 +all"},
        {"ptr._spf.example.com", "TXT", "v=spf1 -ptr:example.com +all"},
        {"65.2.0.192.in-addr.arpa", "PTR", "amy.example.com"},
        {"amy.example.com", "A", "192.0.2.65"},
        {"66.2.0.192.in-addr.arpa", "PTR", "bob.example.org"},
        {"bob.example.org", "A", "192.0.2.66"},
    };
    struct asked asked = {.ip = "192.0.2.65", .sender = "x@example.com"};
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    asked.ip = "192.0.2.66";
    EXPECT(ask(ROWS(rows), asked).result == SPF_FAIL);
    asked.ip = "198.51.100.1";
    EXPECT(ask(ROWS(rows), asked).result == SPF_FAIL);
    arena_finish(&arena);
}

TEST("what could be no domain, and one without a record, comes to none (4.3, 4.5)")
{
    static const struct spf_row rows[] = {
        {"example.com", "A", "192.0.2.1"},    {"example.com", "TXT", "v=spf10 -all"},
        {"example.com", "TXT", "v=spf1-all"}, {"example.com", "TXT", "spf2.0/pra -all"},
        {"localhost", "TXT", "v=spf1 -all"},
    };
    static const char *const senders[] = {
        "x@example.com",
        "x@none.example",
        "x@localhost",
        "x@localhost.",
        "x@a..example.com",
        "x@[192.0.2.1]",
        "x@",
        "x@a123456789012345678901234567890123456789012345678901234567890123.example",
    };
    for (size_t i = 0; i < sizeof(senders) / sizeof(*senders); i++)
        EXPECT(ask(ROWS(rows), (struct asked){.ip = "192.0.2.9", .sender = senders[i]}).result ==
               SPF_NONE);
    arena_finish(&arena);
}

TEST("two records are an error, and DNS that fails is one to come back after (4.4, 4.5)")
{
    static const struct spf_row rows[] = {
        {"two.example", "TXT", "v=spf1 -all"}, {"two.example", "TXT", "V=SPF1 +all"},
        {"down.example", "TXT", NULL},         {"one.example", "TXT", "other"},
        {"one.example", "TXT", "v=spf1"},
    };
    struct spf_decision decision =
        ask(ROWS(rows), (struct asked){.ip = "192.0.2.1", .sender = "x@two.example"});
    EXPECT(decision.result == SPF_PERMERROR);
    EXPECT_TEXT(decision.problem, "two.example: there is more than one record");
    decision = ask(ROWS(rows), (struct asked){.ip = "192.0.2.1", .sender = "x@down.example"});
    EXPECT(decision.result == SPF_TEMPERROR);
    EXPECT_TEXT(decision.problem, "down.example: DNS: server failure");
    decision = ask(ROWS(rows), (struct asked){.ip = "192.0.2.1", .sender = "x@one.example"});
    EXPECT(decision.result == SPF_NEUTRAL); /* 4.7 */
    EXPECT_TEXT(decision.term, "");
    arena_finish(&arena);
}

TEST("an error anywhere in a record spoils all of it (4.6)")
{
    static const char *const bad[] = {
        "v=spf1 +all nonsense",
        "v=spf1 +all nonsense:x.example",
        "v=spf1 +all all:x.example",
        "v=spf1 +all all/8",
        "v=spf1 +all include",
        "v=spf1 +all include:",
        "v=spf1 +all include:x.example/24",
        "v=spf1 +all include:localhost",
        "v=spf1 +all a:192.0.2.1",
        "v=spf1 +all a/33",
        "v=spf1 +all a/024",
        "v=spf1 +all a//129",
        "v=spf1 +all a/24/64",
        "v=spf1 +all a/",
        "v=spf1 +all a:",
        "v=spf1 +all a:x.-example",
        "v=spf1 +all ptr/24",
        "v=spf1 +all ip4",
        "v=spf1 +all ip4:192.0.2",
        "v=spf1 +all ip4:192.0.2.1/33",
        "v=spf1 +all ip4:192.0.2.1/",
        "v=spf1 +all ip4:2001:db8::1",
        "v=spf1 +all ip6:192.0.2.1",
        "v=spf1 +all ip6:[2001:db8::1]",
        "v=spf1 +all ip6:2001:db8::1/129",
        "v=spf1 +all exists",
        "v=spf1 +all exists:%{x}.example",
        "v=spf1 +all exists:%{c}.example",
        "v=spf1 +all exists:%{d0}.example",
        "v=spf1 +all exists:%{d.example",
        "v=spf1 +all exists:%(d).example",
        "v=spf1 +all exists:%",
        "v=spf1 +all exists:%{d!}.example",
        "v=spf1 +all redirect=x.example redirect=y.example",
        "v=spf1 +all exp=x.example exp=x.example",
        "v=spf1 +all redirect=",
        "v=spf1 +all redirect=x",
        "v=spf1 +all other=%{q}",
        "v=spf1 +all -",
        "v=spf1 +all ++all",
        "v=spf1 +all\ta",
        "v=spf1 +all 1st=x",
        "v=spf1 +all -exp=x.example",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (ask_record(bad[i], "192.0.2.1").result != SPF_PERMERROR)
            fail_msg("taken: %s", bad[i]);
    arena_finish(&arena);
}

TEST("a record of more than a thousand terms is too long to be true")
{
    struct text record = TEXT("v=spf1");
    struct spf_record parsed;
    arena_init(&arena);
    for (unsigned i = 0; i < SPF_TERMS_MAX; i++)
        record = arena_printf(&arena, "%.*s a", TEXT_ARG(record));
    EXPECT(spf_record_parse(record, &arena, &parsed) == OK && parsed.count == SPF_TERMS_MAX);
    record = arena_printf(&arena, "%.*s -all", TEXT_ARG(record));
    EXPECT(spf_record_parse(record, &arena, &parsed) == REFUSED);
    arena_finish(&arena);
}

TEST("what may stand in a record is taken, in either case and with any spaces (4.6.1, 12)")
{
    static const struct example examples[] = {
        {"V=SPF1   IP4:192.0.2.1   -ALL  ", "192.0.2.1", SPF_PASS},
        {"v=spf1 ip4:192.0.2.77/24 -all", "192.0.2.1", SPF_PASS},
        {"v=spf1 ip4:192.0.2.1/0 -all", "203.0.113.1", SPF_PASS},
        {"v=spf1 other.1_2-3=any/thing~ moo= -all", "192.0.2.1", SPF_FAIL},
        {"v=spf1 a:example.com./32 -all", "192.0.2.10", SPF_PASS},
        {"v=spf1 A:Example.COM//128 -all", "192.0.2.10", SPF_PASS},
        {"v=spf1 a:example.com/24//64 -all", "192.0.2.99", SPF_PASS},
        {"v=spf1 a:%{d}/24 -all", "192.0.2.99", SPF_PASS},
        {"v=spf1 a/0 -all", "203.0.113.1", SPF_PASS},
        {"v=spf1 ?all", "192.0.2.1", SPF_NEUTRAL},
        {"v=spf1 ~all", "192.0.2.1", SPF_SOFTFAIL},
        {"v=spf1 all redirect=none.example", "192.0.2.1", SPF_PASS},
    };
    EXPECT_EXAMPLES(examples);
}

TEST("clients of IPv6 are compared with what is of IPv6, and IPv4 stays IPv4 (5)")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT",
         "v=spf1 a:host.example//64 ip6:2001:db8:2::/48 ip4:192.0.2.1 ip6:::ffff:198.51.100.0/120 "
         "exists:yes.example -all"},
        {"host.example", "AAAA", "2001:db8:1::1"},
        {"host.example", "A", "203.0.113.1"},
    };
    static const struct {
        const char *ip;
        enum spf_result result;
    } clients[] = {
        {"2001:db8:1::2", SPF_PASS},   {"2001:db8:1:1::2", SPF_FAIL},
        {"2001:db8:2:3::1", SPF_PASS}, {"::ffff:192.0.2.1", SPF_PASS},
        {"192.0.2.1", SPF_PASS},       {"203.0.113.1", SPF_PASS},
        {"198.51.100.7", SPF_FAIL},
    };
    for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++)
        EXPECT(ask(ROWS(rows), (struct asked){.ip = clients[i].ip, .sender = "x@example.com"})
                   .result == clients[i].result);
    arena_finish(&arena);
}

TEST("an included record's outcome is taken as the table of 5.2 has it")
{
    static const struct spf_row rows[] = {
        {"pass.example", "TXT", "v=spf1 +all"},
        {"fail.example", "TXT", "v=spf1 -all exp=why.example"},
        {"why.example", "TXT", "not to be said"},
        {"soft.example", "TXT", "v=spf1 ~all"},
        {"neutral.example", "TXT", "v=spf1 ?all"},
        {"broken.example", "TXT", "v=spf1 oops"},
        {"down.example", "TXT", NULL},
        {"a.pass.example", "TXT", "v=spf1 ?include:pass.example -all"},
        {"a.fail.example", "TXT", "v=spf1 include:fail.example -all"},
        {"a.soft.example", "TXT", "v=spf1 include:soft.example ~all"},
        {"a.neutral.example", "TXT", "v=spf1 include:neutral.example +all"},
        {"a.broken.example", "TXT", "v=spf1 include:broken.example +all"},
        {"a.down.example", "TXT", "v=spf1 include:down.example +all"},
        {"a.none.example", "TXT", "v=spf1 include:none.example +all"},
    };
    static const struct {
        const char *sender;
        enum spf_result result;
    } cases[] = {
        {"x@a.pass.example", SPF_NEUTRAL},     {"x@a.fail.example", SPF_FAIL},
        {"x@a.soft.example", SPF_SOFTFAIL},    {"x@a.neutral.example", SPF_PASS},
        {"x@a.broken.example", SPF_PERMERROR}, {"x@a.down.example", SPF_TEMPERROR},
        {"x@a.none.example", SPF_PERMERROR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct spf_decision decision =
            ask(ROWS(rows), (struct asked){.ip = "192.0.2.1", .sender = cases[i].sender});
        EXPECT(decision.result == cases[i].result);
        EXPECT_TEXT(decision.explanation, "");
    }
    arena_finish(&arena);
}

TEST("a redirect to nothing is an error, and all makes it idle (6.1)")
{
    static const struct spf_row rows[] = {
        {"a.example", "TXT", "v=spf1 redirect=none.example"},
        {"b.example", "TXT", "v=spf1 redirect=none.example ?all"},
        {"c.example", "TXT", "v=spf1 redirect=%{l}.example -ip4:192.0.2.7"},
        {"d.example", "TXT", "v=spf1 ip4:192.0.2.1"},
    };
    struct asked asked = {.ip = "192.0.2.1", .sender = "d@a.example"};
    EXPECT(ask(ROWS(rows), asked).result == SPF_PERMERROR);
    asked.sender = "d@b.example";
    EXPECT(ask(ROWS(rows), asked).result == SPF_NEUTRAL);
    asked.sender = "d@c.example";
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    asked.sender = "other..label@c.example"; /* expands to no name */
    EXPECT(ask(ROWS(rows), asked).result == SPF_PERMERROR);
    arena_finish(&arena);
}

TEST("a domain explains its refusals in its own words, or there is none (6.2)")
{
    static const struct spf_row rows[] = {
        {"a.example", "TXT", "v=spf1 -all exp=why.%{d}"},
        {"why.a.example", "TXT", "%{i} may not send for %{o}%_(%{c}, %{t}, %{r}); see http://%{S}"},
        {"b.example", "TXT", "v=spf1 redirect=a.example exp=other.example"},
        {"other.example", "TXT", "not this one"},
        {"c.example", "TXT", "v=spf1 -all exp=two.example"},
        {"two.example", "TXT", "one"},
        {"two.example", "TXT", "two"},
        {"d.example", "TXT", "v=spf1 -all exp=odd.example"},
        {"odd.example", "TXT", "caf\xc3\xa9"},
        {"e.example", "TXT", "v=spf1 -all exp=bad.example"},
        {"bad.example", "TXT", "%{z} is no macro"},
        {"f.example", "TXT", "v=spf1 -all exp=down.example"},
        {"down.example", "TXT", NULL},
        {"g.example", "TXT", "v=spf1 ~all exp=other.example"},
    };
    static const char *const silent[] = {"x@c.example", "x@d.example", "x@e.example", "x@f.example",
                                         "x@g.example"};
    struct asked asked = {.ip = "192.0.2.1", .sender = "j o@a.example"};
    EXPECT_TEXT(ask(ROWS(rows), asked).explanation,
                "192.0.2.1 may not send for a.example (192.0.2.1, 1700000000, mx.example.org); see "
                "http://j%20o%40a.example");
    asked.sender = "x@b.example";
    EXPECT_TEXT(ask(ROWS(rows), asked).explanation,
                "192.0.2.1 may not send for b.example (192.0.2.1, 1700000000, mx.example.org); see "
                "http://x%40b.example");
    for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
        asked.sender = silent[i];
        EXPECT_TEXT(ask(ROWS(rows), asked).explanation, "");
    }
    arena_finish(&arena);
}

TEST("ten terms may ask DNS, and not eleven (4.6.4)")
{
    static const struct spf_row rows[] = {
        {"ten.example", "TXT",
         "v=spf1 a:h.example a:h.example a:h.example a:h.example a:h.example mx:h.example "
         "exists:h.example.org ptr:h.example include:in.example ip4:192.0.2.1 +all"},
        {"eleven.example", "TXT",
         "v=spf1 a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example "
         "a:h.example a:h.example a:h.example include:in.example +all"},
        {"in.example", "TXT", "v=spf1 a:h.example -all"},
        {"loop.example", "TXT", "v=spf1 include:loop.example +all"},
        {"round.example", "TXT", "v=spf1 redirect=round.example"},
        {"h.example", "A", "203.0.113.1"},
        {"h.example", "MX", "h.example"},
        {"h.example.org", "TXT", "exists, without A"},
    };
    struct asked asked = {.ip = "192.0.2.9", .sender = "x@ten.example"};
    struct spf_decision decision = ask(ROWS(rows), asked);
    EXPECT(decision.result == SPF_PASS && decision.lookups == 10);
    asked.sender = "x@eleven.example";
    decision = ask(ROWS(rows), asked);
    EXPECT(decision.result == SPF_PERMERROR && decision.lookups == 10);
    EXPECT_TEXT(decision.problem, "more than 10 terms ask DNS");
    asked.sender = "x@loop.example";
    EXPECT(ask(ROWS(rows), asked).result == SPF_PERMERROR);
    asked.sender = "x@round.example";
    EXPECT(ask(ROWS(rows), asked).result == SPF_PERMERROR);
    arena_finish(&arena);
}

TEST("two empty answers are borne, and not a third (4.6.4, 11.1)")
{
    static const struct spf_row rows[] = {
        {"two.example", "TXT", "v=spf1 a:no.example exists:no2.example +all"},
        {"three.example", "TXT", "v=spf1 a:no.example mx:no2.example exists:no3.example +all"},
        {"early.example", "TXT", "v=spf1 a:no.example mx:no2.example +all a:no3.example"},
    };
    struct asked asked = {.ip = "192.0.2.9", .sender = "x@two.example"};
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    asked.sender = "x@three.example";
    struct spf_decision decision = ask(ROWS(rows), asked);
    EXPECT(decision.result == SPF_PERMERROR);
    EXPECT_TEXT(decision.problem, "more than 2 answers of DNS are empty");
    asked.sender = "x@early.example";
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    arena_finish(&arena);
}

/* The same name, so many times, with other rows in front. */
static struct spf_decision ask_many(const char *record, const char *name, const char *type,
                                    unsigned count)
{
    struct spf_row rows[40] = {
        {"example.com", "TXT", record},
        {"last.example.com", "A", "192.0.2.9"},
    };
    static const char *const hosts[] = {"h.example.com", "last.example.com"};
    unsigned used = 2;
    rows[used++] = (struct spf_row){"h.example.com", "A", "203.0.113.1"};
    for (unsigned i = 0; i < count; i++)
        rows[used++] = (struct spf_row){name, type, hosts[i + 1 == count]};
    return ask(rows, used, (struct asked){.ip = "192.0.2.9", .sender = "x@example.com"});
}

TEST("of MX records ten are looked at, and of PTR records the first ten (4.6.4)")
{
    static const char reverse[] = "9.2.0.192.in-addr.arpa";
    EXPECT(ask_many("v=spf1 mx -all", "example.com", "MX", 10).result == SPF_PASS);
    EXPECT(ask_many("v=spf1 mx -all", "example.com", "MX", 11).result == SPF_PERMERROR);
    EXPECT(ask_many("v=spf1 ptr -all", reverse, "PTR", 10).result == SPF_PASS);
    EXPECT(ask_many("v=spf1 ptr -all", reverse, "PTR", 11).result == SPF_FAIL);
    arena_finish(&arena);
}

TEST("DNS that fails ends the evaluation, but for ptr (5, 5.5)")
{
    static const struct spf_row rows[] = {
        {"a.example", "TXT", "v=spf1 a:down.example +all"},
        {"mx.example", "TXT", "v=spf1 mx:half.example +all"},
        {"half.example", "MX", "down.example"},
        {"exists.example", "TXT", "v=spf1 exists:down.example +all"},
        {"ptr.example", "TXT", "v=spf1 ptr -all"},
        {"1.2.0.192.in-addr.arpa", "PTR", "down.example"},
        {"1.2.0.192.in-addr.arpa", "PTR", "host.ptr.example"},
        {"host.ptr.example", "A", "192.0.2.1"},
        {"down.example", "A", NULL},
        {"2.2.0.192.in-addr.arpa", "PTR", NULL},
    };
    static const struct {
        const char *sender, *ip;
        enum spf_result result;
    } cases[] = {
        {"x@a.example", "192.0.2.1", SPF_TEMPERROR},
        {"x@mx.example", "192.0.2.1", SPF_TEMPERROR},
        {"x@exists.example", "192.0.2.1", SPF_TEMPERROR},
        {"x@ptr.example", "192.0.2.1", SPF_PASS},
        {"x@ptr.example", "192.0.2.2", SPF_FAIL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        EXPECT(
            ask(ROWS(rows), (struct asked){.ip = cases[i].ip, .sender = cases[i].sender}).result ==
            cases[i].result);
    arena_finish(&arena);
}

TEST("a sender without a local part is postmaster, and one beyond ASCII matches no list (4.3)")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT", "v=spf1 exists:%{l}.users.example exists:%{s}.users.example -all"},
        {"postmaster.users.example", "A", "127.0.0.1"},
        {"j\xc3\xb6rg.users.example", "A", "127.0.0.1"},
    };
    struct asked asked = {.ip = "192.0.2.1", .sender = "example.com"};
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    asked.sender = "@example.com";
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    asked.sender = "j\xc3\xb6rg@example.com"; /* RFC 8616 4 */
    EXPECT(ask(ROWS(rows), asked).result == SPF_FAIL);
    arena_finish(&arena);
}

/* 7.4 */
static bool expands(const char *string, const char *ip, const char *expected)
{
    struct net_address address;
    check(net_address_parse(text_from(ip), 0, &address));
    struct spf_names names = {.sender = TEXT("strong-bad@email.example.com"),
                              .domain = TEXT("email.example.com"),
                              .ip = &address,
                              .helo = TEXT("helo.example.net"),
                              .receiver = TEXT("mx.example.org"),
                              .validated = TEXT("mx.example.org"),
                              .now_s = 7};
    struct buffer out;
    buffer_init(&out, 1000);
    bool is_good = spf_macro_expand(text_from(string), SPF_MACRO_EXPLANATION, &names, &out);
    bool is_same = is_good && text_equals(buffer_text(&out), text_from(expected));
    if (!is_same)
        print_message("%s: %.*s, not %s\n", string, TEXT_ARG(buffer_text(&out)), expected);
    buffer_finish(&out);
    return is_same;
}

TEST("macros stand for what the examples of 7.4 say")
{
    static const char *const pairs[][2] = {
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
        {"%{p}%%%_%-%{h1}%{R}%{t}", "mx.example.org% %20netmx.example.org7"},
        {"%{S}", "strong-bad%40email.example.com"},
        {"%{l9999999999999r-_,}", "bad.strong"},
        {"%{c}", "192.0.2.3"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        EXPECT(expands(pairs[i][0], "192.0.2.3", pairs[i][1]));
    EXPECT(expands("%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01",
                   "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf."
                   "example.com"));
    EXPECT(expands("%{c}", "2001:db8::cb01", "2001:db8::cb01"));
}

TEST("%{p} prefers the domain to its subdomains to others, and is unknown when nothing leads back")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT", "v=spf1 exists:%{p}.is.example -all"},
        {"1.2.0.192.in-addr.arpa", "PTR", "other.example"},
        {"1.2.0.192.in-addr.arpa", "PTR", "sub.example.com"},
        {"1.2.0.192.in-addr.arpa", "PTR", "notexample.com"},
        {"other.example", "A", "192.0.2.1"},
        {"sub.example.com", "A", "192.0.2.1"},
        {"notexample.com", "A", "192.0.2.1"},
        {"sub.example.com.is.example", "A", "127.0.0.1"},
        {"unknown.is.example", "A", "127.0.0.1"},
    };
    struct asked asked = {.ip = "192.0.2.1", .sender = "x@example.com"};
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    asked.ip = "192.0.2.2";
    EXPECT(ask(ROWS(rows), asked).result == SPF_PASS);
    arena_finish(&arena);
}

TEST("a name that expands too long loses labels on its left (7.3)")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT",
         "v=spf1 exists:%{s}.%{s}.%{s}.%{s}.%{s}.%{s}.%{s}.%{s}.%{s}.lists.example -all"},
    };
    struct asked asked = {.ip = "192.0.2.1",
                          .sender = "a.rather.long.local.part.of.many.labels@example.com"};
    struct spf_decision decision = ask(ROWS(rows), asked);
    EXPECT(decision.result == SPF_FAIL && zone.asked == 2);
    struct text asked_for = text_from(zone.last);
    EXPECT(asked_for.length <= 253 && asked_for.length > 240);
    EXPECT(text_ends_with_nocase(asked_for, TEXT("example.com.lists.example")));
    EXPECT(!text_starts_with(asked_for, TEXT(".")));
    arena_finish(&arena);
}

TEST("Sender ID takes the record of its scope, and SPF's where there is none (RFC 4406 4.4)")
{
    static const struct spf_row rows[] = {
        {"both.example", "TXT", "v=spf1 -all"},
        {"both.example", "TXT", "spf2.0/pra +all"},
        {"list.example", "TXT", "spf2.0/mfrom,pra ~all"},
        {"minor.example", "TXT", "SPF2.1/Pra ?all"},
        {"old.example", "TXT", "v=spf1 -all"},
        {"twice.example", "TXT", "spf2.0/pra -all"},
        {"twice.example", "TXT", "spf2.0/mfrom,pra -all"},
        {"odd.example", "TXT", "spf2.x/pra -all"},
    };
    static const struct {
        const char *sender;
        enum spf_scope scope;
        enum spf_result result;
    } cases[] = {
        {"x@both.example", SPF_SCOPE_SPF, SPF_FAIL},
        {"x@both.example", SPF_SCOPE_PRA, SPF_PASS},
        {"x@both.example", SPF_SCOPE_MFROM, SPF_FAIL},
        {"x@list.example", SPF_SCOPE_PRA, SPF_SOFTFAIL},
        {"x@list.example", SPF_SCOPE_MFROM, SPF_SOFTFAIL},
        {"x@list.example", SPF_SCOPE_SPF, SPF_NONE},
        {"x@minor.example", SPF_SCOPE_PRA, SPF_NEUTRAL},
        {"x@minor.example", SPF_SCOPE_MFROM, SPF_NONE},
        {"x@old.example", SPF_SCOPE_PRA, SPF_FAIL},
        {"x@twice.example", SPF_SCOPE_PRA, SPF_PERMERROR},
        {"x@twice.example", SPF_SCOPE_MFROM, SPF_FAIL},
        {"x@odd.example", SPF_SCOPE_PRA, SPF_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct asked asked = {
            .ip = "192.0.2.1", .sender = cases[i].sender, .scope = cases[i].scope};
        if (ask(ROWS(rows), asked).result != cases[i].result)
            fail_msg("%s in scope %d", cases[i].sender, (int)cases[i].scope);
    }
    arena_finish(&arena);
}

TEST("the steps tell term by term how it came to the result")
{
    static const struct spf_row rows[] = {
        {"example.com", "TXT", "v=spf1 ip4:192.0.2.7 include:in.example a:no.example -all"},
        {"in.example", "TXT", "v=spf1 ?all"},
    };
    static const char *const expected[] = {
        "0 example.com  v=spf1 ip4:192.0.2.7 include:in.example a:no.example -all",
        "0 example.com ip4:192.0.2.7 no match",
        "1 in.example  v=spf1 ?all",
        "1 in.example ?all match",
        "0 example.com include:in.example no match: in.example says neutral",
        "0 example.com a:no.example no match: no.example has no such address",
        "0 example.com -all match",
    };
    struct spf_decision decision =
        ask(ROWS(rows), (struct asked){.ip = "192.0.2.1", .sender = "x@example.com"});
    EXPECT(decision.step_count == sizeof(expected) / sizeof(*expected));
    for (unsigned i = 0; i < decision.step_count; i++) {
        const struct spf_step *step = &decision.steps[i];
        char line[200];
        snprintf(line, sizeof(line), "%u %.*s %.*s %.*s", step->depth, TEXT_ARG(step->domain),
                 TEXT_ARG(step->term), TEXT_ARG(step->what));
        EXPECT_TEXT(text_from(line), expected[i]);
    }
    arena_finish(&arena);
}
