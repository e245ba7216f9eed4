/* Profiles: the defaults of other mail servers, for who moves from one. What is written in the file
 * counts all the same. */
#ifndef SETTINGS_PROFILE_H
#define SETTINGS_PROFILE_H

#include "settings/table.h"

/* `profile ...`, outside of blocks or of a server. */
enum setting_profile { PROFILE_INTERNET, PROFILE_EXCHANGE2003, PROFILE_IIS6, PROFILE_COUNT };
extern const char *const setting_profile_names[PROFILE_COUNT + 1]; /* NULL behind the last */

/* The default of a row as it would be written: the profile's, or else its own; NULL: none.
 * *of_profile says which. */
const char *setting_profile_default(enum setting_profile profile, const struct setting_row *row,
                                    bool *of_profile);
/* A table of what they change, in mdoc. */
void setting_profile_manual(struct buffer *out);

#endif
