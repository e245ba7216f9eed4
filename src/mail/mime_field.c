/* Two steps: the parameters are read as they stand into a fixed number of rows, then rows of one
 * name are joined in the order of their section numbers. */
#include "mail/mime_field.h"

#include <string.h>

#include "base/encoding.h"

enum { MOST_NESTED_COMMENTS = 16, WHOLE = -1 };

/* One parameter as it stands. */
struct row {
    struct text name;
    struct text value;
    int section;      /* of name*N, or WHOLE */
    bool is_extended; /* name*: percent-encoded, the first section with charset'language' */
    bool is_used;
};

struct rows {
    struct row *at;
    size_t count, capacity;
};

/* RFC 2045 5.1: token is any CHAR except SPACE, CTLs or tspecials. 8-bit bytes are let through:
 * they occur, and mean themselves. */
static bool is_token_byte(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte > 32 && byte != 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct text lower(struct text text, struct arena *arena)
{
    struct text copy = arena_copy(arena, text);
    char *out = (char *)copy.data;
    for (size_t i = 0; i < copy.length; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] - 'A' + 'a');
    return copy;
}

/* White space, line ends and comments; an open comment takes all that is left. */
static void skip_blanks(struct text *rest)
{
    int depth = 0;
    size_t i = 0;
    for (; i < rest->length; i++) {
        char c = rest->data[i];
        if (c == '(' && depth < MOST_NESTED_COMMENTS)
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == '\\' && depth > 0)
            i++;
        else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
            break;
    }
    *rest = text_from_position(*rest, i);
}

static struct text take_token(struct text *rest)
{
    size_t length = 0;
    skip_blanks(rest);
    while (length < rest->length && is_token_byte(rest->data[length]))
        length++;
    struct text token = text_head(*rest, length);
    *rest = text_from_position(*rest, length);
    return token;
}

static bool take_byte(struct text *rest, char wanted)
{
    skip_blanks(rest);
    if (rest->length == 0 || rest->data[0] != wanted)
        return false;
    *rest = text_from_position(*rest, 1);
    return true;
}

/* A quoted string after its opening quote; one that does not end takes all that is left. Line
 * ends are folding and left out. */
static struct text take_quoted(struct text *rest, struct arena *arena)
{
    size_t end = 0, length = 0;
    while (end < rest->length && rest->data[end] != '"')
        end += rest->data[end] == '\\' && end + 1 < rest->length ? 2 : 1;
    char *out = arena_alloc(arena, end + 1);
    for (size_t i = 0; i < end; i++) {
        if (rest->data[i] == '\\' && i + 1 < end)
            i++;
        if (rest->data[i] != '\r' && rest->data[i] != '\n')
            out[length++] = rest->data[i];
    }
    *rest = text_from_position(*rest, end + 1);
    return text_of(out, length);
}

/* A value without quotes ends where white space or the next parameter begins: senders put
 * tspecials in without quoting. */
static struct text take_value(struct text *rest, struct arena *arena)
{
    size_t length = 0;
    if (take_byte(rest, '"'))
        return take_quoted(rest, arena);
    while (length < rest->length && (unsigned char)rest->data[length] > 32 &&
           rest->data[length] != ';')
        length++;
    struct text value = arena_copy(arena, text_head(*rest, length));
    *rest = text_from_position(*rest, length);
    return value;
}

/* Split "name*1*" (RFC 2231 3, 4) into the fields of a row. False for a section number that is
 * none: leading zeros are not allowed, and more sections than rows cannot be. */
static bool read_name(struct text written, struct row *row)
{
    uint32_t section;
    row->section = WHOLE;
    row->is_extended = written.length > 0 && written.data[written.length - 1] == '*';
    if (row->is_extended)
        written.length--;
    row->name = text_before(written, '*');
    if (row->name.length == written.length)
        return row->name.length > 0;
    struct text digits = text_after(written, '*');
    if (!text_to_u32(digits, &section) || section >= MIME_PARAMETERS_MAX ||
        digits.length > (section > 9 ? 2 : 1))
        return false;
    row->section = (int)section;
    return row->name.length > 0;
}

