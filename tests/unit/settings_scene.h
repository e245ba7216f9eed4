/* Settings out of a text, what was said about it, and how they are shown. */
#ifndef TESTS_UNIT_SETTINGS_SCENE_H
#define TESTS_UNIT_SETTINGS_SCENE_H

#include "settings/settings.h"

#define MAIN_FILE "/etc/mailroot/mailroot.conf"

/* A server that warns of nothing, in one line. */
#define QUIET "server quiet { listen 127.0.0.1:25 }\n"
#define NO_TLS_WARNINGS                                                                            \
    "warning: nobody can log in on '*:587': there is no TLS, and passwords are not taken in "      \
    "clear text\n"                                                                                 \
    "warning: nobody can log in on '*:110': there is no TLS, and passwords are not taken in "      \
    "clear text\n"                                                                                 \
    "warning: nobody can log in on '*:143': there is no TLS, and passwords are not taken in "      \
    "clear text\n"                                                                                 \
    "warning: nobody can log in on '*:4190': there is no TLS, and passwords are not taken in "     \
    "clear text\n"

/* One text parsed: the settings or NULL, and what was said. */
struct parsed {
    struct settings *settings;
    struct buffer errors;
    char *said; /* the errors as a string */
};

struct parsed settings_parse_source(struct settings_source *source);
struct parsed settings_of(const char *text);
void parsed_free(struct parsed *parsed);
/* Settings for a test of something else; what is wrong with the text fails the test. */
struct settings *settings_made(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Parse what has no error and no warning. */
struct parsed settings_of_clean(const char *text);
void settings_expect_said(const char *text, const char *said);
/* With malloc. */
char *settings_shown(const struct settings *settings, bool all, bool where);
/* What is shown reads back as the same settings. */
void settings_expect_round_trip(const struct settings *settings);

#endif
