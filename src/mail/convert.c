/* Both passes see the same events and take the same steps; the first only counts, and at the end
 * of each part decides what becomes of it. */
#include "mail/convert.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "mail/mime_walk.h"
#include "mail/transfer_encoding.h"

enum { LINE_MOST = 998 }; /* RFC 5321 4.5.3.1.6, without CRLF */

/* What a part's header says in the end; AS_IT_IS leaves the field alone. */
enum label { AS_IT_IS, LABEL_7BIT, LABEL_8BIT, LABEL_QUOTED_PRINTABLE, LABEL_BASE64 };

static const struct text label_fields[] = {
    [AS_IT_IS] = {0},
    [LABEL_7BIT] = TEXT("Content-Transfer-Encoding: 7bit\r\n"),
    [LABEL_8BIT] = TEXT("Content-Transfer-Encoding: 8bit\r\n"),
    [LABEL_QUOTED_PRINTABLE] = TEXT("Content-Transfer-Encoding: quoted-printable\r\n"),
    [LABEL_BASE64] = TEXT("Content-Transfer-Encoding: base64\r\n"),
};

struct convert_part {
    unsigned char label; /* enum label */
    bool is_text, is_encodable, is_signed, has_parts, drops_around;
    uint64_t field_bytes; /* of its encoding field, as it is */
    uint64_t around_bytes;
};

/* What the bytes of one leaf hold. */
struct content_facts {
    bool has_8bit;
    bool has_odd; /* NUL, bare CR, bare LF, or a line too long: no lines of text */
    bool after_cr;
    size_t line_bytes;
};

struct convert {
    enum mime_encoding holds, takes;
    struct mime_walk *walk;
    bool is_writing;
    struct convert_part *parts;
    unsigned part_count;
    /* Facts of the message. */
    bool has_version, has_type, is_needed, has_8bit_header, has_8bit_boundary, is_cut;
    bool is_forbidden, is_impossible;
    uint64_t length; /* planned */
    /* The line and the part at hand. */
    bool in_encoding_field, after_cr;
    struct content_facts body;
    uint64_t raw_bytes;
    struct quoted_printable quoted_printable;
    struct base64_lines base64;
    bool at_end;
    struct buffer *out;
};

static mime_walk_take take_event;

struct convert *convert_new(enum mime_encoding holds, enum mime_encoding takes)
{
    struct convert *convert = calloc(1, sizeof(*convert));
    check(convert != NULL);
    check(takes < holds && holds <= MIME_BINARY);
    convert->holds = holds;
    convert->takes = takes;
    convert->walk = mime_walk_new(MIME_LIMITS_DEFAULT, take_event, convert);
    return convert;
}

void convert_free(struct convert **convert)
{
    if (*convert == NULL)
        return;
    mime_walk_free(&(*convert)->walk);
    free((*convert)->parts);
    free(*convert);
    *convert = NULL;
}

static bool has_8bit(struct text bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        if ((unsigned char)bytes.data[i] >= 0x80)
            return true;
    return false;
}

static void look_at(struct content_facts *facts, struct text bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        char c = bytes.data[i];
        bool bare = facts->after_cr ? c != '\n' : c == '\n';
        facts->has_8bit = facts->has_8bit || (unsigned char)c >= 0x80;
        facts->has_odd = facts->has_odd || bare || c == '\0' || facts->line_bytes > LINE_MOST;
        facts->after_cr = c == '\r';
        facts->line_bytes = c == '\n' || c == '\r' ? 0 : facts->line_bytes + 1;
    }
}

static void end_look(struct content_facts *facts)
{
    facts->has_odd = facts->has_odd || facts->after_cr || facts->line_bytes > LINE_MOST;
}

static bool can_pass(const struct convert *convert, const struct content_facts *facts)
{
    return (convert->takes != MIME_7BIT || !facts->has_8bit) &&
           (convert->holds != MIME_BINARY || !facts->has_odd);
}

/* Output */

static void put(struct convert *convert, struct text bytes)
{
    if (convert->is_writing)
        buffer_append(convert->out, bytes);
    else
        convert->length += bytes.length;
}

