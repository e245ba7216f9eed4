/* Lines again, as in mime_scan, but never more of one in memory than tells what it is. */
#include "mail/mime_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "mail/header.h"

enum {
    LINE_START_MOST = 512, /* more than the longest boundary with its dashes */
    FIELDS_MOST = 2 * MIME_FIELD_MAX,
};

struct level {
    struct mime_walk_part part;
    bool is_digest;
    size_t boundary_start; /* in walk->boundaries */
    size_t boundary_length;
};

enum line_kind { LINE_BOUNDARY, LINE_HEADER, LINE_CONTENT };

struct mime_walk {
    struct mime_limits limits;
    mime_walk_take *take;
    void *context;
    struct level *levels; /* from the message to the innermost open part */
    unsigned level_count, part_count;
    struct buffer boundaries;
    bool in_header;       /* of the innermost */
    bool in_field;        /* one of those gathered in `fields` */
    bool opens_part;      /* when the line of a boundary has ended */
    struct buffer fields; /* Content-Type and Content-Transfer-Encoding of this header */
    struct arena arena;   /* of a header's parameters */
    struct buffer start;  /* of a line that is not told yet */
    bool in_line;         /* what comes continues a line told in part */
    enum line_kind line_kind;
    char line_end[2]; /* content held back: it may belong to a boundary */
    unsigned line_end_length;
};

struct mime_walk *mime_walk_new(struct mime_limits limits, mime_walk_take *take, void *context)
{
    struct mime_walk *walk = calloc(1, sizeof(*walk));
    check(walk != NULL && limits.max_parts > 0);
    walk->limits = limits;
    walk->take = take;
    walk->context = context;
    walk->levels = calloc((size_t)limits.max_depth + 1, sizeof(*walk->levels));
    check(walk->levels != NULL);
    buffer_init(&walk->boundaries, ((size_t)limits.max_depth + 1) * MIME_BOUNDARY_MAX);
    buffer_init(&walk->fields, FIELDS_MOST);
    buffer_init(&walk->start, LINE_START_MOST);
    arena_init(&walk->arena);
    return walk;
}

void mime_walk_free(struct mime_walk **walk)
{
    if (*walk == NULL)
        return;
    buffer_finish(&(*walk)->boundaries);
    buffer_finish(&(*walk)->fields);
    buffer_finish(&(*walk)->start);
    arena_finish(&(*walk)->arena);
    free((*walk)->levels);
    free(*walk);
    *walk = NULL;
}

static struct level *innermost(struct mime_walk *walk)
{
    return &walk->levels[walk->level_count - 1];
}

static void tell(struct mime_walk *walk, enum mime_walk_event event, struct text bytes)
{
    walk->take(walk->context, &innermost(walk)->part, event, bytes);
}

/* Parts */

static void open_part(struct mime_walk *walk)
{
    if (walk->level_count > walk->limits.max_depth || walk->part_count >= walk->limits.max_parts)
        return tell(walk, MIME_WALK_CUT, TEXT(""));
    int parent = walk->level_count == 0 ? -1 : (int)innermost(walk)->part.number;
    walk->levels[walk->level_count++] =
        (struct level){.part = {.number = walk->part_count++, .parent = parent},
                       .boundary_start = walk->boundaries.length};
    walk->in_header = true;
    walk->in_field = false;
    buffer_reset(&walk->fields, LINE_START_MOST);
    tell(walk, MIME_WALK_PART, TEXT(""));
}

static void close_part(struct mime_walk *walk)
{
    tell(walk, MIME_WALK_PART_END, TEXT(""));
    buffer_cut(&walk->boundaries, innermost(walk)->boundary_start);
    walk->level_count--;
    walk->in_header = false;
}

/* RFC 2045 5.2, and RFC 2046 5.1.5 for the parts of a digest. */
static void set_default_type(struct mime_walk *walk, struct mime_walk_part *part)
{
    bool in_digest = walk->level_count > 1 && walk->levels[walk->level_count - 2].is_digest;
    part->type.value = in_digest ? TEXT("message") : TEXT("text");
    part->type.subtype = in_digest ? TEXT("rfc822") : TEXT("plain");
}

