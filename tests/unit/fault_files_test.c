/* Mail that comes as a file, or ends as one, while the n-th call fails. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault_peer.h"

enum { RECOVERED = 1, ROUNDS_MOST = 300, ROUNDS_AT_LAST = 20000 };

static const char *path_of(const struct queue_peer *peer, const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", peer->directory, name);
    return path;
}

static unsigned files_in(const struct queue_peer *peer, const char *name)
{
    unsigned count = 0;
    DIR *entries = opendir(path_of(peer, name));
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;)
        count += entry->d_name[0] != '.';
    if (entries != NULL)
        closedir(entries);
    return count;
}

static void make(const struct queue_peer *peer, const char *name)
{
    fault_expect(mkdir(path_of(peer, name), 0700) == 0, "a folder is made");
}

/* The queue begins anew with these folders. False: it did not. */
static bool begin_with(struct queue_peer *peer, bool has_pickup)
{
    char lines[600];
    snprintf(lines, sizeof(lines),
             "host mx.local.test\nlimit free-space 1MB\n"
             "domain local.test {\n    user alice bob carol\n}\n"
             "domain dropped.test {\n    drop %s/drop\n}\n%s%s%s\nbadmail folder %s/bad\n",
             peer->directory, has_pickup ? "pickup " : "", has_pickup ? peer->directory : "",
             has_pickup ? "/in" : "", peer->directory);
    queue_peer_set_settings(peer, lines);
    queue_peer_close(peer);
    return queue_peer_try_open(peer) == OK;
}

static void wait_until_empty(const struct queue_peer *peer, const char *name, unsigned rounds)
{
    for (unsigned i = 0; i < rounds && files_in(peer, name) > 0; i++)
        queue_peer_work();
}

/* ---- A file that is picked up ---- */

static void prepare_file(struct queue_peer *peer)
{
    static const char bytes[] = "From: bob@local.test\nTo: alice@local.test\nSubject: x\n\nbody\n";
    make(peer, "in");
    make(peer, "bad");
    int fd = open(path_of(peer, "in/a.eml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    fault_expect(fd >= 0 && write(fd, bytes, sizeof(bytes) - 1) == (ssize_t)sizeof(bytes) - 1,
                 "a file is written");
    close(fd);
}

static void act_pickup(struct queue_peer *peer)
{
    fault_begin();
    bool is_open = begin_with(peer, true);
    if (is_open)
        wait_until_empty(peer, "in", ROUNDS_MOST);
    fault_end();
    if (is_open)
        fault_peer_recovers(peer, RECOVERED);
}

static void look_pickup(struct queue_peer *peer)
{
    fault_expect(begin_with(peer, true), "it begins anew");
    wait_until_empty(peer, "in", ROUNDS_AT_LAST);
    fault_peer_is_clean(peer);
    fault_expect(files_in(peer, "in") == 0, "the file is gone in the end");
    fault_expect(queue_peer_count(peer, "alice@local.test") == 1, "its mail is there once");
    fault_expect(files_in(peer, "bad") == 0, "and was not taken for bad");
    fault_peer_has_recovered(peer, RECOVERED);
}

TEST("a file is picked up once, whatever fails meanwhile")
{
    fault_peer_loop(
        &(struct fault_peer){"pickup", prepare_file, act_pickup, look_pickup, .is_long = true});
}

/* ---- Mail that ends as a file ---- */

static void prepare_drop(struct queue_peer *peer)
{
    fault_expect(begin_with(peer, false), "it begins");
    fault_expect(fault_peer_mail(peer, "a@far.example", "x@dropped.test", "y@dropped.test", 3000) ==
                     OK,
                 "it is prepared");
    queue_peer_close(peer); /* there was no folder */
    make(peer, "drop");
    fault_expect(queue_peer_try_open(peer) == OK, "it begins again");
}

static void act_drop(struct queue_peer *peer)
{
    fault_begin();
    bool is_open = begin_with(peer, false);
    for (unsigned i = 0; is_open && i < ROUNDS_MOST && files_in(peer, "drop") == 0; i++)
        queue_peer_work();
    fault_end();
    if (is_open)
        fault_peer_recovers(peer, RECOVERED);
}

static void look_drop(struct queue_peer *peer)
{
    fault_expect(begin_with(peer, false), "it begins anew");
    queue_retry(peer->queue, 0, TEXT(""));
    for (unsigned i = 0; i < ROUNDS_AT_LAST && queue_counts_now(peer->queue).items > 0; i++)
        queue_peer_work();
    fault_peer_is_clean(peer);
    fault_expect(queue_counts_now(peer->queue).items == 0, "nothing waits any more");
    fault_expect(files_in(peer, "drop") == 1, "it is a file, once");
    fault_peer_has_recovered(peer, RECOVERED);
}

TEST("mail for a folder becomes one file, whatever fails meanwhile")
{
    fault_peer_loop(
        &(struct fault_peer){"drop", prepare_drop, act_drop, look_drop, .is_long = true});
}