/* A line of structure, or a piece of one, which may as well end with CRLF. */
static void put_line(struct convert *convert, struct text bytes)
{
    bool ends = bytes.data[bytes.length - 1] == '\n';
    if (!ends) {
        put(convert, bytes);
    } else {
        size_t length = bytes.length - 1;
        bool has_cr = length > 0 ? bytes.data[length - 1] == '\r' : convert->after_cr;
        put(convert, text_head(bytes, length));
        put(convert, has_cr ? TEXT("\n") : TEXT("\r\n"));
    }
    convert->after_cr = bytes.data[bytes.length - 1] == '\r';
}

/* Parts */

static struct convert_part *part_of(struct convert *convert, const struct mime_walk_part *part)
{
    return &convert->parts[part->number];
}

static void add_part(struct convert *convert, const struct mime_walk_part *part)
{
    convert->parts = array_grow(convert->parts, convert->part_count, sizeof(*convert->parts));
    check(part->number == convert->part_count);
    struct convert_part *added = &convert->parts[convert->part_count++];
    *added = (struct convert_part){0};
    if (part->parent < 0)
        return;
    struct convert_part *parent = &convert->parts[part->parent];
    parent->has_parts = true;
    added->is_signed = parent->is_signed;
}

/* RFC 2045 6.4 and RFC 2046 5.2: what is made of parts or lines of its own stays readable; the
 * international forms of RFC 6533 may be encoded. */
static bool may_be_encoded(const struct mime_walk_part *part)
{
    const struct mime_field *type = &part->type;
    if (part->encoding > MIME_BINARY || text_equals(type->value, TEXT("multipart")))
        return false;
    return !text_equals(type->value, TEXT("message")) ||
           text_starts_with(type->subtype, TEXT("global"));
}

/* The label of what has parts and so must not be encoded itself. */
static enum label composite_label(const struct convert *convert, enum mime_encoding encoding)
{
    if (encoding <= convert->takes || encoding > MIME_BINARY)
        return AS_IT_IS;
    return convert->takes == MIME_7BIT ? LABEL_7BIT : LABEL_8BIT;
}

static void plan_header(struct convert *convert, const struct mime_walk_part *part)
{
    struct convert_part *planned = part_of(convert, part);
    planned->is_text = text_equals(part->type.value, TEXT("text"));
    planned->is_encodable = may_be_encoded(part);
    if (part->number == 0)
        convert->has_type = part->has_type;
    if (part->kind != MIME_LEAF && !planned->is_signed)
        planned->label = (unsigned char)composite_label(convert, part->encoding);
    if (text_equals(part->type.value, TEXT("multipart")) &&
        text_equals(part->type.subtype, TEXT("signed")))
        planned->is_signed = true;
}

static void begin_body(struct convert *convert)
{
    struct buffer *out = convert->is_writing ? convert->out : NULL;
    convert->body = (struct content_facts){0};
    convert->raw_bytes = 0;
    convert->quoted_printable = (struct quoted_printable){.out = out};
    convert->base64 = (struct base64_lines){.out = out};
}

/* Text is best read as quoted-printable, unless most of it is not ASCII. */
static enum label better_encoding(const struct convert *convert, bool is_text)
{
    bool is_smaller = convert->quoted_printable.length <= convert->base64.length;
    return is_text && is_smaller ? LABEL_QUOTED_PRINTABLE : LABEL_BASE64;
}

static enum label leaf_label(struct convert *convert, const struct mime_walk_part *part)
{
    const struct convert_part *planned = part_of(convert, part);
    const struct content_facts *facts = &convert->body;
    bool is_plain = !facts->has_odd && (convert->takes != MIME_7BIT || !facts->has_8bit);
    if (!can_pass(convert, facts)) {
        convert->is_needed = true;
        convert->is_forbidden = convert->is_forbidden || planned->is_signed;
        convert->is_impossible = convert->is_impossible || !planned->is_encodable;
        return better_encoding(convert, planned->is_text);
    }
    if (planned->is_signed || part->encoding > MIME_BINARY)
        return AS_IT_IS;
    /* Long lines alone are no reason to convert, but are mended on the occasion. */
    if (!is_plain && planned->is_encodable)
        return better_encoding(convert, planned->is_text);
    if (part->encoding <= convert->takes)
        return AS_IT_IS;
    return facts->has_8bit ? LABEL_8BIT : LABEL_7BIT;
}

