/* The tree of parts as bytes, parents first. */
#include "base/check.h"
#include "base/wire.h"
#include "proto/imap/message/imap_message.h"

enum { TREE_VERSION = 1, DEPTH_MOST = 100, PARTS_MOST = 10000 };

/* Encoding */

static void put_field(struct buffer *out, const struct mime_field *field)
{
    unsigned count = 0;
    for (const struct mime_parameter *at = field->parameters; at != NULL; at = at->next)
        count++;
    wire_put_text(out, field->value);
    wire_put_text(out, field->subtype);
    wire_put_u8(out, (uint8_t)count);
    for (const struct mime_parameter *at = field->parameters; at != NULL; at = at->next) {
        wire_put_text(out, at->name);
        wire_put_text(out, at->value);
        wire_put_text(out, at->charset);
    }
}

static void put_part(struct buffer *out, const struct mime_part *part)
{
    wire_put_u8(out, (uint8_t)part->depth);
    wire_put_u8(out, (uint8_t)part->encoding);
    wire_put_u64(out, part->header_start);
    wire_put_u64(out, part->header_length);
    wire_put_u64(out, part->body_length);
    wire_put_u64(out, part->body_lines);
    put_field(out, &part->type);
    put_field(out, &part->disposition);
    wire_put_text(out, part->encoding_name);
    wire_put_text(out, part->id);
    wire_put_text(out, part->description);
    wire_put_text(out, part->md5);
    wire_put_text(out, part->language);
    wire_put_text(out, part->location);
    wire_put_text(out, part->note);
}

void imap_tree_encode(const struct mime_tree *tree, struct buffer *out)
{
    wire_put_u8(out, TREE_VERSION);
    wire_put_u8(out, tree->is_cut);
    for (const struct mime_part *part = tree->root; part != NULL; part = mime_part_next(part))
        put_part(out, part);
}

/* Decoding */

static void get_field(struct wire_reader *in, struct arena *arena, struct mime_field *out)
{
    out->value = wire_get_text(in);
    out->subtype = wire_get_text(in);
    struct mime_parameter **last = &out->parameters;
    for (unsigned count = wire_get_u8(in); count > 0 && !in->bad; count--) {
        struct mime_parameter *parameter = arena_alloc(arena, sizeof(*parameter));
        parameter->name = wire_get_text(in);
        parameter->value = wire_get_text(in);
        parameter->charset = wire_get_text(in);
        *last = parameter;
        last = &parameter->next;
    }
}

static void get_part(struct wire_reader *in, struct arena *arena, uint64_t size,
                     struct mime_part *out)
{
    out->depth = wire_get_u8(in);
    uint8_t encoding = wire_get_u8(in);
    out->encoding = (enum mime_encoding)encoding;
    out->header_start = wire_get_u64(in);
    out->header_length = wire_get_u64(in);
    out->body_length = wire_get_u64(in);
    out->body_lines = wire_get_u64(in);
    get_field(in, arena, &out->type);
    get_field(in, arena, &out->disposition);
    out->encoding_name = wire_get_text(in);
    out->id = wire_get_text(in);
    out->description = wire_get_text(in);
    out->md5 = wire_get_text(in);
    out->language = wire_get_text(in);
    out->location = wire_get_text(in);
    out->note = wire_get_text(in);
    if (encoding > MIME_ENCODING_UNKNOWN || out->depth > DEPTH_MOST || out->header_start > size ||
        out->header_length > size - out->header_start ||
        out->body_length > size - out->header_start - out->header_length ||
        out->type.value.length == 0 || out->type.subtype.length == 0)
        in->bad = true;
    out->body_start = out->header_start + out->header_length;
}

static void join(struct mime_part *parent, struct mime_part *part)
{
    part->parent = parent;
    if (parent->last_child == NULL)
        parent->first_child = part;
    else
        parent->last_child->next = part;
    parent->last_child = part;
}

bool imap_tree_decode(struct text bytes, uint64_t size, struct arena *arena, struct mime_tree *out)
{
    struct mime_part *open[DEPTH_MOST + 1] = {NULL};
    struct wire_reader in = wire_reader_of(bytes);
    unsigned deepest = 0; /* one more than the depth of the last part */
    uint8_t version = wire_get_u8(&in);
    *out = (struct mime_tree){.is_cut = wire_get_u8(&in) != 0};
    while (!wire_end(&in) && !in.bad && out->part_count < PARTS_MOST) {
        struct mime_part *part = arena_alloc(arena, sizeof(*part));
        get_part(&in, arena, size, part);
        if (in.bad || part->depth > deepest || (part->depth == 0) != (out->part_count == 0))
            return false;
        if (part->depth > 0)
            join(open[part->depth - 1], part);
        open[part->depth] = part;
        deepest = part->depth + 1;
        out->part_count++;
    }
    out->root = open[0];
    return version == TREE_VERSION && wire_end(&in) && out->root != NULL;
}
