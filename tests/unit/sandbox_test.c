/* What the kernel denies each role, tried in a child of its own. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/sandbox.h"
#include "test.h"

static char directory[] = "/tmp/mailroot-sandbox-XXXXXX";

static bool can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool can_use_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool can_execute(void)
{
    char *const arguments[] = {"true", NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execv("/bin/true", arguments);
        _exit(1);
    }
    int how = 1;
    return waitpid(pid, &how, 0) == pid && how == 0;
}

static bool can_signal_others(void)
{
    return kill(getppid(), 0) == 0;
}

/* One letter for each thing that can be done. */
static void try_everything(char out[16])
{
    char path[80], *end = out;
    snprintf(path, sizeof(path), "%s/new", directory);
    *end++ = can_open(path, O_RDWR | O_CREAT) ? 'd' : '-';
    *end++ = can_open("/etc/passwd", O_RDONLY) ? 'e' : '-';
    *end++ = can_open("/tmp/mailroot-sandbox-x", O_RDWR | O_CREAT) ? 't' : '-';
    *end++ = can_use_socket(AF_INET) ? 'i' : '-';
    *end++ = can_use_socket(AF_UNIX) ? 'u' : '-';
    *end++ = can_use_socket(AF_PACKET) ? 'p' : '-';
    *end++ = can_execute() ? 'x' : '-';
    *end++ = can_signal_others() ? 'k' : '-';
    *end++ = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? '-' : 'n';
    *end++ = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 ? '-' : 's';
    *end = '\0';
}

static void in_role(enum role_kind kind, int out)
{
    char done[16] = "?";
    struct buffer granted;
    buffer_init(&granted, 500);
    struct role role = *role_find(kind);
    role.user = "no-such-user"; /* the tests' directory is not theirs */
    const struct sandbox sandbox = {
        .data_directory = role.data == NULL ? TEXT("") : text_from(directory), .required = true};
    if (sandbox_enter(&role, &sandbox, &granted) == OK)
        try_everything(done);
    if (write(out, done, strlen(done)) < 0)
        _exit(1);
    _exit(0);
}

static void expect_can(enum role_kind kind, const char *expected)
{
    int ends[2], how;
    char done[16] = "";
    check(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0)
        in_role(kind, ends[1]);
    close(ends[1]);
    EXPECT(read(ends[0], done, sizeof(done) - 1) > 0);
    close(ends[0]);
    EXPECT(waitpid(pid, &how, 0) == pid);
    /* A kernel without landlock or seccomp can't be tested. */
    if (strcmp(done, "?") != 0)
        assert_string_equal(done, expected);
}

TEST("no role can do more than its row of the table says")
{
    check(mkdtemp(directory) != NULL);
    char path[80];
    expect_can(ROLE_FRONT, "----------");
    expect_can(ROLE_STORE, "d---------");
    expect_can(ROLE_AUTH, "d---------");
    expect_can(ROLE_SEND, "-e-i------");
    snprintf(path, sizeof(path), "%s/new", directory);
    unlink(path);
    rmdir(directory);
}