static void plan_leaf(struct convert *convert, const struct mime_walk_part *part)
{
    struct convert_part *planned = part_of(convert, part);
    end_look(&convert->body);
    enum label label = leaf_label(convert, part);
    planned->label = (unsigned char)label;
    convert->length += label == LABEL_QUOTED_PRINTABLE ? convert->quoted_printable.length
                       : label == LABEL_BASE64         ? convert->base64.length
                                                       : convert->raw_bytes;
}

/* RFC 2046 5.1: what stands around the parts is for no reader, and left out when it can't pass. */
static void plan_around(struct convert *convert, struct convert_part *planned)
{
    if (planned->drops_around && !planned->has_parts)
        convert->is_impossible = true;
    if (planned->drops_around && planned->is_signed)
        convert->is_forbidden = true;
    if (!planned->drops_around)
        convert->length += planned->around_bytes;
}

static void plan_part(struct convert *convert, const struct mime_walk_part *part)
{
    struct convert_part *planned = part_of(convert, part);
    if (part->kind == MIME_LEAF)
        plan_leaf(convert, part);
    else
        plan_around(convert, planned);
    convert->length +=
        planned->label == AS_IT_IS ? planned->field_bytes : label_fields[planned->label].length;
}

/* RFC 1428 3: what came without MIME is labelled so that it can be decoded, and no more is claimed
 * about it than is known. */
static void put_root_fields(struct convert *convert)
{
    enum label label = convert->parts[0].label;
    bool is_encoded = label == LABEL_QUOTED_PRINTABLE || label == LABEL_BASE64;
    if (!convert->has_version)
        put(convert, TEXT("MIME-Version: 1.0\r\n"));
    if (!convert->has_type && is_encoded)
        put(convert, TEXT("Content-Type: text/plain; charset=unknown-8bit\r\n"));
}

/* Events */

static bool names_field(struct text line, struct text name)
{
    return text_equals_nocase(text_trim(text_before(line, ':')), name);
}

static void take_header(struct convert *convert, struct convert_part *planned, struct text bytes)
{
    uint64_t before = convert->length;
    convert->has_8bit_header = convert->has_8bit_header || has_8bit(bytes);
    if (convert->in_encoding_field && convert->is_writing && planned->label != AS_IT_IS)
        return;
    put_line(convert, bytes);
    if (convert->in_encoding_field && !convert->is_writing) {
        planned->field_bytes += convert->length - before;
        convert->length = before;
    }
}

static void begin_line(struct convert *convert, const struct mime_walk_part *part, struct text line)
{
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return;
    convert->in_encoding_field = names_field(line, TEXT("Content-Transfer-Encoding"));
    if (part->number == 0 && names_field(line, TEXT("MIME-Version")))
        convert->has_version = true;
}

static void end_header(struct convert *convert, const struct mime_walk_part *part, struct text line)
{
    convert->in_encoding_field = false;
    if (!convert->is_writing) {
        plan_header(convert, part);
    } else {
        if (part->number == 0)
            put_root_fields(convert);
        put(convert, label_fields[part_of(convert, part)->label]);
    }
    put_line(convert, line);
}

static void take_body(struct convert *convert, const struct convert_part *planned,
                      struct text bytes)
{
    if (!convert->is_writing) {
        look_at(&convert->body, bytes);
        convert->raw_bytes += bytes.length;
    }
    if (!convert->is_writing || planned->label == LABEL_QUOTED_PRINTABLE)
        quoted_printable_feed(&convert->quoted_printable, bytes);
    if (!convert->is_writing || planned->label == LABEL_BASE64)
        base64_lines_feed(&convert->base64, bytes);
    if (convert->is_writing && planned->label <= LABEL_8BIT)
        put(convert, bytes);
}

