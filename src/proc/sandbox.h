/* Least privilege: what a role may not do is taken away before it serves. */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H

#include "base/status.h"
#include "proc/role.h"

/* Confine this process for the role, for ever: no new privileges, the role's system user (when
 * started by root and that user exists), no capabilities, landlock for files and TCP, seccomp for
 * families of calls no role needs. Call before any thread exists. data_directory is the role's
 * own, "" when it has none. granted gets what the kernel agreed to, for the log. REFUSED when
 * required and the kernel cannot. */
enum status sandbox_enter(const struct role *role, struct text data_directory, bool required,
                          struct buffer *granted);

/* The role's user id and group id when we are root and the user exists; else false. */
bool sandbox_user(const struct role *role, unsigned *uid, unsigned *gid);

#endif
