/* Landlock states intent (paths, TCP ports); seccomp takes away families of system calls that are
 * never needed; capabilities and set-user-id are gone. A deny-list, not an allow-list: strict
 * lists break with each libc. */
#include "proc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"

/* Debian 12's headers stop before these. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)

struct landlock_rules {
    uint64_t files;
    uint64_t net; /* from ABI 4 on */
};

#define FILE_READ                                                                                  \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FILE_ALL ((1ULL << 13) - 1) /* everything ABI 1 knows */

static int landlock_abi(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static bool allow_path(int ruleset, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long result = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(fd);
    return result == 0;
}

static bool allow_reading(int ruleset, const char *path)
{
    struct stat about;
    bool is_directory = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    /* The kernel takes no rule about directories for a file. */
    return allow_path(ruleset, path,
                      LANDLOCK_ACCESS_FS_READ_FILE |
                          (is_directory ? LANDLOCK_ACCESS_FS_READ_DIR : 0));
}

static bool allow_role_paths(int ruleset, const struct role *role, const struct sandbox *sandbox,
                             uint64_t all)
{
    bool allowed = true;
    if ((role->may & MAY_USE_DATA) != 0) {
        char *path = text_to_string(sandbox->data_directory);
        allowed = allow_path(ruleset, path, all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
        free(path);
    }
    if ((role->may & MAY_READ_SYSTEM) != 0)
        allowed = allowed && allow_path(ruleset, "/etc", FILE_READ) &&
                  allow_path(ruleset, "/usr", FILE_READ) && allow_path(ruleset, "/run", FILE_READ);
    for (unsigned i = 0; i < sandbox->readable_count; i++)
        allowed = allowed && allow_reading(ruleset, sandbox->readable[i]);
    for (unsigned i = 0; i < sandbox->writable_count; i++)
        allowed = allowed && allow_path(ruleset, sandbox->writable[i],
                                        all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
#ifdef MAILROOT_ASAN
    /* The leak checker reads its own maps. */
    allowed = allowed && allow_path(ruleset, "/proc", FILE_READ);
#endif
    return allowed;
}

static enum status enter_landlock(const struct role *role, const struct sandbox *sandbox,
                                  struct buffer *granted)
{
    int abi = landlock_abi();
    if (abi < 1)
        return try_later("landlock is not available: %m");
    struct landlock_rules rules = {.files = FILE_ALL};
    if (abi >= 2)
        rules.files |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rules.files |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi >= 4)
        rules.net = NET_BIND_TCP | ((role->may & MAY_CONNECT) != 0 ? 0 : NET_CONNECT_TCP);
    size_t size = abi >= 4 ? sizeof(rules) : sizeof(rules.files);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return try_later("landlock: %m");
    bool entered = allow_role_paths(ruleset, role, sandbox, rules.files) &&
                   syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int failure = errno;
    close(ruleset);
    errno = failure;
    if (!entered)
        return try_later("landlock: %m");
    buffer_printf(granted, " landlock=%d%s", abi, abi >= 4 ? "+net" : "");
    return OK;
}

static const int denied_calls[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(bpf),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(reboot),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(personality),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(tkill),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
#ifndef MAILROOT_ASAN
    SCMP_SYS(ptrace), /* the leak checker traces its own threads */
#endif
};

static bool deny_sockets(scmp_filter_ctx filter, const struct role *role)
{
    uint32_t deny = SCMP_ACT_ERRNO(EPERM);
    if ((role->may & MAY_CONNECT) == 0)
        return seccomp_rule_add(filter, deny, SCMP_SYS(socket), 0) == 0;
    /* Internet only: no local ones, behind which our own control sockets are, no packet, vsock ...
     */
    bool added = true;
    for (int family = 0; family < 64; family++)
        if (family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
            added = added && seccomp_rule_add(filter, deny, SCMP_SYS(socket), 1,
                                              SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family)) == 0;
    return added;
}

/* Roles may run under one user, so the kernel would let each end the others. */
static bool deny_signals(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo),
                                SCMP_SYS(rt_tgsigqueueinfo)};
    bool added = true;
    for (unsigned i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        added = added && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 1,
                                          SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid())) == 0;
    return added;
}

static enum status enter_seccomp(const struct role *role, struct buffer *granted)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return try_later("seccomp is not available");
    bool added = deny_sockets(filter, role) && deny_signals(filter);
    for (unsigned i = 0; i < sizeof(denied_calls) / sizeof(*denied_calls); i++)
        if (denied_calls[i] >= 0) /* negative: unknown on this architecture */
            added =
                added && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied_calls[i], 0) == 0;
    int loaded = added ? seccomp_load(filter) : -EINVAL;
    seccomp_release(filter);
    if (loaded != 0)
        return errno = -loaded, try_later("seccomp: %m");
    buffer_append(granted, TEXT(" seccomp"));
    return OK;
}

bool sandbox_user(const struct role *role, unsigned *uid, unsigned *gid)
{
    if (geteuid() != 0)
        return false;
    const struct passwd *user = getpwnam(role->user);
    if (user == NULL)
        return false;
    *uid = user->pw_uid;
    *gid = user->pw_gid;
    return true;
}

static enum status drop_identity(const struct role *role, struct buffer *granted)
{
    unsigned uid, gid;
    if (sandbox_user(role, &uid, &gid)) {
        if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
            setresuid(uid, uid, uid) != 0)
            return refused("cannot become user %s: %m", role->user);
        buffer_printf(granted, " user=%s", role->user);
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0)
        return refused("cannot drop capabilities: %m");
    buffer_append(granted, TEXT(" capabilities=none"));
    return OK;
}

enum status sandbox_enter(const struct role *role, const struct sandbox *sandbox,
                          struct buffer *granted)
{
    clock_local_east_ms(clock_wall_ms()); /* reads the time zone */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refused("cannot give up new privileges: %m");
    enum status status = drop_identity(role, granted);
    if (status != OK)
        return status;
    enum status landlock = enter_landlock(role, sandbox, granted);
    if (landlock != OK && sandbox->required)
        return fail_within(REFUSED, "sandbox required");
    enum status seccomp = enter_seccomp(role, granted);
    if (seccomp != OK && sandbox->required)
        return fail_within(REFUSED, "sandbox required");
    return OK;
}