static void take_around(struct convert *convert, struct convert_part *planned, struct text bytes)
{
    struct content_facts facts = {0};
    if (convert->is_writing) {
        if (!planned->drops_around)
            put(convert, bytes);
        return;
    }
    look_at(&facts, bytes);
    end_look(&facts);
    planned->around_bytes += bytes.length;
    if (!can_pass(convert, &facts))
        planned->drops_around = convert->is_needed = true;
}

static void end_part(struct convert *convert, const struct mime_walk_part *part)
{
    enum label label = part_of(convert, part)->label;
    if (part->kind == MIME_LEAF && (!convert->is_writing || label == LABEL_QUOTED_PRINTABLE))
        quoted_printable_end(&convert->quoted_printable, convert->at_end);
    if (part->kind == MIME_LEAF && (!convert->is_writing || label == LABEL_BASE64))
        base64_lines_end(&convert->base64, convert->at_end);
    if (!convert->is_writing)
        plan_part(convert, part);
}

static void take_boundary(struct convert *convert, struct text bytes)
{
    convert->has_8bit_boundary = convert->has_8bit_boundary || has_8bit(bytes);
    put_line(convert, bytes);
}

static void take_event(void *context, const struct mime_walk_part *part, enum mime_walk_event event,
                       struct text bytes)
{
    struct convert *convert = context;
    switch (event) {
    case MIME_WALK_PART:
        if (!convert->is_writing)
            add_part(convert, part);
        return begin_body(convert);
    case MIME_WALK_HEADER:
        begin_line(convert, part, bytes);
        return take_header(convert, part_of(convert, part), bytes);
    case MIME_WALK_HEADER_MORE:
        return take_header(convert, part_of(convert, part), bytes);
    case MIME_WALK_HEADER_END:
        return end_header(convert, part, bytes);
    case MIME_WALK_BODY:
        return take_body(convert, part_of(convert, part), bytes);
    case MIME_WALK_AROUND:
        return take_around(convert, part_of(convert, part), bytes);
    case MIME_WALK_PART_END:
        return end_part(convert, part);
    case MIME_WALK_LINE_END:
        return put(convert, TEXT("\r\n"));
    case MIME_WALK_BOUNDARY:
    case MIME_WALK_BOUNDARY_MORE:
        return take_boundary(convert, bytes);
    case MIME_WALK_CUT:
        convert->is_cut = true;
    }
}

/* Passes */

void convert_look(struct convert *convert, struct text bytes)
{
    mime_walk_feed(convert->walk, bytes);
}

static void restart(struct convert *convert)
{
    mime_walk_free(&convert->walk);
    convert->walk = mime_walk_new(MIME_LIMITS_DEFAULT, take_event, convert);
    convert->at_end = false;
    convert->is_writing = true;
}

enum status convert_plan(struct convert *convert, bool *needed, const char **code)
{
    convert->at_end = true;
    mime_walk_end(convert->walk);
    *needed = convert->is_needed;
    *code = convert->is_forbidden ? "5.6.2" : "5.6.3";
    if (convert->takes == MIME_7BIT && convert->has_8bit_header)
        return refused("a header has bytes beyond ASCII, in a charset that it does not name");
    if (convert->takes == MIME_7BIT && convert->has_8bit_boundary)
        return refused("a boundary has bytes beyond ASCII");
    if (!convert->is_needed)
        return OK;
    if (convert->is_forbidden)
        return refused("a signed part would have to be changed");
    if (convert->is_cut)
        return refused("there are too many parts, or too deep ones");
    if (convert->is_impossible)
        return refused("a part can be neither sent as it is nor encoded");
    put_root_fields(convert);
    restart(convert);
    return OK;
}

bool convert_saw_8bit_header(const struct convert *convert)
{
    return convert->has_8bit_header;
}

uint64_t convert_length(const struct convert *convert)
{
    return convert->length;
}

void convert_write(struct convert *convert, struct text bytes, struct buffer *out)
{
    convert->out = out;
    mime_walk_feed(convert->walk, bytes);
}

void convert_write_end(struct convert *convert, struct buffer *out)
{
    convert->at_end = true;
    convert_write(convert, TEXT(""), out);
    mime_walk_end(convert->walk);
    restart(convert);
}
