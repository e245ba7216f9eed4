#include "settings_scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

struct parsed settings_parse_source(struct settings_source *source)
{
    struct parsed parsed;
    buffer_init(&parsed.errors, 1 << 20);
    enum status status = settings_parse(source, 7, &parsed.errors, &parsed.settings);
    EXPECT((status == OK) == (parsed.settings != NULL));
    parsed.said = text_to_string(buffer_text(&parsed.errors));
    settings_source_free(&source);
    return parsed;
}

struct parsed settings_of(const char *text)
{
    struct settings_source *source;
    EXPECT(settings_source_of(TEXT(MAIN_FILE), text_from(text), &source) == OK);
    return settings_parse_source(source);
}

void parsed_free(struct parsed *parsed)
{
    settings_release(&parsed->settings);
    buffer_finish(&parsed->errors);
    free(parsed->said);
}

struct settings *settings_made(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    check(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    struct parsed parsed = settings_of(text);
    if (parsed.settings == NULL)
        fail_msg("%s", parsed.said);
    struct settings *settings = settings_hold(parsed.settings);
    parsed_free(&parsed);
    free(text);
    return settings;
}

/* Parse what has no error and no warning. */
struct parsed settings_of_clean(const char *text)
{
    struct parsed parsed = settings_of(text);
    assert_string_equal(parsed.said, "");
    EXPECT(parsed.settings != NULL);
    return parsed;
}

void settings_expect_said(const char *text, const char *said)
{
    struct parsed parsed = settings_of(text);
    assert_string_equal(parsed.said, said);
    parsed_free(&parsed);
}

char *settings_shown(const struct settings *settings, bool all, bool where)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    settings_show(settings, all, where, &out);
    EXPECT(!out.overflowed);
    char *string = text_to_string(buffer_text(&out));
    buffer_finish(&out);
    return string;
}

void settings_expect_round_trip(const struct settings *settings)
{
    char *first = settings_shown(settings, true, false);
    struct parsed again = settings_of(first);
    if (again.settings == NULL)
        fail_msg("%s\n%s", again.said, first);
    char *second = settings_shown(again.settings, true, false);
    assert_string_equal(first, second);
    free(first);
    free(second);
    parsed_free(&again);
}
