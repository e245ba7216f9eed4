/* The settings of protocol logs. */
#include <string.h>

#include "settings_scene.h"
#include "test.h"

#define SERVER_1 "server one {\n    listen 127.0.0.1:25\n"
#define SERVER_2 "server two {\n    listen 127.0.0.1:26 smtp\n"

static const uint32_t usual = 1u << PROTOLOG_TIME | 1u << PROTOLOG_C_IP | 1u << PROTOLOG_CS_METHOD |
                              1u << PROTOLOG_CS_URI_STEM | 1u << PROTOLOG_SC_STATUS;

TEST("without a word about it nothing is logged, and one word makes it W3C by the day")
{
    struct parsed parsed =
        settings_of_clean("host a.b\ndata /d\n" SERVER_1 "}\n" SERVER_2 "    log w3c\n}\n");
    const struct setting_log *one = &parsed.settings->servers[0].log;
    const struct setting_log *two = &parsed.settings->servers[1].log;
    EXPECT(one->form.format == PROTOLOG_OFF);
    EXPECT(two->form.format == PROTOLOG_W3C && two->form.every == PROTOLOG_DAILY);
    EXPECT(two->fields == usual && !two->is_local);
    EXPECT(two->keep_ms == INT64_C(30) * 24 * 3600 * 1000);
    EXPECT_TEXT(two->directory, "/d/log");
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

TEST("what holds for all servers holds for each that does not say otherwise, word by word")
{
    struct parsed parsed = settings_of_clean(
        "host a.b\nlog debug session ncsa weekly keep 7d\nlog directory /var/log/m fields date "
        "time\n" SERVER_1 "}\n" SERVER_2 "    log iis 20MB keep 0\n    log fields all\n}\n");
    const struct setting_log *one = &parsed.settings->servers[0].log;
    const struct setting_log *two = &parsed.settings->servers[1].log;
    EXPECT(parsed.settings->log_level == LOG_TO_DEBUG);
    EXPECT(one->form.format == PROTOLOG_NCSA && one->form.every == PROTOLOG_WEEKLY);
    EXPECT(one->keep_ms == INT64_C(7) * 24 * 3600 * 1000);
    EXPECT(one->fields == (1u << PROTOLOG_DATE | 1u << PROTOLOG_TIME));
    EXPECT(one->is_local && two->is_local);
    EXPECT(two->form.format == PROTOLOG_IIS && two->form.every == PROTOLOG_BY_SIZE);
    EXPECT(two->form.most_bytes == 20 << 20 && two->keep_ms == 0);
    EXPECT(two->fields == (1u << PROTOLOG_FIELDS) - 1);
    EXPECT_TEXT(two->directory, "/var/log/m");
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

TEST("the zone is that of the format unless it is said")
{
    struct parsed parsed = settings_of_clean("host a.b\nlog session iis zone utc\n" SERVER_1
                                             "}\n" SERVER_2 "    log w3c hourly zone local\n}\n");
    EXPECT(!parsed.settings->servers[0].log.is_local);
    EXPECT(parsed.settings->servers[1].log.is_local);
    EXPECT(parsed.settings->servers[1].log.form.every == PROTOLOG_HOURLY);
    parsed_free(&parsed);
}

static void expect_said_of(const char *text, const char *piece)
{
    struct parsed parsed = settings_of(text);
    if (strstr(parsed.said, piece) == NULL)
        fail_msg("not said: %s\n%s", piece, parsed.said);
    parsed_free(&parsed);
}

TEST("what is no format, schedule or field is refused with what could stand there")
{
    expect_said_of("host a.b\n" QUIET "log session xml\n", "'xml' is no value of 'log session'");
    expect_said_of("host a.b\n" QUIET "log session w3c yearly\n",
                   "write off, or w3c, iis or ncsa, and behind it hourly, daily, weekly, "
                   "monthly, unlimited or a size from 64KB");
    expect_said_of("host a.b\n" QUIET "log session w3c 1KB\n",
                   "'1KB' is no value of 'log session'");
    expect_said_of("host a.b\n" QUIET "log fields cs-metod\n", "did you mean 'cs-method'?");
}
