/* Mail whose bytes the disk has lost: it is not sent, and its sender hears of it all the same. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue_peer.h"

#define BODY "a body that the medium alters"

static int64_t now;

static void run(void (*test)(struct queue_peer *peer))
{
    now = 1790000000000;
    char directory[] = "/tmp/mailroot-queue-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    clock_set_for_test(&now);
    queue_peer_run_in(directory, true, test); /* the index knows it, whatever the log says */
    clock_set_for_test(NULL);
    queue_peer_remove(directory);
}

/* Flip a bit of the body in the file, where it is in there. */
static bool damage(const char *path)
{
    static char bytes[1 << 20];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
    struct text text = text_of(bytes, length > 0 ? (size_t)length : 0);
    size_t at = text_find_text(text, TEXT(BODY));
    bool found = at < text.length;
    if (found) {
        char other = bytes[at] ^ 1;
        EXPECT(pwrite(fd, &other, 1, (off_t)at) == 1);
    }
    if (fd >= 0)
        close(fd);
    return found;
}

static void damage_message(struct queue_peer *peer)
{
    char folder[128], path[512];
    unsigned found = 0;
    snprintf(folder, sizeof(folder), "%s/log/segments", peer->directory);
    DIR *entries = opendir(folder);
    EXPECT(entries != NULL);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        found += damage(path);
    }
    closedir(entries);
    EXPECT(found == 1);
}

static void expired(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: hello\r\n\r\n" BODY "\r\n"),
                                   .to = {TEXT("x@far.example")},
                                   .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    queue_peer_deliver(peer, "alice@local.test", "bob@local.test"); /* behind it in the log */
    queue_peer_close(peer);
    damage_message(peer);
    queue_peer_open(peer);
    EXPECT(queue_peer_rests(peer)); /* it is not sent */
    now += 48 * HOUR;
    EXPECT(queue_peer_stays_below(peer, "alice@local.test", 1)); /* a file may still come back */
    now += HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text report = queue_peer_read(peer, "alice@local.test", 0, &arena);
    EXPECT(text_find_text(report, TEXT("5.4.7")) < report.length);
    EXPECT(text_find_text(report, TEXT("could not be read from our disk")) < report.length);
    EXPECT(text_find_text(report, TEXT("rfc822-headers")) == report.length);
    EXPECT(text_find_text(report, TEXT("Content-Type: message/rfc822")) == report.length);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
    arena_finish(&arena);
}

TEST("when mail that can't be read expires its report goes without it, and says so")
{
    run(expired);
}
