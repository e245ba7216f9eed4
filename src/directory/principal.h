/* Users by the names that Kerberos and Windows have for them. */
#ifndef DIRECTORY_PRINCIPAL_H
#define DIRECTORY_PRINCIPAL_H

#include "directory/directory.h"

/* The key of the user that a Kerberos principal ("alice@EXAMPLE.TEST") is, by the realms of the
 * settings; in arena. REFUSED: no realm or user of ours, or one who may not log in. TRY_LATER. Does
 * not yield. */
enum status directory_principal_find(struct directory *directory, struct text principal,
                                     struct arena *arena, struct text *key);

/* The key of a name as it is typed to log in: an address, a bare name in the first domain, or
 * DOMAIN, a backslash and the user, as Windows has it. In arena. REFUSED: it is no name of ours.
 * That there is such a user it does not say. Does not yield. */
enum status directory_login_name(const struct directory *directory, struct text written,
                                 struct arena *arena, struct text *key);

#endif
