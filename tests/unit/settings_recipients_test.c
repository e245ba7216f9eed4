/* Recipient policies in the settings. */
#include <stdlib.h>
#include <string.h>

#include "proc/settings.h"
#include "test.h"

#define QUIET "server quiet { listen 127.0.0.1:25 }\n"

/* One text parsed: the settings or NULL, and what was said. */
struct parsed {
    struct settings *settings;
    char *said;
};

static struct parsed parse(const char *text)
{
    struct settings_source *source;
    struct parsed parsed;
    struct buffer errors;
    buffer_init(&errors, 1 << 16);
    EXPECT(settings_source_of(TEXT("/etc/mailroot.conf"), text_from(text), &source) == OK);
    enum status status = settings_parse(source, 1, &errors, &parsed.settings);
    EXPECT((status == OK) == (parsed.settings != NULL));
    parsed.said = text_to_string(buffer_text(&errors));
    settings_source_free(&source);
    buffer_finish(&errors);
    return parsed;
}

static void parsed_free(struct parsed *parsed)
{
    settings_release(&parsed->settings);
    free(parsed->said);
}

TEST("a recipient policy gives addresses in domains of ours, and never by the name of this host")
{
    struct parsed parsed = parse("host mx.a.example\ndomain a.example\n" QUIET
                                 "recipients staff {\n for (title=*)\n address %g.%s@A.example "
                                 "%m@a.example\n}\n");
    EXPECT(parsed.settings->recipients_count == 1);
    EXPECT_TEXT(parsed.settings->recipients[0].templates[0], "%g.%s@a.example");
    EXPECT(parsed.settings->recipients[0].priority == 100);
    parsed_free(&parsed);
    parsed = parse("host mx.a.example\ndomain a.example mx.a.example\n" QUIET
                   "recipients staff {\n for (title=\n address %g@mx.a.example %x@a.example\n"
                   " address %m@b.example\n}\n");
    EXPECT(parsed.settings == NULL);
    EXPECT(strstr(parsed.said, "the filter is malformed at character 8: a value is missing") !=
           NULL);
    EXPECT(strstr(parsed.said, "a % is followed by") != NULL);
    EXPECT(strstr(parsed.said, "'mx.a.example' is the name of this host, and mail for it would go "
                               "round in a loop") != NULL);
    EXPECT(strstr(parsed.said, "'b.example' is not a domain of ours") != NULL);
    parsed_free(&parsed);
}
