/* One file of a pickup folder. Included only from queue/. */
#ifndef QUEUE_FILES_PICKUP_FILE_H
#define QUEUE_FILES_PICKUP_FILE_H

#include "queue/internal.h"

enum pickup_result {
    PICKUP_GONE,  /* taken in, or put away as bad; also when there was none */
    PICKUP_YOUNG, /* maybe still being written */
    PICKUP_LATER, /* not now: fail_reason() says why */
};

struct pickup_folder {
    struct list link;
    char *path;
    struct text server;        /* owned: whose limits hold */
    int directory;             /* -1: not open */
    int watch;                 /* of inotify; -1: none */
    bool is_swept, has_failed; /* the latter: which was logged */
    struct buffer
        settled; /* wire texts: identities of files taken in that are not there any more */
};

enum { PICKUP_SETTLE_MS = 1000, PICKUP_SETTLED_MAX = 4 << 20 };

/* Take the file in, or put it away. moved: it was moved into place, so it is whole. YIELDS. */
enum pickup_result pickup_take(struct queue *queue, struct pickup_folder *folder, const char *name,
                               bool moved);
/* The owner and name under which it is remembered that a file was taken in, until it is gone. */
enum { PICKUP_IDENTITY_BYTES = 80 };
struct stat;
const char *pickup_identity(const struct stat *about, char out[PICKUP_IDENTITY_BYTES]);

#endif
