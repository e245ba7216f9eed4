/* Recipient policies in the settings. */
#include <stdlib.h>
#include <string.h>

#include "settings_scene.h"
#include "test.h"

TEST("a recipient policy gives addresses in domains of ours, and never by the name of this host")
{
    struct parsed parsed =
        settings_of("host mx.a.example\ndomain a.example\n" QUIET
                    "recipients staff {\n for (title=*)\n address %g.%s@A.example "
                    "%m@a.example\n}\n");
    EXPECT(parsed.settings->recipients_count == 1);
    EXPECT_TEXT(parsed.settings->recipients[0].templates[0], "%g.%s@a.example");
    EXPECT(parsed.settings->recipients[0].priority == 100);
    parsed_free(&parsed);
    parsed = settings_of("host mx.a.example\ndomain a.example mx.a.example\n" QUIET
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
