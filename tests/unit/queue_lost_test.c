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

/* Flip the same bit of each body in the file, or back; how many there are. */
static unsigned damage(const char *path)
{
    static char bytes[1 << 20];
    unsigned found = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
    struct text text = text_of(bytes, length > 0 ? (size_t)length : 0);
    for (size_t at = 0; at < text.length; at++) {
        if (!text_starts_with(text_from_position(text, at), TEXT(BODY)))
            continue;
        char other = bytes[at + sizeof(BODY)] ^ 1;
        EXPECT(pwrite(fd, &other, 1, (off_t)(at + sizeof(BODY))) == 1);
        found++;
    }
    if (fd >= 0)
        close(fd);
    return found;
}

/* So many messages have it. */
static void damage_messages(struct queue_peer *peer, unsigned count)
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
    EXPECT(found == count);
}

static uint64_t deliver(struct queue_peer *peer, const char *to)
{
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: hello\r\n\r\n" BODY " once or twice\r\n"),
                                   .to = {text_from(to)},
                                   .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    return mail.id;
}

static void expired(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    deliver(peer, "x@far.example");
    queue_peer_deliver(peer, "alice@local.test", "bob@local.test"); /* behind it in the log */
    queue_peer_close(peer);
    damage_messages(peer, 1);
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

struct failed {
    unsigned messages;
    char state[16];
    bool has_error;
};

static void see_failed(void *context, const struct queue_hop_view *view)
{
    struct failed *failed = context;
    if (!text_equals(view->name, TEXT("failed")))
        return;
    failed->messages = view->messages;
    failed->has_error = !text_is_empty(view->last_error);
    text_copy(text_from(view->state), failed->state, sizeof(failed->state));
}

static struct failed failed_now(struct queue_peer *peer)
{
    struct failed failed = {0};
    queue_each_named(peer->queue, see_failed, &failed);
    return failed;
}

static void count_one(void *context, const struct queue_view *view)
{
    EXPECT_TEXT(text_from(view->queue), "failed");
    ++*(unsigned *)context;
}

static unsigned found_of(struct queue_peer *peer, const char *hop)
{
    unsigned count = 0;
    queue_find(peer->queue, &(struct queue_filter){.hop = text_from(hop)}, count_one, &count);
    return count;
}

static void comes_back(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    deliver(peer, "x@far.example");
    deliver(peer, "y@far.example");
    deliver(peer, "z@else.example");
    queue_peer_deliver(peer, "alice@local.test", "bob@local.test"); /* behind it in the log */
    queue_peer_close(peer);
    damage_messages(peer, 3);
    queue_peer_open(peer);
    EXPECT(queue_peer_rests(peer));
    struct failed failed = failed_now(peer);
    EXPECT(failed.messages == 3 && failed.has_error);
    EXPECT_TEXT(text_from(failed.state), "retry");
    EXPECT(found_of(peer, "mx:far.example") == 2 && found_of(peer, "mx:else.example") == 1);
    damage_messages(peer, 3); /* it is whole again */
    now += MINUTE;
    for (unsigned count = 0; count < 3;) {
        unsigned given = queue_peer_lease(peer, 3, &arena, &jobs);
        EXPECT(given > 0);
        for (unsigned i = 0; i < given; i++)
            EXPECT(queue_peer_sent(peer, &jobs[i]) == OK);
        count += given;
    }
    EXPECT(failed_now(peer).messages == 0 && queue_counts_now(peer->queue).items == 0);
    arena_finish(&arena);
}

TEST("mail that can't be read stands in failed and with its hop, and is sent once it can be")
{
    run(comes_back);
}