static void read_fields(struct mime_walk *walk, struct mime_walk_part *part)
{
    struct text rest = buffer_text(&walk->fields), encoding = {0};
    struct header_field field;
    part->type = (struct mime_field){0};
    arena_reset(&walk->arena);
    while (header_next_valid(&rest, &field)) {
        if (text_equals_nocase(field.name, TEXT("Content-Type")) && !part->has_type) {
            mime_field_parse(field.body, &walk->arena, &part->type);
            part->has_type = true;
        } else if (text_equals_nocase(field.name, TEXT("Content-Transfer-Encoding")) &&
                   encoding.length == 0) {
            encoding = header_unfold(text_head(field.body, MIME_FIELD_MAX), &walk->arena);
        }
    }
    part->encoding = mime_encoding_of(encoding);
    if (part->type.value.length == 0 || part->type.subtype.length == 0)
        set_default_type(walk, part);
}

static void note_boundary(struct mime_walk *walk, struct level *level)
{
    struct text boundary = mime_usable_boundary(&level->part.type);
    level->boundary_length = boundary.length;
    buffer_append(&walk->boundaries, boundary);
}

/* The blank line of the innermost part's header. */
static void end_header(struct mime_walk *walk, struct text line)
{
    struct level *level = innermost(walk);
    struct mime_walk_part *part = &level->part;
    walk->in_header = false;
    read_fields(walk, part);
    if (text_equals(part->type.value, TEXT("multipart"))) {
        note_boundary(walk, level);
        level->is_digest = text_equals(part->type.subtype, TEXT("digest"));
        part->kind = level->boundary_length > 0 ? MIME_MULTIPART : MIME_LEAF;
    } else if (mime_holds_message(&part->type, part->encoding)) {
        part->kind = MIME_MESSAGE;
    }
    tell(walk, MIME_WALK_HEADER_END, line);
    part->type = (struct mime_field){0};
    if (part->kind == MIME_MESSAGE)
        open_part(walk);
}

/* Content */

static void tell_content(struct mime_walk *walk, struct text bytes)
{
    enum mime_walk_kind kind = innermost(walk)->part.kind;
    if (!text_is_empty(bytes))
        tell(walk, kind == MIME_LEAF ? MIME_WALK_BODY : MIME_WALK_AROUND, bytes);
}

static void release_line_end(struct mime_walk *walk)
{
    char held[sizeof(walk->line_end)];
    unsigned length = walk->line_end_length;
    memcpy(held, walk->line_end, sizeof(held));
    walk->line_end_length = 0;
    tell_content(walk, text_of(held, length));
}

/* A piece of content, but for the line end that may turn out to be another's. */
static void take_content(struct mime_walk *walk, struct text bytes)
{
    bool completes =
        walk->line_end_length == 1 && walk->line_end[0] == '\r' && text_equals(bytes, TEXT("\n"));
    if (completes) {
        walk->line_end[walk->line_end_length++] = '\n';
        return;
    }
    release_line_end(walk);
    size_t length = bytes.length;
    if (length > 0 && bytes.data[length - 1] == '\n')
        length--;
    if (length > 0 && bytes.data[length - 1] == '\r')
        length--;
    walk->line_end_length = (unsigned)(bytes.length - length);
    memcpy(walk->line_end, bytes.data + length, walk->line_end_length);
    tell_content(walk, text_head(bytes, length));
}

/* Lines */

/* The index of the level whose boundary the line bears, or -1; of two that fit the longer one is
 * meant, of equal ones the inner (RFC 2046 5.1.1). */
static int find_boundary(const struct mime_walk *walk, struct text line)
{
    int found = -1;
    size_t longest = 0;
    if (!text_starts_with(line, TEXT("--")))
        return -1;
    struct text rest = text_from_position(line, 2);
    for (int i = (int)walk->level_count - 1; i >= 0; i--) {
        const struct level *level = &walk->levels[i];
        struct text boundary =
            text_head(text_from_position(buffer_text(&walk->boundaries), level->boundary_start),
                      level->boundary_length);
        if (boundary.length > longest && text_starts_with(rest, boundary)) {
            longest = boundary.length;
            found = i;
        }
    }
    return found;
}

