/* BODY and BODYSTRUCTURE as a client reads them (RFC 9051 9, "body"), held against the parts they
 * were printed of. */
#ifndef TESTS_FUZZ_PRINTED_STRUCTURE_H
#define TESTS_FUZZ_PRINTED_STRUCTURE_H

#include "base/buffer.h"
#include "base/check.h"
#include "mail/mime.h"

/* One value: a list, a string (also a literal), a number, or NIL. */
struct printed {
    enum { PRINTED_LIST, PRINTED_STRING, PRINTED_NUMBER, PRINTED_NIL } kind;
    struct text text; /* of a string, without what quotes it; of a number */
    struct printed *first, *next;
};

static struct printed *printed_read(struct text *rest, struct arena *arena);

static char printed_peek(struct text rest)
{
    check(rest.length > 0);
    return rest.data[0];
}

static struct text printed_take(struct text *rest, size_t count)
{
    check(count <= rest->length);
    struct text taken = text_head(*rest, count);
    *rest = text_from_position(*rest, count);
    return taken;
}

static void printed_read_list(struct text *rest, struct arena *arena, struct printed *out)
{
    struct printed **end = &out->first;
    out->kind = PRINTED_LIST;
    while (printed_peek(*rest) != ')') {
        /* RFC 9051: parts stand behind each other without a space. */
        if (printed_peek(*rest) == ' ')
            printed_take(rest, 1);
        *end = printed_read(rest, arena);
        end = &(*end)->next;
    }
    printed_take(rest, 1);
}

static void printed_read_quoted(struct text *rest, struct arena *arena, struct printed *out)
{
    struct buffer text;
    buffer_init(&text, rest->length);
    while (printed_peek(*rest) != '"') {
        char c = printed_take(rest, 1).data[0];
        if (c == '\\')
            c = printed_take(rest, 1).data[0];
        check((unsigned char)c >= ' ' && (unsigned char)c < 0x80);
        buffer_append_byte(&text, c);
    }
    printed_take(rest, 1);
    out->kind = PRINTED_STRING;
    out->text = arena_copy(arena, buffer_text(&text));
    buffer_finish(&text);
}

static void printed_read_literal(struct text *rest, struct printed *out)
{
    uint64_t length;
    check(text_to_u64(printed_take(rest, text_find(*rest, '}')), &length));
    check(text_equals(printed_take(rest, 3), TEXT("}\r\n")));
    out->kind = PRINTED_STRING;
    out->text = printed_take(rest, length);
}

static struct printed *printed_read(struct text *rest, struct arena *arena)
{
    struct printed *out = arena_alloc(arena, sizeof(*out));
    char c = printed_peek(*rest);
    if (c == 'N') {
        check(text_equals(printed_take(rest, 3), TEXT("NIL")));
        out->kind = PRINTED_NIL;
        return out;
    }
    if (c >= '0' && c <= '9') {
        size_t length = 1;
        while (length < rest->length && rest->data[length] >= '0' && rest->data[length] <= '9')
            length++;
        out->kind = PRINTED_NUMBER;
        out->text = printed_take(rest, length);
        return out;
    }
    printed_take(rest, 1);
    check(c == '(' || c == '"' || c == '{');
    if (c == '(')
        printed_read_list(rest, arena, out);
    else if (c == '"')
        printed_read_quoted(rest, arena, out);
    else
        printed_read_literal(rest, out);
    return out;
}

/* What it means */

/* Move on to the next value of a list. */
static const struct printed *printed_next(const struct printed **at)
{
    const struct printed *taken = *at;
    check(taken != NULL);
    *at = taken->next;
    return taken;
}

static void printed_expect_text(const struct printed *value, struct text text)
{
    if (text.length == 0)
        check(value->kind == PRINTED_NIL);
    else
        check(value->kind == PRINTED_STRING);
}

static void printed_expect_number(const struct printed *value, uint64_t number)
{
    uint64_t printed;
    check(value->kind == PRINTED_NUMBER && text_to_u64(value->text, &printed) && printed == number);
}

