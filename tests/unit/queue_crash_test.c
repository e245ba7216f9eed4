/* Kill the process at every named point, many times over, and look what is left: each message that
 * was acknowledged is there exactly once, and the index says what the log says. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue_peer.h"

enum { CLIENTS = 8, BODY = 20000 };

static int acknowledged_fd;
static struct queue_peer *shared;

static void deliver_for_ever(void *argument)
{
    unsigned client = *(unsigned *)argument;
    char *body = malloc(BODY * 20);
    memset(body, 'b', BODY * 20);
    for (unsigned turn = 0;; turn++) {
        /* Some are too large for one record. */
        size_t size = (client + turn) % 7 == 0 ? BODY * 20 : BODY;
        struct queue_peer_mail mail = {.sender = TEXT("a@remote.example"),
                                       .body = text_of(body, size),
                                       .to = {TEXT("alice@local.test"), TEXT("x@far.example")},
                                       .to_count = 2};
        if (queue_peer_mail(shared, &mail) == OK)
            check(write(acknowledged_fd, &mail.id, sizeof(mail.id)) == sizeof(mail.id));
    }
}

static void work_until_killed(struct queue_peer *peer)
{
    struct task_group group;
    unsigned clients[CLIENTS];
    shared = peer;
    task_group_init(&group);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = i;
        task_spawn(&group, "client", deliver_for_ever, &clients[i]);
    }
    task_group_wait(&group, clock_monotonic_ms() + MINUTE);
    _exit(3); /* not killed in time: the point was never passed */
}

static uint64_t acknowledged[100000];
static unsigned acknowledged_count;

static void expect_all_there(struct queue_peer *peer)
{
    struct store *store = queue_store(peer->queue);
    struct arena arena;
    arena_init(&arena);
    struct mailbox *box = mailbox_find(store, TEXT("alice@local.test"), TEXT("INBOX"));
    unsigned count = 0;
    const struct mailbox_entry *entries = NULL;
    if (box != NULL) {
        mailbox_open(box);
        entries = mailbox_entries(box, &count);
    }
    for (unsigned i = 0; i < acknowledged_count; i++) {
        unsigned times = 0;
        for (unsigned k = 0; k < count; k++)
            times += entries[k].message == acknowledged[i];
        struct message message;
        if (times != 1 || !store_message(store, acknowledged[i], &arena, &message) ||
            message.references != 2)
            fail_msg("message %u is there %u times", i, times);
    }
    EXPECT(queue_counts_now(peer->queue).messages == count);
    struct buffer body;
    buffer_init(&body, 1 << 20);
    for (unsigned k = 0; k < count && k < 50; k++) {
        buffer_reset(&body, 1 << 20);
        EXPECT(store_read(store, entries[k].message, 0, 1 << 20, &body) == OK);
        EXPECT(body.length == BODY || body.length == BODY * 20);
        EXPECT(text_find(buffer_text(&body), 'b') == 0);
    }
    buffer_finish(&body);
    mailbox_close(&box);
    arena_finish(&arena);
}

static void crash_at(const char *point, bool on_disk)
{
    char directory[] = "/tmp/mailroot-crash-XXXXXX";
    int ends[2];
    check(mkdtemp(directory) != NULL && pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setenv("MAILROOT_CRASH_AT", point, 1);
        acknowledged_fd = ends[1];
        queue_peer_run_in(directory, on_disk, work_until_killed);
        _exit(4);
    }
    close(ends[1]);
    acknowledged_count = 0;
    while (acknowledged_count < 100000 && read(ends[0], &acknowledged[acknowledged_count], 8) == 8)
        acknowledged_count++;
    close(ends[0]);
    int result;
    EXPECT(waitpid(child, &result, 0) == child);
    EXPECT(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
    queue_peer_run_in(directory, on_disk, expect_all_there);
    queue_peer_remove(directory);
}

TEST("a kill at any point loses nothing that was acknowledged")
{
    static const char *const points[] = {"after-append", "after-chunk", "after-commit",
                                         "after-apply", "before-answer"};
    static const unsigned passes[] = {1, 2, 37, 150};
    for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        for (unsigned k = 0; k < sizeof(passes) / sizeof(passes[0]); k++) {
            char point[64];
            bool on_disk = (i + k) % 2 == 0;
            snprintf(point, sizeof(point), "%s:%u", points[i], passes[k]);
            crash_at(point, on_disk);
        }
}
