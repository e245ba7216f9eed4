/* One pass over the lines, with a stack of the parts that are open. A line that begins with "--"
 * is held against the boundaries on the stack, which is as deep as the limit and no deeper: that
 * is the whole of the cost beyond reading the lines. */
#include "mail/mime.h"

#include <string.h>

#include "base/check.h"
#include "mail/header.h"

struct open_part {
    struct mime_part *part;
    struct text boundary; /* of a multipart that is not closed; else "" */
};

struct scan {
    struct text message;
    struct mime_limits limits;
    struct arena *arena;
    struct mime_tree *tree;
    struct open_part *stack; /* from the root to the innermost open part */
    unsigned open_count;
    bool in_header; /* of the innermost */
    size_t lines;   /* ended so far */
};

struct line {
    size_t start;
    struct text text; /* with its end */
};

/* Fields of a part */

enum mime_encoding mime_encoding_of(struct text name)
{
    static const struct {
        const char *name;
        enum mime_encoding encoding;
    } rows[] = {{"7bit", MIME_7BIT},
                {"8bit", MIME_8BIT},
                {"binary", MIME_BINARY},
                {"base64", MIME_BASE64},
                {"quoted-printable", MIME_QUOTED_PRINTABLE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_equals_nocase(name, text_from(rows[i].name)))
            return rows[i].encoding;
    return name.length == 0 ? MIME_7BIT : MIME_ENCODING_UNKNOWN;
}

static struct text *plain_field(struct mime_part *part, struct text name)
{
    const struct {
        struct text name;
        struct text *place;
    } rows[] = {{TEXT("Content-Transfer-Encoding"), &part->encoding_name},
                {TEXT("Content-ID"), &part->id},
                {TEXT("Content-Description"), &part->description},
                {TEXT("Content-MD5"), &part->md5},
                {TEXT("Content-Language"), &part->language},
                {TEXT("Content-Location"), &part->location}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_equals_nocase(name, rows[i].name))
            return rows[i].place;
    return NULL;
}

/* RFC 2045 5.2, and RFC 2046 5.1.5 for the parts of a digest. */
static void set_default_type(struct mime_part *part)
{
    bool in_digest = part->parent != NULL &&
                     text_equals(part->parent->type.value, TEXT("multipart")) &&
                     text_equals(part->parent->type.subtype, TEXT("digest"));
    part->type.value = in_digest ? TEXT("message") : TEXT("text");
    part->type.subtype = in_digest ? TEXT("rfc822") : TEXT("plain");
}

void mime_part_read(struct mime_part *part, struct text header, struct arena *arena)
{
    struct header_field field;
    bool has_type = false, has_disposition = false;
    while (header_next_valid(&header, &field)) {
        struct text *place;
        if (!text_starts_with_nocase(field.name, TEXT("Content-")))
            continue;
        if (!has_type && text_equals_nocase(field.name, TEXT("Content-Type"))) {
            mime_field_parse(field.body, arena, &part->type);
            has_type = true;
        } else if (!has_disposition &&
                   text_equals_nocase(field.name, TEXT("Content-Disposition"))) {
            mime_field_parse(field.body, arena, &part->disposition);
            has_disposition = true;
        } else if ((place = plain_field(part, field.name)) != NULL && place->length == 0) {
            *place = header_unfold(text_head(field.body, MIME_FIELD_MAX), arena);
        }
    }
    if (part->type.value.length == 0 || part->type.subtype.length == 0)
        set_default_type(part);
    part->encoding = mime_encoding_of(part->encoding_name);
}

/* Opening and closing */

static struct open_part *innermost(struct scan *scan)
{
    return &scan->stack[scan->open_count - 1];
}

/* A new part inside the innermost one, its header beginning at start; none when a limit says so. */
static void open_part(struct scan *scan, size_t start)
{
    struct mime_part *parent = scan->open_count == 0 ? NULL : innermost(scan)->part;
    unsigned depth = parent == NULL ? 0 : parent->depth + 1;
    if (depth > scan->limits.max_depth || scan->tree->part_count >= scan->limits.max_parts) {
        scan->tree->is_cut = true;
        return;
    }
    struct mime_part *part = arena_alloc(scan->arena, sizeof(*part));
    part->parent = parent;
    part->depth = depth;
    part->header_start = part->body_start = start;
    if (parent != NULL && parent->last_child == NULL)
        parent->first_child = part;
    else if (parent != NULL)
        parent->last_child->next = part;
    if (parent != NULL)
        parent->last_child = part;
    scan->stack[scan->open_count++] = (struct open_part){.part = part};
    scan->tree->part_count++;
    scan->in_header = true;
}

struct text mime_usable_boundary(const struct mime_field *type)
{
    const struct mime_parameter *parameter = mime_parameter_find(type, TEXT("boundary"));
    struct text boundary = parameter == NULL ? TEXT("") : text_trim(parameter->value);
    return boundary.length <= MIME_BOUNDARY_MAX ? boundary : TEXT("");
}

bool mime_holds_message(const struct mime_field *type, enum mime_encoding encoding)
{
    return text_equals(type->value, TEXT("message")) &&
           (text_equals(type->subtype, TEXT("rfc822")) ||
            text_equals(type->subtype, TEXT("global"))) &&
           encoding <= MIME_BINARY;
}

/* The header of the innermost part has ended before `start`. */
static void begin_body(struct scan *scan, size_t start)
{
    struct open_part *open = innermost(scan);
    struct mime_part *part = open->part;
    scan->in_header = false;
    part->body_start = start;
    part->body_lines = scan->lines;
    mime_part_read(part,
                   text_head(text_from_position(scan->message, part->header_start),
                             start - part->header_start),
                   scan->arena);
    if (text_equals(part->type.value, TEXT("multipart")))
        open->boundary = mime_usable_boundary(&part->type);
    else if (mime_holds_message(&part->type, part->encoding))
        open_part(scan, start);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Close the innermost part at end, before which `lines` lines have ended. Where the line end
 * before a boundary is also the one of a blank line or of another boundary, it belongs to the
 * last boundary, and what begins behind it is empty. */
static void close_part(struct scan *scan, size_t end, size_t lines)
{
    struct mime_part *part = innermost(scan)->part;
    if (scan->in_header) {
        size_t start = smaller(part->header_start, end);
        part->body_start = end;
        part->body_lines = lines;
        mime_part_read(part, text_head(text_from_position(scan->message, start), end - start),
                       scan->arena);
        scan->in_header = false;
    }
    part->header_start = smaller(part->header_start, end);
    part->body_start = smaller(part->body_start, end);
    part->header_length = part->body_start - part->header_start;
    part->body_length = end - part->body_start;
    part->body_lines = lines > part->body_lines ? lines - part->body_lines : 0;
    scan->open_count--;
}

/* Lines */

/* The open multipart whose boundary the line bears, or NULL. RFC 2046 5.1.1: the boundary must
 * appear in its entirety behind the dashes; more may follow. Of two that fit the longer one is
 * meant, of equal ones the inner. */
static struct open_part *find_boundary(struct scan *scan, struct text line)
{
    struct open_part *found = NULL;
    if (!text_starts_with(line, TEXT("--")))
        return NULL;
    struct text rest = text_from_position(line, 2);
    for (unsigned i = scan->open_count; i-- > 0;) {
        struct open_part *open = &scan->stack[i];
        if (open->boundary.length > (found == NULL ? 0 : found->boundary.length) &&
            text_starts_with(rest, open->boundary))
            found = open;
    }
    return found;
}

static void take_boundary(struct scan *scan, struct open_part *open, struct line line)
{
    /* The line end before belongs to the boundary. There is one: a header came before. */
    size_t end = line.start - 1;
    if (end > 0 && scan->message.data[end - 1] == '\r')
        end--;
    while (innermost(scan) != open)
        close_part(scan, end, scan->lines - 1);
    struct text after = text_from_position(line.text, 2 + open->boundary.length);
    if (text_starts_with(after, TEXT("--")))
        open->boundary = TEXT(""); /* an epilogue follows */
    else
        open_part(scan, line.start + line.text.length);
}

static bool is_blank_line(struct text line)
{
    return text_equals(line, TEXT("\r\n")) || text_equals(line, TEXT("\n"));
}

static void take_line(struct scan *scan, struct line line)
{
    struct open_part *open = find_boundary(scan, line.text);
    bool ended = line.text.data[line.text.length - 1] == '\n';
    if (open != NULL)
        take_boundary(scan, open, line);
    scan->lines += ended;
    if (open == NULL && scan->in_header && is_blank_line(line.text))
        begin_body(scan, line.start + line.text.length);
}

void mime_scan(struct text message, struct mime_limits limits, struct arena *arena,
               struct mime_tree *out)
{
    *out = (struct mime_tree){0};
    struct scan scan = {.message = message, .limits = limits, .arena = arena, .tree = out};
    check(limits.max_parts > 0);
    scan.stack = arena_array(arena, (size_t)limits.max_depth + 1, sizeof(*scan.stack));
    open_part(&scan, 0);
    out->root = scan.stack[0].part;
    for (struct line line = {0}; line.start < message.length; line.start += line.text.length) {
        struct text rest = text_from_position(message, line.start);
        line.text = text_head(rest, text_find(rest, '\n') + 1);
        take_line(&scan, line);
    }
    while (scan.open_count > 0)
        close_part(&scan, message.length, scan.lines);
}

struct mime_part *mime_part_next(const struct mime_part *part)
{
    if (part->first_child != NULL)
        return part->first_child;
    while (part != NULL && part->next == NULL)
        part = part->parent;
    return part == NULL ? NULL : part->next;
}