static void take_boundary(struct mime_walk *walk, unsigned index, struct text line)
{
    char held[sizeof(walk->line_end)];
    unsigned length = walk->line_end_length;
    memcpy(held, walk->line_end, sizeof(held));
    walk->line_end_length = 0;
    while (walk->level_count > index + 1)
        close_part(walk);
    if (length > 0)
        tell(walk, MIME_WALK_LINE_END, text_of(held, length));
    tell(walk, MIME_WALK_BOUNDARY, line);
    struct level *level = innermost(walk);
    walk->line_kind = LINE_BOUNDARY;
    if (text_starts_with(text_from_position(line, 2 + level->boundary_length), TEXT("--")))
        level->boundary_length = 0; /* an epilogue follows */
    else
        walk->opens_part = true;
}

static void gather_field(struct mime_walk *walk, struct text bytes)
{
    if (walk->in_field && !buffer_append(&walk->fields, bytes))
        tell(walk, MIME_WALK_CUT, TEXT(""));
}

static void take_header_line(struct mime_walk *walk, struct text line)
{
    walk->line_kind = LINE_HEADER;
    if (line.data[0] != ' ' && line.data[0] != '\t')
        walk->in_field = text_starts_with_nocase(line, TEXT("Content-T"));
    gather_field(walk, line);
    tell(walk, MIME_WALK_HEADER, line);
}

static bool is_blank_line(struct text line)
{
    return text_equals(line, TEXT("\r\n")) || text_equals(line, TEXT("\n"));
}

/* A whole line, or so much of a long one that nothing else can be made of it. */
static void take_line(struct mime_walk *walk, struct text line)
{
    int boundary = find_boundary(walk, line);
    walk->in_line = line.data[line.length - 1] != '\n';
    if (boundary >= 0) {
        take_boundary(walk, (unsigned)boundary, line);
    } else if (!walk->in_header) {
        walk->line_kind = LINE_CONTENT;
        take_content(walk, line);
    } else if (is_blank_line(line)) {
        end_header(walk, line);
    } else {
        take_header_line(walk, line);
    }
}

/* More of a long line. */
static void take_more(struct mime_walk *walk, struct text bytes)
{
    walk->in_line = bytes.data[bytes.length - 1] != '\n';
    switch (walk->line_kind) {
    case LINE_BOUNDARY:
        return tell(walk, MIME_WALK_BOUNDARY_MORE, bytes);
    case LINE_CONTENT:
        return take_content(walk, bytes);
    case LINE_HEADER:
        gather_field(walk, bytes);
        return tell(walk, MIME_WALK_HEADER_MORE, bytes);
    }
}

static void open_part_when_due(struct mime_walk *walk)
{
    if (!walk->opens_part)
        return;
    walk->opens_part = false;
    open_part(walk);
}

/* Take a line's start off *bytes; false when there is too little to tell what the line is. */
static bool next_line(struct mime_walk *walk, struct text *bytes, struct text *line)
{
    size_t room = LINE_START_MOST - walk->start.length;
    struct text taken = text_head(*bytes, text_find(text_head(*bytes, room), '\n') + 1);
    taken = text_head(taken, room);
    *bytes = text_from_position(*bytes, taken.length);
    bool is_enough = taken.length == room || taken.data[taken.length - 1] == '\n';
    *line = taken;
    if (is_enough && walk->start.length == 0)
        return true;
    buffer_append(&walk->start, taken);
    *line = buffer_text(&walk->start);
    return is_enough;
}

void mime_walk_feed(struct mime_walk *walk, struct text bytes)
{
    struct text line;
    if (walk->level_count == 0)
        open_part(walk);
    while (!text_is_empty(bytes)) {
        if (walk->in_line) {
            line = text_head(bytes, text_find(bytes, '\n') + 1);
            bytes = text_from_position(bytes, line.length);
            take_more(walk, line);
        } else if (next_line(walk, &bytes, &line)) {
            take_line(walk, line);
            buffer_reset(&walk->start, LINE_START_MOST);
        }
        if (!walk->in_line)
            open_part_when_due(walk);
    }
}

void mime_walk_end(struct mime_walk *walk)
{
    if (walk->level_count == 0)
        open_part(walk);
    if (walk->start.length > 0)
        take_line(walk, buffer_text(&walk->start));
    open_part_when_due(walk);
    release_line_end(walk);
    while (walk->level_count > 0)
        close_part(walk);
}
