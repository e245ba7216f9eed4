/* A queue whose folder "in" is picked up, with "bad" for what is no mail, and files in them. */
#ifndef TESTS_UNIT_PICKUP_SCENE_H
#define TESTS_UNIT_PICKUP_SCENE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue_peer.h"

/* Until what is on the disk was looked at again. */
enum { LOOK_MS = 30 * SECOND, MOMENT_ROUNDS = 100 };

#define TO_ALICE "To: alice@local.test\nSubject: x\n\n"

static int64_t now; /* in the test's hand */

static inline const char *path_of(const struct queue_peer *peer, const char *name)
{
    static char path[2][400];
    static unsigned used;
    char *out = path[used++ % 2];
    snprintf(out, sizeof(path[0]), "%s/%s", peer->directory, name);
    return out;
}

static inline void make(const struct queue_peer *peer, const char *name)
{
    EXPECT(mkdir(path_of(peer, name), 0700) == 0);
}

static inline void set(struct queue_peer *peer, const char *lines)
{
    char all[2000];
    snprintf(all, sizeof(all), "pickup %s/in\nbadmail folder %s/bad\n%s", peer->directory,
             peer->directory, lines);
    queue_peer_add_settings(peer, all);
}

/* It starts with these lines. */
static inline void start_with(struct queue_peer *peer, const char *lines)
{
    set(peer, lines);
    queue_peer_close(peer);
    queue_peer_open(peer);
}

static inline void start(struct queue_peer *peer, const char *lines)
{
    make(peer, "in");
    make(peer, "bad");
    start_with(peer, lines);
}

static inline void write_file(const struct queue_peer *peer, const char *name, struct text bytes)
{
    int fd = open(path_of(peer, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    EXPECT(fd >= 0 && write(fd, bytes.data, bytes.length) == (ssize_t)bytes.length);
    EXPECT(close(fd) == 0);
}

/* Whole when it gets its name, as programs should. */
static inline void put(const struct queue_peer *peer, const char *name, struct text bytes)
{
    write_file(peer, "unfinished", bytes);
    EXPECT(rename(path_of(peer, "unfinished"), path_of(peer, name)) == 0);
}

static inline bool is_there(const struct queue_peer *peer, const char *name)
{
    return access(path_of(peer, name), F_OK) == 0;
}

static inline void expect_gone(const struct queue_peer *peer, const char *name)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && is_there(peer, name); i++)
        queue_peer_work();
    EXPECT(!is_there(peer, name));
}

static inline void wait_a_moment(void)
{
    for (unsigned i = 0; i < MOMENT_ROUNDS; i++)
        queue_peer_work();
}

/* The name of a file in the folder that ends so, once there is one. */
static inline void find(const struct queue_peer *peer, const char *folder, const char *ending,
                        char out[300])
{
    bool found = false;
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && !found; i++) {
        DIR *entries = opendir(path_of(peer, folder));
        for (struct dirent *entry; !found && (entry = readdir(entries)) != NULL;) {
            found = text_ends_with_nocase(text_from(entry->d_name), text_from(ending));
            snprintf(out, 300, "%s/%s", folder, entry->d_name);
        }
        closedir(entries);
        queue_peer_work();
    }
    EXPECT(found);
}

#endif
