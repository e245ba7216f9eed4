/* Users by the names that Kerberos and Windows have for them. */
#ifndef DIRECTORY_PRINCIPAL_H
#define DIRECTORY_PRINCIPAL_H

#include "directory/directory.h"

/* The key of the user that a Kerberos principal ("alice@EXAMPLE.TEST") is, by the realms of the
 * settings; in arena. REFUSED: no realm or user of ours, or one who may not log in. TRY_LATER. Does
 * not yield. */
enum status directory_principal_find(struct directory *directory, struct text principal,
                                     struct arena *arena, struct text *key);

#endif