static void read_rows(struct text rest, struct arena *arena, struct rows *rows)
{
    while (rows->count < rows->capacity) {
        /* Whatever stands before the next semicolon was not understood. */
        rest = text_after(rest, ';');
        if (rest.length == 0)
            return;
        struct row *row = &rows->at[rows->count];
        struct text name = lower(take_token(&rest), arena);
        if (!read_name(name, row) || !take_byte(&rest, '='))
            continue;
        row->value = take_value(&rest, arena);
        rows->count++;
    }
}

/* Percent-decode to out, never longer than text; what is no escape stays as it is. */
static size_t percent_decode(struct text text, char *out)
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        int byte = text.data[i] == '%' ? hex_byte_value(text_from_position(text, i + 1)) : -1;
        out[length++] = byte >= 0 ? (char)byte : text.data[i];
        i += byte >= 0 ? 2 : 0;
    }
    return length;
}

static struct row *find_row(struct rows *rows, struct text name, int section)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->at[i].section == section && text_equals(rows->at[i].name, name))
            return &rows->at[i];
    return NULL;
}

/* Append the bytes of a row to *value; the first extended row brings the charset. */
static void join_row(struct mime_parameter *parameter, struct row *row, struct arena *arena)
{
    struct text text = row->value;
    char *out = (char *)parameter->value.data + parameter->value.length;
    bool is_first = row->section <= 0;
    if (row->is_extended && is_first && text_find(text, '\'') < text.length) {
        parameter->charset = lower(text_before(text, '\''), arena);
        text = text_after(text_after(text, '\''), '\'');
    }
    if (row->is_extended) {
        parameter->value.length += percent_decode(text, out);
    } else if (text.length > 0) {
        memcpy(out, text.data, text.length);
        parameter->value.length += text.length;
    }
}

/* RFC 2231 4.1: the extended form goes before the plain one of the same name. */
static struct row *best_row(struct rows *rows, struct text name)
{
    struct row *plain = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->at[i];
        if (row->section > 0 || !text_equals(row->name, name))
            continue;
        if (row->is_extended || row->section == 0)
            return row;
        if (plain == NULL)
            plain = row;
    }
    return plain;
}

static struct mime_parameter *join_rows(struct rows *rows, struct text name, struct arena *arena)
{
    struct row *first = best_row(rows, name);
    size_t bytes = 0;
    for (size_t i = 0; i < rows->count; i++)
        if (text_equals(rows->at[i].name, name)) {
            bytes += rows->at[i].value.length;
            rows->at[i].is_used = true;
        }
    if (first == NULL)
        return NULL;
    struct mime_parameter *parameter = arena_alloc(arena, sizeof(*parameter));
    parameter->name = name;
    parameter->value = text_of(arena_alloc(arena, bytes + 1), 0);
    join_row(parameter, first, arena);
    if (first->section == WHOLE)
        return parameter;
    for (int section = 1; section < MIME_PARAMETERS_MAX; section++) {
        struct row *row = find_row(rows, name, section);
        if (row == NULL)
            break;
        join_row(parameter, row, arena);
    }
    return parameter;
}

void mime_field_parse(struct text body, struct arena *arena, struct mime_field *out)
{
    struct text rest = text_head(body, MIME_FIELD_MAX);
    *out = (struct mime_field){0};
    out->value = lower(take_token(&rest), arena);
    if (take_byte(&rest, '/'))
        out->subtype = lower(take_token(&rest), arena);

    /* No more memory than what was written can be worth. */
    struct rows rows = {0};
    for (size_t i = 0; i < rest.length && rows.capacity < MIME_PARAMETERS_MAX; i++)
        rows.capacity += rest.data[i] == ';';
    rows.at = arena_array(arena, rows.capacity, sizeof(struct row));
    struct mime_parameter **last = &out->parameters;
    read_rows(rest, arena, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.at[i].is_used)
            continue;
        struct mime_parameter *parameter = join_rows(&rows, rows.at[i].name, arena);
        if (parameter == NULL)
            continue;
        *last = parameter;
        last = &parameter->next;
    }
}

const struct mime_parameter *mime_parameter_find(const struct mime_field *field, struct text name)
{
    for (const struct mime_parameter *at = field->parameters; at != NULL; at = at->next)
        if (text_equals_nocase(at->name, name))
            return at;
    return NULL;
}
