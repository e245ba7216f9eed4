/* Users who may log in by NTLM. The plug-in that understands NTLM reads them, with their passwords,
 * from a file (NTLM_USER_FILE); we keep that file like the directory, and know whom its lines mean.
 *
 * A line is DOMAIN:USER:PASSWORD. The plug-in takes the first whose user is the claimed one and
 * whose domain is the claimed one, if any was claimed, without regard to case; so do we. Users
 * whose names are not plain ASCII are left out: case would be another for the plug-in than for us.
 */
#ifndef DIRECTORY_NTLM_USERS_H
#define DIRECTORY_NTLM_USERS_H

#include "directory/directory.h"

struct ntlm_users;

/* Some server takes logins by NTLM. */
bool ntlm_is_wanted(const struct settings *settings);
/* What the plug-in finds in the environment: the file's place, what we call ourselves, and that
 * NTLM's first version is not good enough. Before the first thread. */
void ntlm_environment_set(const struct settings *settings, const char *directory_path);

/* From now on the file follows the directory; without need of it, it is removed. */
void ntlm_users_start(struct directory *directory);
/* Something changed. Does not yield. */
void ntlm_users_changed(struct directory *directory);
/* Ends what ntlm_users_start began; the file stays. For directory_close. Does not yield. */
void ntlm_users_free(struct ntlm_users **users);

/* The file says what the directory does: OK, and which writing of it that is. TRY_LATER: it can't
 * be written. YIELDS. */
enum status ntlm_users_settle(struct directory *directory, uint64_t *writing);
/* Whom the plug-in takes a claimed name for ("DOMAIN\user" or "user"), in that writing. False:
 * nobody, or there has been another writing since. Does not yield. */
bool ntlm_users_find(struct directory *directory, uint64_t writing, struct text name,
                     char key[DIRECTORY_USER_MAX]);

/* May these be a user's name and password in the file? REFUSED with the reason. */
enum status ntlm_user_check(struct text key, struct text password);
/* One line; password as it is. Its form is guaranteed by ntlm_user_check. */
void ntlm_user_write(struct text domain, struct text user, struct text password,
                     struct buffer *out);

#endif
