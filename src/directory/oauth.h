/* Bearer tokens (RFC 6750) as proof of who logs in: verified by the keys in a file that the
 * settings name and that something else keeps fresh. */
#ifndef DIRECTORY_OAUTH_H
#define DIRECTORY_OAUTH_H

#include "directory/directory.h"

struct oauth;

struct oauth *oauth_new(void);
/* Accepts NULL. */
void oauth_free(struct oauth **oauth);

/* The token holds, and names a user of ours who may log in: his key. REFUSED, or TRY_LATER when the
 * keys cannot be read or nobody answers; with the reason, for the log. The file is read again when
 * it has changed, which blocks, shortly. A token that is not signed, or where there are no keys, is
 * asked about. YIELDS. */
enum status oauth_verify(struct directory *directory, struct text token,
                         char user[DIRECTORY_USER_MAX]);

#endif
