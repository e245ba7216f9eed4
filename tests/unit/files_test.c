/* Mail that ends as a file, when its folder, its domain or the room for it goes and comes back. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "queue_peer.h"

#define OURS                                                                                       \
    "host mx.local.test\nlimit free-space 1MB\n"                                                   \
    "domain local.test {\n    user alice bob\n}\n"

static int64_t now;

static void folder_of(const struct queue_peer *peer, char path[100])
{
    snprintf(path, 100, "%s/folder", peer->directory);
}

static void set(struct queue_peer *peer, const char *format)
{
    char path[100], lines[1000];
    folder_of(peer, path);
    snprintf(lines, sizeof(lines), format, path);
    queue_peer_set_settings(peer, lines);
}

/* How many files are in the folder; one that is not there has none. */
static unsigned files(const struct queue_peer *peer)
{
    char path[100];
    unsigned count = 0;
    folder_of(peer, path);
    DIR *entries = opendir(path);
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;)
        count += entry->d_name[0] != '.';
    if (entries != NULL)
        closedir(entries);
    return count;
}

static void expect_files(struct queue_peer *peer, unsigned count)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && files(peer) < count; i++)
        queue_peer_work();
    EXPECT(files(peer) == count);
}

struct seen {
    char state[16], error[200];
    unsigned parts;
};

static void see(void *context, const struct queue_view *view)
{
    struct seen *seen = context;
    seen->parts++;
    text_copy(text_from(view->state), seen->state, sizeof(seen->state));
    text_copy(view->recipients[0].last_error, seen->error, sizeof(seen->error));
}

static struct seen look(struct queue_peer *peer, uint64_t id)
{
    struct seen seen = {0};
    queue_each(peer->queue, id, see, &seen);
    return seen;
}

/* Once it was tried. */
static void expect_error(struct queue_peer *peer, uint64_t id, const char *error)
{
    struct seen seen = look(peer, id);
    for (unsigned i = 0;
         i < QUEUE_PEER_ROUNDS && !text_equals(text_from(seen.error), text_from(error)); i++) {
        queue_peer_work();
        seen = look(peer, id);
    }
    EXPECT_TEXT(text_from(seen.error), error);
    EXPECT(seen.parts == 1);
}

static void drop_goes(struct queue_peer *peer)
{
    static const char none[] = "the domain dropped.test has no drop folder any more";
    char path[100], later[200];
    folder_of(peer, path);
    snprintf(later, sizeof(later), "cannot open the folder %s: No such file or directory", path);
    set(peer, OURS "domain dropped.test {\n    drop %s\n}\n");
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@dropped.test");
    expect_error(peer, id, later);
    set(peer, OURS);
    now += 2 * MINUTE;
    expect_error(peer, id, none);
    set(peer, OURS "domain dropped.test {\n    drop %s\n}\n");
    now += 2 * MINUTE;
    expect_error(peer, id, later);
    set(peer, OURS "domain dropped.test {\n    user x\n}\n");
    now += 2 * MINUTE;
    expect_error(peer, id, none);
    EXPECT(mkdir(path, 0700) == 0);
    set(peer, OURS "domain dropped.test {\n    drop %s\n}\n");
    now += 2 * MINUTE;
    expect_files(peer, 1);
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
}

TEST("mail for a domain that is dropped no more waits, and is written once it is dropped again")
{
    queue_peer_run_at(&now, drop_goes);
}

static void make_bad(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t id = queue_peer_deliver(peer, "", "x@far.example");
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == id);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.1.1", "no") == OK);
    EXPECT_TEXT(text_from(look(peer, id).state), "bad");
    arena_finish(&arena);
}

static void wait_a_moment(void)
{
    for (unsigned i = 0; i < 200; i++)
        queue_peer_work();
}

static void bad_files(struct queue_peer *peer)
{
    char path[100];
    folder_of(peer, path);
    set(peer, OURS "badmail size unlimited\nbadmail folder %s\n");
    make_bad(peer);
    wait_a_moment();
    now += 5 * MINUTE;
    wait_a_moment();
    EXPECT(mkdir(path, 0700) == 0);
    wait_a_moment();
    EXPECT(files(peer) == 0); /* it is not tried at each moment */
    now += 10 * MINUTE;
    expect_files(peer, 3);
    make_bad(peer);
    expect_files(peer, 6);
    queue_peer_remove(path);
    EXPECT(mkdir(path, 0700) == 0);
    now += DAY;
    wait_a_moment();
    EXPECT(files(peer) == 0); /* once */
    set(peer, OURS "badmail size 0\nbadmail folder %s\n");
    make_bad(peer);
    wait_a_moment();
    now += DAY;
    wait_a_moment();
    EXPECT(files(peer) == 0);
    queue_peer_remove(path);
    set(peer, OURS "badmail size 3KB\nbadmail folder %s\n");
    now += HOUR;
    wait_a_moment();
    EXPECT(mkdir(path, 0700) == 0);
    now += HOUR;
    expect_files(peer, 3);
}

TEST("bad mail is written into its folder as soon as that is there, once, and by the size allowed")
{
    queue_peer_run_at(&now, bad_files);
}
