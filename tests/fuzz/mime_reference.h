/* The parts of a message, found another way than mime.c finds them: by descent, part in part, each
 * line held against all boundaries around it again. Slow, and short enough to be read. */
#ifndef TESTS_FUZZ_MIME_REFERENCE_H
#define TESTS_FUZZ_MIME_REFERENCE_H

#include "base/check.h"
#include "mail/mime.h"

enum { REFERENCE_DEPTH = 101 };

struct reference {
    struct text message;
    struct mime_limits limits;
    struct arena *arena;
    size_t at;                               /* where the next line begins */
    struct text around[REFERENCE_DEPTH + 1]; /* boundaries of the parts around, "": none */
    unsigned count;                          /* of parts */
    /* The line that ended a part: where it begins, and whose boundary it is, outermost 0. */
    size_t stop;
    unsigned whose;
    bool closes;
};

static struct text reference_line(const struct reference *walk)
{
    struct text rest = text_from_position(walk->message, walk->at);
    return text_head(rest, text_find(rest, '\n') + 1);
}

/* Whether the line is a boundary of one of the parts around, of which there are so many. */
static bool reference_stops(struct reference *walk, unsigned depth, struct text line)
{
    size_t longest = 0;
    for (unsigned i = 0; i < depth; i++) {
        struct text boundary = walk->around[i];
        if (boundary.length == 0 || boundary.length < longest ||
            !text_starts_with(line, TEXT("--")) ||
            !text_starts_with(text_from_position(line, 2), boundary))
            continue;
        longest = boundary.length;
        walk->whose = i;
        walk->stop = walk->at;
        walk->closes = text_starts_with(text_from_position(line, 2 + boundary.length), TEXT("--"));
    }
    return longest > 0;
}

/* Pass lines over until one is a boundary; false at the end of the message, and behind a blank
 * line, and then *blank. */
static bool reference_pass_header(struct reference *walk, unsigned depth, bool *blank)
{
    *blank = false;
    while (walk->at < walk->message.length && !*blank) {
        struct text line = reference_line(walk);
        bool stops = reference_stops(walk, depth, line);
        walk->at += line.length;
        if (stops)
            return true;
        *blank = text_equals(line, TEXT("\n")) || text_equals(line, TEXT("\r\n"));
    }
    return false;
}

/* The same over blank lines, too. */
static bool reference_pass(struct reference *walk, unsigned depth)
{
    bool stops, blank;
    do
        stops = reference_pass_header(walk, depth, &blank);
    while (!stops && blank);
    return stops;
}

static bool reference_may_open(const struct reference *walk, unsigned depth)
{
    return depth <= walk->limits.max_depth && walk->count < walk->limits.max_parts;
}

/* Without the line end that belongs to the boundary. */
static size_t reference_end(const struct reference *walk, bool stopped)
{
    if (!stopped)
        return walk->message.length;
    size_t end = walk->stop - 1;
    return end > 0 && walk->message.data[end - 1] == '\r' ? end - 1 : end;
}

static void reference_add(struct mime_part *parent, struct mime_part *part)
{
    part->parent = parent;
    if (parent == NULL)
        return;
    if (parent->first_child == NULL)
        parent->first_child = part;
    else
        parent->last_child->next = part;
    parent->last_child = part;
}

static bool reference_part(struct reference *walk, struct mime_part *parent, unsigned depth,
                           struct mime_part **out);

/* What lies in the part whose header was read. True when a boundary of one around ended it. */
static bool reference_body(struct reference *walk, struct mime_part *part, unsigned depth)
{
    struct mime_part *child;
    walk->around[depth] = TEXT("");
    if (mime_holds_message(&part->type, part->encoding) && reference_may_open(walk, depth + 1))
        return reference_part(walk, part, depth + 1, &child);
    if (text_equals(part->type.value, TEXT("multipart")))
        walk->around[depth] = mime_usable_boundary(&part->type);
    bool stopped = reference_pass(walk, depth + 1);
    while (stopped && walk->whose == depth) {
        if (walk->closes)
            walk->around[depth] = TEXT("");
        if (!walk->closes && reference_may_open(walk, depth + 1))
            stopped = reference_part(walk, part, depth + 1, &child);
        else
            stopped = reference_pass(walk, depth + 1);
    }
    return stopped;
}

/* The part that begins here. True when a boundary of one around ended it. */
static bool reference_part(struct reference *walk, struct mime_part *parent, unsigned depth,
                           struct mime_part **out)
{
    struct mime_part *part = arena_alloc(walk->arena, sizeof(*part));
    size_t start = walk->at;
    bool blank, stopped;
    reference_add(parent, part);
    walk->count++;
    stopped = reference_pass_header(walk, depth, &blank);
    size_t body = blank ? walk->at : reference_end(walk, stopped);
    struct text header =
        text_head(text_from_position(walk->message, start), body > start ? body - start : 0);
    mime_part_read(part, header, walk->arena);
    if (blank)
        stopped = reference_body(walk, part, depth);
    size_t end = reference_end(walk, stopped);
    part->header_start = start < end ? start : end;
    part->body_start = body < end ? body : end;
    part->header_length = part->body_start - part->header_start;
    part->body_length = end - part->body_start;
    *out = part;
    return stopped;
}

/* Both trees have the same parts at the same places. */
static void reference_expect(const struct mime_part *part, const struct mime_part *reference)
{
    while (part != NULL && reference != NULL) {
        check(part->header_start == reference->header_start);
        check(part->header_length == reference->header_length);
        check(part->body_start == reference->body_start);
        check(part->body_length == reference->body_length);
        check(text_equals(part->type.value, reference->type.value));
        part = mime_part_next(part);
        reference = mime_part_next(reference);
        check((part == NULL) == (reference == NULL));
        check(part == NULL || (part->parent == NULL) == (reference->parent == NULL));
        check(part == NULL || part->parent->body_start == reference->parent->body_start);
    }
}

static void mime_reference_check(struct text message, struct mime_limits limits,
                                 const struct mime_tree *tree)
{
    struct arena arena;
    struct mime_part *root;
    arena_init(&arena);
    struct reference walk = {.message = message, .limits = limits, .arena = &arena};
    check(!reference_part(&walk, NULL, 0, &root));
    check(walk.count == tree->part_count);
    reference_expect(tree->root, root);
    arena_finish(&arena);
}

#endif
