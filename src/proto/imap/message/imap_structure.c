#include "proto/imap/message/imap_structure.h"

#include <inttypes.h>

#include "proto/imap/imap_write.h"

static bool is_multipart(const struct mime_part *part)
{
    return text_equals(part->type.value, TEXT("multipart"));
}

const struct mime_part *imap_part_message(const struct mime_part *part)
{
    return is_multipart(part) ? NULL : part->first_child;
}

const struct mime_part *imap_part_find(const struct mime_tree *tree, const uint32_t *number,
                                       unsigned depth)
{
    const struct mime_part *in = tree->root, *part = tree->root;
    for (unsigned i = 0; i < depth; i++) {
        uint32_t wanted = number[i];
        if (in == NULL)
            return NULL;
        part = is_multipart(in) ? in->first_child : in;
        /* A message that is no multipart has one part, its body. */
        if (!is_multipart(in) && wanted != 1)
            return NULL;
        for (; is_multipart(in) && wanted > 1 && part != NULL; wanted--)
            part = part->next;
        if (part == NULL)
            return NULL;
        in = is_multipart(part) && part != in ? part : imap_part_message(part);
    }
    return part;
}

/* Writing */

static void put_absent_or(struct buffer *out, struct text text)
{
    imap_put_nstring(out, text.length == 0 ? (struct text){NULL, 0} : text);
}

static bool is_plain(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 32 || (unsigned char)text.data[i] > 126)
            return false;
    return true;
}

/* RFC 2231 4: attribute-char goes as it is. */
static void put_percent(struct buffer *out, struct text value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.data[i];
        bool is_word = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '.' ||
                       c == '-' || c == '_';
        buffer_printf(out, is_word ? "%c" : "%%%02X", c);
    }
}

/* A value beyond ASCII is told as RFC 2231 writes it, with its charset, so that nothing is lost. */
static void put_parameter(struct buffer *out, const struct mime_parameter *parameter)
{
    if (is_plain(parameter->value)) {
        imap_put_string(out, parameter->name);
        buffer_append_byte(out, ' ');
        imap_put_string(out, parameter->value);
        return;
    }
    struct buffer value;
    buffer_init(&value, 3 * MIME_FIELD_MAX + 256);
    buffer_printf(&value, "%.*s*", TEXT_ARG(parameter->name));
    imap_put_string(out, buffer_text(&value));
    buffer_append_byte(out, ' ');
    buffer_reset(&value, 0);
    struct text charset = is_plain(parameter->charset) ? parameter->charset : TEXT("");
    buffer_printf(&value, "%.*s''", TEXT_ARG(text_head(charset, 100)));
    put_percent(&value, parameter->value);
    imap_put_string(out, buffer_text(&value));
    buffer_finish(&value);
}

static void put_parameters(struct buffer *out, const struct mime_field *field)
{
    const char *separator = "(";
    for (const struct mime_parameter *at = field->parameters; at != NULL; at = at->next) {
        buffer_append(out, text_from(separator));
        put_parameter(out, at);
        separator = " ";
    }
    buffer_append(out, field->parameters == NULL ? TEXT("NIL") : TEXT(")"));
}

static void put_disposition(struct buffer *out, const struct mime_field *field)
{
    if (field->value.length == 0) {
        buffer_append(out, TEXT("NIL"));
        return;
    }
    buffer_append_byte(out, '(');
    imap_put_string(out, field->value);
    buffer_append_byte(out, ' ');
    put_parameters(out, field);
    buffer_append_byte(out, ')');
}

/* RFC 3282: a list of tags. */
static void put_languages(struct buffer *out, struct text field)
{
    struct text tag;
    const char *separator = "(";
    while (text_split(&field, ',', &tag)) {
        tag = text_trim(tag);
        if (tag.length == 0)
            continue;
        buffer_append(out, text_from(separator));
        imap_put_string(out, tag);
        separator = " ";
    }
    buffer_append(out, separator[0] == '(' ? TEXT("NIL") : TEXT(")"));
}

/* What all kinds end with: disposition, language, location. */
static void put_extension(struct buffer *out, const struct mime_part *part)
{
    buffer_append_byte(out, ' ');
    put_disposition(out, &part->disposition);
    buffer_append_byte(out, ' ');
    put_languages(out, part->language);
    buffer_append_byte(out, ' ');
    put_absent_or(out, part->location);
}

