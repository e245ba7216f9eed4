/* What settings open to others, as findings. */
#include <stdio.h>

#include "decide/exposure.h"
#include "settings_scene.h"
#include "test.h"

struct exposed {
    struct settings *settings;
    struct arena arena;
    struct findings findings;
};

typedef void look_at(const struct settings *settings, struct findings *findings);

static struct exposed expose(const char *file, look_at *look)
{
    struct exposed exposed = {.settings = settings_made("%s", file)};
    arena_init(&exposed.arena);
    findings_init(&exposed.findings, &exposed.arena);
    look(exposed.settings, &exposed.findings);
    return exposed;
}

static void exposed_free(struct exposed *exposed)
{
    arena_finish(&exposed->arena);
    settings_release(&exposed->settings);
}

/* The level of the finding of this step whose words begin so; FINDING_LEVELS: there is none. */
static enum finding_level level_of(const struct exposed *exposed, const char *step,
                                   const char *words)
{
    for (unsigned i = 0; i < exposed->findings.count; i++)
        if (text_equals(exposed->findings.list[i].step, text_from(step)) &&
            text_starts_with(exposed->findings.list[i].words, text_from(words)))
            return exposed->findings.list[i].level;
    return FINDING_LEVELS;
}

#define SERVER(lines) "host mx.a.b\nserver s {\n listen 127.0.0.1:25\n" lines "}\n"

TEST("a network that may relay is worse the more strangers are in it")
{
    static const struct {
        const char *network;
        enum finding_level level;
    } rows[] = {
        {"0.0.0.0/0", FINDING_FAULT},    {"::/0", FINDING_FAULT},
        {"8.0.0.0/8", FINDING_WARNING},  {"198.51.0.0/16", FINDING_WARNING},
        {"2001::/16", FINDING_WARNING},  {"198.51.100.0/24", FINDING_OK},
        {"198.51.100.7/32", FINDING_OK}, {"10.0.0.0/8", FINDING_OK},
        {"192.168.0.0/16", FINDING_OK},  {"127.0.0.0/8", FINDING_OK},
        {"fd00::/8", FINDING_OK},        {"2001:db8:1::/48", FINDING_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char file[300];
        snprintf(file, sizeof(file), SERVER(" relay %s\n"), rows[i].network);
        struct exposed exposed = expose(file, decide_ways_to_relay);
        if (level_of(&exposed, "network", "") != rows[i].level)
            fail_msg("%s", rows[i].network);
        exposed_free(&exposed);
    }
}

TEST("to let all relay but some is to let all")
{
    struct exposed exposed = expose(SERVER(" relay all-except 10.0.0.0/8\n"), decide_ways_to_relay);
    EXPECT(level_of(&exposed, "network", "everybody may relay by server s") == FINDING_FAULT);
    EXPECT(level_of(&exposed, "network", "10.0.0.0") == FINDING_LEVELS);
    exposed_free(&exposed);
}

TEST("a connector that relays is told, and one that relays to everybody is at fault")
{
    struct exposed exposed =
        expose(SERVER("") "connector p {\n to p.example relay\n to q.example\n by mx\n}\n"
                          "connector all {\n to * relay\n by mx\n}\n",
               decide_ways_to_relay);
    EXPECT(level_of(&exposed, "connector", "everybody may relay to p.example") == FINDING_WARNING);
    EXPECT(level_of(&exposed, "connector", "everybody may relay to q") == FINDING_LEVELS);
    EXPECT(level_of(&exposed, "connector", "everybody may relay to *") == FINDING_FAULT);
    EXPECT(level_of(&exposed, "login", "who is logged in may relay") == FINDING_OK);
    exposed_free(&exposed);
}

TEST("who may name other clients may relay, and is told")
{
    struct exposed exposed =
        expose(SERVER(" relay nobody\n xclient 10.0.0.1 203.0.113.1\n"), decide_ways_to_relay);
    EXPECT(level_of(&exposed, "xclient", "10.0.0.1") == FINDING_OK);
    EXPECT(level_of(&exposed, "xclient", "203.0.113.1") == FINDING_WARNING);
    EXPECT(level_of(&exposed, "login", "") == FINDING_LEVELS);
    exposed_free(&exposed);
}

/* shows: S44 */
TEST("what only this machine reaches is no fault where the same for all would be")
{
    struct exposed exposed = expose(SERVER(" login cleartext plain\n"), decide_weaknesses);
    EXPECT(level_of(&exposed, "passwords", "") == FINDING_WARNING);
    EXPECT(level_of(&exposed, "tls", "") == FINDING_WARNING);
    exposed_free(&exposed);
    exposed = expose("host mx.a.b\nserver s {\n listen *:25\n login cleartext plain\n}\n",
                     decide_weaknesses);
    EXPECT(level_of(&exposed, "passwords", "") == FINDING_FAULT);
    EXPECT(level_of(&exposed, "tls", "") == FINDING_FAULT);
    exposed_free(&exposed);
}

TEST("findings end at their most and the first of a level is found")
{
    struct arena arena;
    struct findings findings;
    arena_init(&arena);
    findings_init(&findings, &arena);
    EXPECT(findings_first(&findings, FINDING_OK) == NULL);
    for (unsigned i = 0; i < FINDINGS_MAX + 10; i++)
        findings_add(&findings, i == 7 ? FINDING_WARNING : FINDING_OK, "step", TEXT(""), "%u", i);
    EXPECT(findings.count == FINDINGS_MAX);
    EXPECT_TEXT(findings_first(&findings, FINDING_WARNING)->words, "7");
    EXPECT(findings_first(&findings, FINDING_FAULT) == NULL);
    arena_finish(&arena);
}
