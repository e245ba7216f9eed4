#include "mail/mime_build.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "mail/mime_walk.h"

struct mime_build {
    struct arena *arena;
    mime_build_header *header;
    void *context;
    struct mime_walk *walk;
    struct mime_tree tree;
    struct mime_part *open; /* the innermost */
    bool in_header;
    struct buffer gathered; /* of the header */
    size_t at, lines;       /* bytes, and line ends, so far */
};

static void open_part(struct mime_build *build)
{
    struct mime_part *part = arena_alloc(build->arena, sizeof(*part));
    struct mime_part *parent = build->open;
    part->parent = parent;
    part->depth = parent == NULL ? 0 : parent->depth + 1;
    part->header_start = part->body_start = build->at;
    if (parent == NULL)
        build->tree.root = part;
    else if (parent->last_child == NULL)
        parent->first_child = part;
    else
        parent->last_child->next = part;
    if (parent != NULL)
        parent->last_child = part;
    build->tree.part_count++;
    build->open = part;
    build->in_header = true;
    buffer_reset(&build->gathered, 4096);
}

/* The body begins here. */
static void end_header(struct mime_build *build)
{
    struct mime_part *part = build->open;
    build->in_header = false;
    part->body_start = build->at;
    part->header_length = build->at - part->header_start;
    part->body_lines = build->lines;
    mime_part_read(part, buffer_text(&build->gathered), build->arena);
    if (build->header != NULL)
        build->header(build->context, part, buffer_text(&build->gathered));
}

static void close_part(struct mime_build *build)
{
    struct mime_part *part = build->open;
    if (build->in_header)
        end_header(build);
    part->body_length = build->at - part->body_start;
    part->body_lines = build->lines - part->body_lines;
    build->open = part->parent;
}

static void count(struct mime_build *build, struct text bytes)
{
    build->at += bytes.length;
    for (size_t end; (end = text_find(bytes, '\n')) < bytes.length;
         bytes = text_from_position(bytes, end + 1))
        build->lines++;
}

static void take(void *context, const struct mime_walk_part *part, enum mime_walk_event event,
                 struct text bytes)
{
    struct mime_build *build = context;
    unused(part);
    count(build, bytes);
    switch (event) {
    case MIME_WALK_PART:
        open_part(build);
        break;
    case MIME_WALK_HEADER:
    case MIME_WALK_HEADER_MORE:
        buffer_append(&build->gathered, text_head(bytes, MIME_HEADER_MAX - build->gathered.length));
        break;
    case MIME_WALK_HEADER_END:
        end_header(build);
        break;
    case MIME_WALK_PART_END:
        close_part(build);
        break;
    case MIME_WALK_CUT:
        build->tree.is_cut = true;
        break;
    case MIME_WALK_BODY:
    case MIME_WALK_AROUND:
    case MIME_WALK_LINE_END:
    case MIME_WALK_BOUNDARY:
    case MIME_WALK_BOUNDARY_MORE:
        break;
    }
}

struct mime_build *mime_build_new(struct mime_limits limits, struct arena *arena,
                                  mime_build_header *header, void *context)
{
    struct mime_build *build = calloc(1, sizeof(*build));
    check(build != NULL);
    build->arena = arena;
    build->header = header;
    build->context = context;
    build->walk = mime_walk_new(limits, take, build);
    buffer_init(&build->gathered, MIME_HEADER_MAX);
    return build;
}

void mime_build_feed(struct mime_build *build, struct text bytes)
{
    mime_walk_feed(build->walk, bytes);
}

void mime_build_end(struct mime_build **ended, struct mime_tree *out)
{
    struct mime_build *build = *ended;
    mime_walk_end(build->walk);
    *out = build->tree;
    mime_walk_free(&build->walk);
    buffer_finish(&build->gathered);
    free(build);
    *ended = NULL;
}