/* A message that does not show what it holds (it is encoded, or too deep) has neither envelope nor
 * structure to tell, and without these the grammar does not let it be a message. */
static void put_type(struct buffer *out, const struct mime_part *part)
{
    bool is_message = text_equals(part->type.value, TEXT("message")) &&
                      (text_equals(part->type.subtype, TEXT("rfc822")) ||
                       text_equals(part->type.subtype, TEXT("global")));
    if (is_message && part->first_child == NULL) {
        buffer_append(out, TEXT("\"application\" \"octet-stream\" "));
    } else {
        imap_put_string(out, part->type.value);
        buffer_append_byte(out, ' ');
        imap_put_string(out, part->type.subtype);
        buffer_append_byte(out, ' ');
    }
}

/* Up to where an embedded message's structure stands, if the part holds one. */
static void put_single_head(struct buffer *out, const struct mime_part *part)
{
    bool is_text = text_equals(part->type.value, TEXT("text"));
    buffer_append_byte(out, '(');
    put_type(out, part);
    /* RFC 2045 5.2: what a text is in when nothing is said. */
    if (is_text && part->type.parameters == NULL)
        buffer_append(out, TEXT("(\"charset\" \"us-ascii\")"));
    else
        put_parameters(out, &part->type);
    buffer_append_byte(out, ' ');
    put_absent_or(out, part->id);
    buffer_append_byte(out, ' ');
    put_absent_or(out, part->description);
    buffer_append_byte(out, ' ');
    imap_put_string(out, part->encoding_name.length == 0 ? TEXT("7bit") : part->encoding_name);
    buffer_printf(out, " %zu", part->body_length);
    if (is_text)
        buffer_printf(out, " %zu", part->body_lines);
    if (part->first_child == NULL)
        return;
    struct text envelope = imap_part_envelope(part);
    buffer_append_byte(out, ' ');
    buffer_append(out, envelope.length == 0 ? TEXT("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)")
                                            : envelope);
    buffer_append_byte(out, ' ');
}

static void put_single_tail(struct buffer *out, const struct mime_part *part, bool is_extended)
{
    if (part->first_child != NULL)
        buffer_printf(out, " %zu", part->body_lines);
    if (is_extended) {
        buffer_append_byte(out, ' ');
        put_absent_or(out, part->md5);
        put_extension(out, part);
    }
    buffer_append_byte(out, ')');
}

static void put_multipart_head(struct buffer *out, const struct mime_part *part)
{
    buffer_append_byte(out, '(');
    /* The grammar wants a part where none was found. */
    if (part->first_child == NULL)
        buffer_append(out, TEXT("(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 "
                                "0)"));
}

static void put_multipart_tail(struct buffer *out, const struct mime_part *part, bool is_extended)
{
    buffer_append_byte(out, ' ');
    imap_put_string(out, part->type.subtype);
    if (is_extended) {
        buffer_append_byte(out, ' ');
        put_parameters(out, &part->type);
        put_extension(out, part);
    }
    buffer_append_byte(out, ')');
}

static void put_head(struct buffer *out, const struct mime_part *part)
{
    if (is_multipart(part))
        put_multipart_head(out, part);
    else
        put_single_head(out, part);
}

static void put_tail(struct buffer *out, const struct mime_part *part, bool is_extended)
{
    if (is_multipart(part))
        put_multipart_tail(out, part, is_extended);
    else
        put_single_tail(out, part, is_extended);
}

/* Down and up again by the links: however deep it is, the stack is not. */
void imap_put_structure(struct buffer *out, const struct mime_part *top, bool is_extended)
{
    const struct mime_part *part = top;
    put_head(out, part);
    for (;;) {
        if (part->first_child != NULL) {
            part = part->first_child;
            put_head(out, part);
            continue;
        }
        put_tail(out, part, is_extended);
        while (part != top && part->next == NULL) {
            part = part->parent;
            put_tail(out, part, is_extended);
        }
        if (part == top)
            return;
        part = part->next;
        put_head(out, part);
    }
}
