/* Which account is logged in on which session, of those accounts that mail is held for: what auth
 * found out itself at the login, so that it need not believe a front that asks for the mail. */
#ifndef DIRECTORY_FETCHERS_H
#define DIRECTORY_FETCHERS_H

#include "directory/client.h"

struct fetchers;

struct fetchers *fetchers_new(void);
/* Accepts NULL. */
void fetchers_free(struct fetchers **fetchers);
/* front: whose session it is, for ids are the front's own. The oldest goes when there are many. */
void fetchers_note(struct fetchers *fetchers, const void *front, uint64_t session,
                   struct text account);
/* Whose session it is. False: nobody's we know of. */
bool fetchers_find(struct fetchers *fetchers, const void *front, uint64_t session,
                   char account[DIRECTORY_USER_MAX]);
/* Its process is gone, and all its sessions. */
void fetchers_forget(struct fetchers *fetchers, const void *front);

#endif