/* NIL, or pairs of strings. */
static void printed_expect_parameters(const struct printed *value, const struct mime_field *field)
{
    const struct printed *at = value->first;
    const struct mime_parameter *parameter = field->parameters;
    check(value->kind == PRINTED_LIST || value->kind == PRINTED_NIL);
    for (; at != NULL; parameter = parameter == NULL ? NULL : parameter->next) {
        const struct printed *name = printed_next(&at), *text = printed_next(&at);
        check(name->kind == PRINTED_STRING && text->kind == PRINTED_STRING);
        check(parameter == NULL || text_starts_with(name->text, parameter->name));
        check(parameter == NULL || text_ends_with_nocase(name->text, TEXT("*")) ||
              text_equals(text->text, parameter->value));
        check(parameter != NULL || text_equals(text->text, TEXT("us-ascii")));
    }
    check(parameter == NULL);
}

/* Disposition, language, location: behind all else, of BODYSTRUCTURE alone. */
static void printed_expect_end(const struct printed *at, const struct mime_part *part,
                               bool is_extended)
{
    if (is_extended) {
        const struct printed *disposition = printed_next(&at);
        if (disposition->kind != PRINTED_NIL) {
            check(text_equals(disposition->first->text, part->disposition.value));
            printed_expect_parameters(disposition->first->next, &part->disposition);
            check(disposition->first->next->next == NULL);
        }
        const struct printed *languages = printed_next(&at);
        check(languages->kind != PRINTED_NUMBER);
        printed_expect_text(printed_next(&at), part->location);
    }
    check(at == NULL);
}

static void printed_expect_part(const struct printed *value, const struct mime_part *part,
                                bool is_extended);

static void printed_expect_multipart(const struct printed *at, const struct mime_part *part,
                                     bool is_extended)
{
    const struct mime_part *child = part->first_child;
    for (; child != NULL; child = child->next)
        printed_expect_part(printed_next(&at), child, is_extended);
    if (part->first_child == NULL)
        check(printed_next(&at)->kind == PRINTED_LIST); /* an empty one stands for none */
    check(text_equals(printed_next(&at)->text, part->type.subtype));
    if (is_extended)
        printed_expect_parameters(printed_next(&at), &part->type);
    printed_expect_end(at, part, is_extended);
}

static void printed_expect_message(const struct printed **at, const struct mime_part *part,
                                   bool is_extended)
{
    unsigned fields = 0;
    const struct printed *envelope = printed_next(at);
    for (const struct printed *field = envelope->first; field != NULL; field = field->next)
        fields++;
    check(envelope->kind == PRINTED_LIST && fields == 10);
    printed_expect_part(printed_next(at), part->first_child, is_extended);
    printed_expect_number(printed_next(at), part->body_lines);
}

static void printed_expect_single(const struct printed *at, const struct mime_part *part,
                                  bool is_extended)
{
    const struct printed *type = printed_next(&at), *subtype = printed_next(&at);
    bool is_hidden =
        text_equals(subtype->text, TEXT("octet-stream")); /* as imap_structure.c says */
    check(type->kind == PRINTED_STRING && subtype->kind == PRINTED_STRING);
    check(is_hidden || (text_equals(type->text, part->type.value) &&
                        text_equals(subtype->text, part->type.subtype)));
    printed_expect_parameters(printed_next(&at), &part->type);
    printed_expect_text(printed_next(&at), part->id);
    printed_expect_text(printed_next(&at), part->description);
    check(printed_next(&at)->kind == PRINTED_STRING);
    printed_expect_number(printed_next(&at), part->body_length);
    if (text_equals(type->text, TEXT("text")))
        printed_expect_number(printed_next(&at), part->body_lines);
    else if (part->first_child != NULL)
        printed_expect_message(&at, part, is_extended);
    if (is_extended)
        printed_expect_text(printed_next(&at), part->md5);
    printed_expect_end(at, part, is_extended);
}

static void printed_expect_part(const struct printed *value, const struct mime_part *part,
                                bool is_extended)
{
    check(value->kind == PRINTED_LIST && value->first != NULL);
    bool is_multipart = value->first->kind == PRINTED_LIST;
    check(is_multipart == text_equals(part->type.value, TEXT("multipart")));
    if (is_multipart)
        printed_expect_multipart(value->first, part, is_extended);
    else
        printed_expect_single(value->first, part, is_extended);
}

static void printed_structure_check(struct text printed, const struct mime_part *root,
                                    bool is_extended)
{
    struct arena arena;
    arena_init(&arena);
    printed_expect_part(printed_read(&printed, &arena), root, is_extended);
    check(printed.length == 0);
    arena_finish(&arena);
}

#endif
