/* THE PROFILES: what each sets otherwise than the rows do. Only what those servers document as a
 * default; whom we trust (relay, login, tls) never depends on a profile. */
#include "settings/profile.h"

#include <string.h>

const char *const setting_profile_names[PROFILE_COUNT + 1] = {
    [PROFILE_INTERNET] = "internet",
    [PROFILE_EXCHANGE2003] = "exchange2003",
    [PROFILE_IIS6] = "iis6",
    [PROFILE_COUNT] = NULL,
};

/* Extensions younger than those servers. */
#define YOUNGER "SMTPUTF8 REQUIRETLS DELIVERBY FUTURERELEASE MT-PRIORITY LIMITS EXPN"

/* By profile; NULL: as internet has it, which is the row's own default. */
static const struct profile_row {
    enum setting_kind_id kind;
    const char *row;
    const char *defaults[PROFILE_COUNT];
} profile_rows[] = {
    /* of                               exchange2003  iis6 */
    {KIND_SERVER, "limit message", {NULL, "0", "2MB"}},
    {KIND_SERVER, "limit session-size", {NULL, NULL, "10MB"}},
    {KIND_SERVER, "limit recipients", {NULL, "64000", "100"}},
    {KIND_SERVER, "limit hops", {NULL, NULL, "15"}},
    {KIND_SERVER, "limit idle", {NULL, "10m", "10m"}},
    {KIND_SERVER, "hello-name", {NULL, "optional", "optional"}},
    {KIND_SERVER, "bare-addresses", {NULL, "taken", "taken"}},
    {KIND_SERVER, "without", {NULL, YOUNGER, YOUNGER " X-EXPS X-EXPS=LOGIN X-LINK2STATE XEXCH50"}},
    {KIND_CONNECTOR, "limit connections", {NULL, "100", "100"}},
    {KIND_CONNECTOR, "limit messages", {NULL, "20", "20"}},
    {KIND_CONNECTOR, "limit recipients", {NULL, "64000", NULL}},
    {KIND_SERVER, "unknown-recipients", {NULL, "report", NULL}},
    {KIND_FILTER, "sender then", {NULL, "drop", NULL}},
    {KIND_RETRY, "after", {NULL, NULL, "15m 30m 1h then 4h"}},
};
enum { PROFILE_ROWS = sizeof(profile_rows) / sizeof(*profile_rows) };

const char *setting_profile_default(enum setting_profile profile, const struct setting_row *row,
                                    bool *of_profile)
{
    for (unsigned i = 0; i < PROFILE_ROWS; i++) {
        const struct profile_row *about = &profile_rows[i];
        *of_profile = about->kind == row->kind && strcmp(about->row, row->name) == 0 &&
                      about->defaults[profile] != NULL;
        if (*of_profile)
            return about->defaults[profile];
    }
    *of_profile = false;
    return row->standard;
}

void setting_profile_manual(struct buffer *out)
{
    buffer_append(out, TEXT(".Sh PROFILES\n"
                            "With\n"
                            ".Ic profile\n"
                            "a server that replaces another one begins with that one's defaults.\n"
                            "What is written in the file counts all the same, and whom we trust\n"
                            ".Pq Ic relay , login , tls\n"
                            "does not depend on it.\n"
                            ".Ic mailroot config show --all\n"
                            "tells which values come from a profile.\n"));
    for (unsigned profile = 1; profile < PROFILE_COUNT; profile++) {
        buffer_printf(out, ".Ss profile %s\n.Bl -tag -width Ds\n", setting_profile_names[profile]);
        for (unsigned i = 0; i < PROFILE_ROWS; i++)
            if (profile_rows[i].defaults[profile] != NULL)
                buffer_printf(out, ".It Ic %s No of %s\n%s\n", profile_rows[i].row,
                              setting_kinds[profile_rows[i].kind].word,
                              profile_rows[i].defaults[profile]);
        buffer_append(out, TEXT(".El\n"));
    }
}
