#include "mail/alternative.h"

#include "mail/header.h"
#include "mail/mime.h"

struct reducing {
    struct text message;
    struct arena *arena;
    struct alternative_pieces *out;
    unsigned capacity;
    bool is_over; /* there are too many */
};

static void add(struct reducing *reducing, size_t begin, size_t end)
{
    struct alternative_pieces *out = reducing->out;
    if (begin >= end)
        return;
    out->size += end - begin;
    if (out->count > 0 &&
        out->at[out->count - 1].offset + out->at[out->count - 1].length == begin) {
        out->at[out->count - 1].length += end - begin;
        return;
    }
    if (out->count == ALTERNATIVE_PIECES_MOST) {
        reducing->is_over = true;
        return;
    }
    if (out->count == reducing->capacity) {
        unsigned capacity = out->count == 0 ? 16 : out->count * 2;
        struct alternative_piece *more = arena_array(reducing->arena, capacity, sizeof(*more));
        for (unsigned i = 0; i < out->count; i++)
            more[i] = out->at[i];
        out->at = more;
        reducing->capacity = capacity;
    }
    out->at[out->count++] = (struct alternative_piece){begin, end - begin};
}

static bool is_type(const struct mime_part *part, const char *type, const char *subtype)
{
    return text_equals_nocase(part->type.value, text_from(type)) &&
           text_equals_nocase(part->type.subtype, text_from(subtype));
}

/* RFC 2046 5.1.4: the last is the richest; of plain text the first will do. */
static const struct mime_part *choose(const struct mime_part *alternative,
                                      enum alternative_kind kind)
{
    const struct mime_part *chosen = NULL;
    for (const struct mime_part *part = alternative->first_child; part != NULL; part = part->next) {
        const struct mime_part *first = part->first_child;
        bool is_html =
            is_type(part, "text", "html") || (is_type(part, "multipart", "related") &&
                                              first != NULL && is_type(first, "text", "html"));
        if (kind == ALTERNATIVE_HTML ? is_html : chosen == NULL && is_type(part, "text", "plain"))
            chosen = part;
    }
    return chosen;
}

/* The fields of a header that are about its content, or all others. */
static void add_fields(struct reducing *reducing, const struct mime_part *part, bool of_content)
{
    struct text header =
        text_head(text_from_position(reducing->message, part->header_start), part->header_length);
    struct header_field field;
    while (header_next_valid(&header, &field)) {
        size_t begin = (size_t)(field.whole.data - reducing->message.data);
        if (text_starts_with_nocase(field.name, TEXT("Content-")) == of_content)
            add(reducing, begin, begin + field.whole.length);
    }
}

static size_t body_end(const struct mime_part *part)
{
    return part->body_start + part->body_length;
}

/* The message itself is the alternative: its header, with what the chosen part says of itself. */
static void add_whole(struct reducing *reducing, const struct mime_part *root,
                      const struct mime_part *chosen)
{
    struct text message = reducing->message;
    size_t blank = root->body_start, end = body_end(chosen);
    blank -= blank >= 2 && message.data[blank - 2] == '\r' ? 2 : 1;
    add_fields(reducing, root, false);
    add_fields(reducing, chosen, true);
    add(reducing, blank, root->body_start);
    /* The line end that belongs to the boundary ends its last line. */
    struct text rest = text_from_position(message, end);
    size_t line_end = text_starts_with(rest, TEXT("\r\n")) ? 2 : text_starts_with(rest, TEXT("\n"));
    add(reducing, chosen->body_start, end + line_end);
}

/* Behind all that is in it. */
static const struct mime_part *next_beside(const struct mime_part *part)
{
    while (part != NULL && part->next == NULL)
        part = part->parent;
    return part == NULL ? NULL : part->next;
}

static bool stays_whole(const struct mime_part *part)
{
    return is_type(part, "multipart", "signed") || is_type(part, "multipart", "encrypted") ||
           text_equals_nocase(part->type.value, TEXT("message"));
}

static bool end(const struct reducing *reducing)
{
    if (reducing->is_over)
        *reducing->out = (struct alternative_pieces){0};
    return !reducing->is_over;
}

bool alternative_reduce(struct text message, enum alternative_kind kind, struct arena *arena,
                        struct alternative_pieces *out)
{
    struct reducing reducing = {.message = message, .arena = arena, .out = out};
    struct mime_tree tree;
    size_t done = 0;
    *out = (struct alternative_pieces){0};
    mime_scan(message, MIME_LIMITS_DEFAULT, arena, &tree);
    if (tree.is_cut)
        return false;
    for (const struct mime_part *part = tree.root; part != NULL;) {
        const struct mime_part *chosen =
            is_type(part, "multipart", "alternative") ? choose(part, kind) : NULL;
        if (chosen != NULL && part == tree.root) {
            add_whole(&reducing, part, chosen);
            return end(&reducing);
        }
        if (chosen != NULL) {
            add(&reducing, done, part->header_start);
            add(&reducing, chosen->header_start, body_end(chosen));
            done = body_end(part);
        }
        part = chosen != NULL || stays_whole(part) ? next_beside(part) : mime_part_next(part);
    }
    if (done == 0)
        return false;
    add(&reducing, done, message.length);
    return end(&reducing);
}
