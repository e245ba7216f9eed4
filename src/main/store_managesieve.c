#include "main/store_managesieve.h"

#include <stdlib.h>

#include "base/check.h"

struct managesieve_start {
    struct managesieve_options options;
    struct arena arena;
    int fd;
};

static void session_task(void *argument)
{
    struct managesieve_start *start = argument;
    struct stream *stream = stream_new(start->fd, NULL);
    managesieve_serve_scripts(stream, &start->options);
    stream_close(&stream);
    arena_finish(&start->arena);
    free(start);
}

void store_managesieve_begin(struct task_group *group, const struct managesieve_options *options,
                             int fd)
{
    struct managesieve_start *start = calloc(1, sizeof(*start));
    check(start != NULL);
    *start = (struct managesieve_start){.options = *options, .fd = fd};
    arena_init(&start->arena);
    start->options.user = arena_copy(&start->arena, options->user);
    task_spawn(group, "managesieve", session_task, start);
}
