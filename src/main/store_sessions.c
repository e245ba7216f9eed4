#include "main/store_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* What a session's task is started with; sessions idle by the thousand, so no more than that. */
struct start {
    union {
        struct imap_options imap;
        struct managesieve_options managesieve;
    };
    int fd;
    char texts[]; /* what options point to */
};

static struct start *start_new(int fd, size_t text_bytes)
{
    struct start *start = calloc(1, sizeof(*start) + text_bytes);
    check(start != NULL);
    start->fd = fd;
    return start;
}

static void imap_task(void *argument)
{
    struct start *start = argument;
    struct stream *stream = stream_new(start->fd, NULL);
    imap_serve_mailboxes(stream, &start->imap);
    stream_close(&stream);
    free(start);
}

void store_imap_begin(struct task_group *group, const struct imap_options *options, int fd)
{
    struct text user = options->user, peer = options->peer;
    struct start *start = start_new(fd, user.length + peer.length);
    memcpy(start->texts, user.data, user.length);
    memcpy(start->texts + user.length, peer.data, peer.length);
    start->imap = *options;
    start->imap.user = text_of(start->texts, user.length);
    start->imap.peer = text_of(start->texts + user.length, peer.length);
    task_spawn(group, "imap", imap_task, start);
}

static void managesieve_task(void *argument)
{
    struct start *start = argument;
    struct stream *stream = stream_new(start->fd, NULL);
    managesieve_serve_scripts(stream, &start->managesieve);
    stream_close(&stream);
    free(start);
}

void store_managesieve_begin(struct task_group *group, const struct managesieve_options *options,
                             int fd)
{
    struct text user = options->user;
    struct start *start = start_new(fd, user.length);
    memcpy(start->texts, user.data, user.length);
    start->managesieve = *options;
    start->managesieve.user = text_of(start->texts, user.length);
    task_spawn(group, "managesieve", managesieve_task, start);
}
