/* What stands behind defaults: the profile of another mail server, for who moves from one, and the
 * part that this server has among several. What is written in the file counts all the same. */
#ifndef SETTINGS_PROFILE_H
#define SETTINGS_PROFILE_H

#include "settings/table.h"

/* `profile ...`, outside of blocks or of a server. */
enum setting_profile { PROFILE_INTERNET, PROFILE_EXCHANGE2003, PROFILE_IIS6, PROFILE_COUNT };
extern const char *const setting_profile_names[PROFILE_COUNT + 1]; /* NULL behind the last */

/* `role ...`: which part of an organisation's mail this server does. */
enum setting_role {
    SETTING_ROLE_ALL,
    SETTING_ROLE_FRONT_END,  /* takes mail from users and strangers */
    SETTING_ROLE_BRIDGEHEAD, /* moves it between groups, and to and from the outside */
    SETTING_ROLE_MAILBOX,    /* has the mailboxes */
    SETTING_ROLE_COUNT
};
extern const char *const setting_role_names[SETTING_ROLE_COUNT + 1]; /* NULL behind the last */

struct setting_preset {
    enum setting_profile profile;
    enum setting_role role;
};
/* The default of a row as it would be written: the role's, or else the profile's, or else its own;
 * NULL: none. */
enum setting_default { DEFAULT_OF_ROW, DEFAULT_OF_PROFILE, DEFAULT_OF_ROLE };
const char *setting_preset_default(const struct setting_preset *preset,
                                   const struct setting_row *row, enum setting_default *of);
/* A listen statement: where the server listens when the file has none. */
const char *setting_role_listens(enum setting_role role, bool has_certificate);
/* In a routing group it also takes link states. */
bool setting_role_tells_links(enum setting_role role);
/* Tables of what they change, in mdoc. */
void setting_profile_manual(struct buffer *out);
void setting_role_manual(struct buffer *out);

#endif
