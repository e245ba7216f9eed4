/* THE PROFILES AND ROLES: what each sets otherwise than the rows do. Of a profile only what those
 * servers document as a default; whom we trust (relay, login, tls) depends on neither. */
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
    {KIND_SERVER, "resolve-senders", {NULL, "logged-in", NULL}},
    {KIND_SERVER, "unknown-recipients", {NULL, "report", NULL}},
    {KIND_FILTER, "sender then", {NULL, "drop", NULL}},
    {KIND_POLICY, "deny", {NULL, "out-of-office automatic-reply", NULL}},
    {KIND_RETRY, "after", {NULL, NULL, "15m 30m 1h then 4h"}},
};
enum { PROFILE_ROWS = sizeof(profile_rows) / sizeof(*profile_rows) };

const char *const setting_role_names[SETTING_ROLE_COUNT + 1] = {
    [SETTING_ROLE_ALL] = "all",
    [SETTING_ROLE_FRONT_END] = "front-end",
    [SETTING_ROLE_BRIDGEHEAD] = "bridgehead",
    [SETTING_ROLE_MAILBOX] = "mailbox",
    [SETTING_ROLE_COUNT] = NULL,
};

/* By role; NULL: as without one. */
static const struct role_row {
    enum setting_kind_id kind;
    const char *row;
    const char *defaults[SETTING_ROLE_COUNT];
} role_rows[] = {
    /* of                                              front-end  bridgehead  mailbox */
    {KIND_SERVER, "anonymous", {NULL, NULL, NULL, "no"}},
    {KIND_SERVER, "reverse-lookup", {NULL, "on", NULL, NULL}},
    {KIND_SERVER, "tarpit", {NULL, "5s", NULL, NULL}},
    {KIND_SERVER, "etrn", {NULL, "logged-in", NULL, "nobody"}},
    {KIND_SERVER, "limit connections-per-address", {NULL, "50", "1000", "1000"}},
    {KIND_CONNECTOR, "limit connections", {NULL, NULL, "100", NULL}},
};
enum { ROLE_ROWS = sizeof(role_rows) / sizeof(*role_rows) };

static const struct role_facts {
    const char *plain, *with_certificate; /* where it listens when the file has no server */
    bool tells_links;                     /* and in a routing group for link states */
    const char *what;                     /* for the manual */
} role_facts[SETTING_ROLE_COUNT] = {
    [SETTING_ROLE_ALL] = {"listen *:25 *:587 *:110 *:143 *:4190",
                          "listen *:25 *:587 *:465 *:110 *:995 *:143 *:993 *:4190", false, ""},
    [SETTING_ROLE_FRONT_END] = {"listen *:25 *:587", "listen *:25 *:587 *:465", false,
                                "It takes mail in, from the outside and from users who send, and "
                                "has no mailboxes."},
    [SETTING_ROLE_BRIDGEHEAD] = {"listen *:25", "listen *:25", true,
                                 "It moves mail between routing groups, and to and from the "
                                 "outside.\nUsers do not come to it."},
    [SETTING_ROLE_MAILBOX] = {"listen *:25 *:587 *:110 *:143 *:4190",
                              "listen *:25 *:587 *:465 *:110 *:995 *:143 *:993 *:4190", true,
                              "It has the mailboxes.\nMail comes to it from users, and from the "
                              "other servers, which log in."},
};

const char *setting_role_listens(enum setting_role role, bool has_certificate)
{
    return has_certificate ? role_facts[role].with_certificate : role_facts[role].plain;
}

bool setting_role_tells_links(enum setting_role role)
{
    return role_facts[role].tells_links;
}

static bool is_row(const struct setting_row *row, enum setting_kind_id kind, const char *name)
{
    return row->kind == kind && strcmp(row->name, name) == 0;
}

const char *setting_preset_default(const struct setting_preset *preset,
                                   const struct setting_row *row, enum setting_default *of)
{
    *of = DEFAULT_OF_ROLE;
    for (unsigned i = 0; i < ROLE_ROWS; i++)
        if (is_row(row, role_rows[i].kind, role_rows[i].row) &&
            role_rows[i].defaults[preset->role] != NULL)
            return role_rows[i].defaults[preset->role];
    *of = DEFAULT_OF_PROFILE;
    for (unsigned i = 0; i < PROFILE_ROWS; i++)
        if (is_row(row, profile_rows[i].kind, profile_rows[i].row) &&
            profile_rows[i].defaults[preset->profile] != NULL)
            return profile_rows[i].defaults[preset->profile];
    *of = DEFAULT_OF_ROW;
    return row->standard;
}

static void put_manual_row(enum setting_kind_id kind, const char *row, const char *standard,
                           struct buffer *out)
{
    buffer_printf(out, ".It Ic %s No of %s\n%s\n", row, setting_kinds[kind].word, standard);
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
                put_manual_row(profile_rows[i].kind, profile_rows[i].row,
                               profile_rows[i].defaults[profile], out);
        buffer_append(out, TEXT(".El\n"));
    }
}

void setting_role_manual(struct buffer *out)
{
    buffer_append(out, TEXT(".Sh ROLES\n"
                            "Of several servers in a routing group each should do its own part:\n"
                            "with one file for all of them every one is open to everybody, and\n"
                            "fails for every reason.\n"
                            "With\n"
                            ".Ic role\n"
                            "these defaults hold, before those of a profile; what is written in\n"
                            "the file counts all the same, and\n"
                            ".Ic mailroot config check\n"
                            "warns of what does not go with the role, and of a member of a group\n"
                            "of several that has none and does everything: it takes mail from\n"
                            "strangers\n"
                            ".Pq Ic anonymous yes , No beyond loopback ,\n"
                            "listens for POP3 or IMAP, and sends by a connector of its own.\n"));
    for (unsigned role = 1; role < SETTING_ROLE_COUNT; role++) {
        buffer_printf(out, ".Ss role %s\n", setting_role_names[role]);
        buffer_printf(out, "%s\n.Bl -tag -width Ds\n", role_facts[role].what);
        buffer_printf(
            out, ".It No Without a server block\n%s%s\n", role_facts[role].with_certificate,
            role_facts[role].tells_links ? ", and in a routing group *:691 link-state" : "");
        for (unsigned i = 0; i < ROLE_ROWS; i++)
            if (role_rows[i].defaults[role] != NULL)
                put_manual_row(role_rows[i].kind, role_rows[i].row, role_rows[i].defaults[role],
                               out);
        buffer_append(out, TEXT(".El\n"));
    }
}
