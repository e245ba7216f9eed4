/* Least privilege: what a role may not do is taken away before it serves. */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H

#include "base/status.h"
#include "proc/role.h"

/* Confine this process for the role, for ever: no new privileges, the role's system user (when
 * started by root and that user exists), no capabilities, landlock for files and TCP, seccomp for
 * families of calls no role needs. Call before any thread exists. granted gets what the kernel
 * agreed to, for the log. REFUSED when required and the kernel cannot. */
struct sandbox {
    struct text data_directory;  /* the role's own; "" when it has none */
    const char *const *readable; /* other files and directories it reads; need not exist */
    unsigned readable_count;
    const char *const *writable; /* directories beside its own that it works in; the same */
    unsigned writable_count;
    bool required;
};
enum status sandbox_enter(const struct role *role, const struct sandbox *sandbox,
                          struct buffer *granted);

/* The role's user id and group id when we are root and the user exists; else false. */
bool sandbox_user(const struct role *role, unsigned *uid, unsigned *gid);

#endif
