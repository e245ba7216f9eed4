#include "main/store_imap.h"

#include <stdlib.h>

#include "base/check.h"

struct imap_start {
    struct imap_options options;
    struct arena arena;
    int fd;
};

static void session_task(void *argument)
{
    struct imap_start *start = argument;
    struct stream *stream = stream_new(start->fd, NULL);
    imap_serve_mailboxes(stream, &start->options);
    stream_close(&stream);
    arena_finish(&start->arena);
    free(start);
}

void store_imap_begin(struct task_group *group, const struct imap_options *options, int fd)
{
    struct imap_start *start = calloc(1, sizeof(*start));
    check(start != NULL);
    *start = (struct imap_start){.options = *options, .fd = fd};
    arena_init(&start->arena);
    start->options.user = arena_copy(&start->arena, options->user);
    start->options.peer = arena_copy(&start->arena, options->peer);
    task_spawn(group, "imap", session_task, start);
}
