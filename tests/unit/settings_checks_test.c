/* What the settings say of SPF and Sender ID. */
#include <string.h>

#include "settings_scene.h"
#include "test.h"

#define CHECKING "host a.b\nserver s {\n  listen 127.0.0.1:25\n  filter spf sender-id\n}\n"

TEST("failures of SPF are refused and those of Sender ID told, unless the filter says otherwise")
{
    struct parsed parsed = settings_of_clean(CHECKING);
    const struct setting_filter *filter = &parsed.settings->filter;
    EXPECT(filter->spf_fail == CHECK_REFUSE && filter->spf_softfail == CHECK_ACCEPT);
    EXPECT(filter->spf_permerror == CHECK_ACCEPT && !filter->spf_waits);
    EXPECT(filter->sender_id_fail == CHECK_ACCEPT && filter->sender_id_missing == CHECK_ACCEPT);
    EXPECT(parsed.settings->servers[0].filters[0].filters == (FILTER_SPF | FILTER_SENDER_ID));
    parsed_free(&parsed);
    parsed = settings_of_clean(CHECKING "filter {\n  spf fail accept softfail discard\n"
                                        "  spf permerror refuse temperror later\n"
                                        "  sender-id fail refuse softfail discard missing refuse\n"
                                        "  sender-id temperror later\n}\n");
    filter = &parsed.settings->filter;
    EXPECT(filter->spf_fail == CHECK_ACCEPT && filter->spf_softfail == CHECK_DISCARD);
    EXPECT(filter->spf_permerror == CHECK_REFUSE && filter->spf_waits);
    EXPECT(filter->sender_id_fail == CHECK_REFUSE && filter->sender_id_softfail == CHECK_DISCARD);
    EXPECT(filter->sender_id_missing == CHECK_REFUSE && filter->sender_id_waits);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

TEST("what is said of SPF where no server checks it does nothing, and odd words are not taken")
{
    settings_expect_said("host a.b\n" QUIET "filter {\n  spf fail discard\n}\n",
                         "warning: " MAIN_FILE ":4:12: 'spf fail' has no effect: no server has the "
                         "statement 'filter spf'\n");
    struct parsed parsed = settings_of(CHECKING "filter {\n  spf fail later\n}\n");
    EXPECT(parsed.settings == NULL && strstr(parsed.said, "'later'") != NULL);
    parsed_free(&parsed);
    parsed = settings_of(CHECKING "filter {\n  sender-id temperror refuse\n}\n");
    EXPECT(parsed.settings == NULL && strstr(parsed.said, "'refuse'") != NULL);
    parsed_free(&parsed);
}
