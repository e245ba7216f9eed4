/* Files beside its own that a role reads for logins: keytabs, tickets, tokens, Kerberos' own
 * settings. The settings and the environment name them, the sandbox lets them through. */
#ifndef PROC_LOGIN_FILES_H
#define PROC_LOGIN_FILES_H

#include "base/arena.h"
#include "proc/role.h"

enum { LOGIN_FILES_MAX = 100 };

/* Paths, in arena and NUL-ended, that the role may read; of files that others replace it is their
 * directory, for the new one is another file to the kernel. How many. */
unsigned login_files(const struct settings *settings, enum role_kind kind, struct arena *arena,
                     const char *out[LOGIN_FILES_MAX]);

#endif
