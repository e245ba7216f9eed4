/* MIME structure: places are inside the message, in order and disjoint; line counts are right;
 * limits hold; memory is bounded by the input; a slow walk finds the same parts. The first two
 * bytes choose the limits. */
#include <string.h>

#include "base/check.h"
#include "mail/mime.h"
#include "mime_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t body_end(const struct mime_part *part)
{
    return part->body_start + part->body_length;
}

static void expect_in_place(struct text message, const struct mime_part *part)
{
    size_t lines = 0;
    check(part->header_start + part->header_length == part->body_start);
    check(body_end(part) <= message.length);
    for (size_t i = part->body_start; i < body_end(part); i++)
        lines += message.data[i] == '\n';
    check(part->body_lines == lines);
    check(part->type.value.length > 0 && part->type.subtype.length > 0);
    if (part->parent != NULL) {
        check(part->depth == part->parent->depth + 1);
        check(part->header_start >= part->parent->body_start);
        check(body_end(part) <= body_end(part->parent));
    }
    if (part->next != NULL) {
        check(part->next->parent == part->parent);
        check(part->next->header_start >= body_end(part));
    }
}

static void expect_parameters(const struct mime_field *field)
{
    unsigned count = 0;
    for (const struct mime_parameter *at = field->parameters; at != NULL; at = at->next) {
        check(++count <= MIME_PARAMETERS_MAX);
        check(at->name.length > 0 && at->value.length <= MIME_FIELD_MAX);
        check(mime_parameter_find(field, at->name) == at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct mime_limits limits = {.max_depth = data[0] % 101u, .max_parts = 1 + data[1] * 16u};
    struct text message = text_of(data + 2, size - 2);
    struct arena arena;
    struct mime_tree tree;
    arena_init(&arena);
    mime_scan(message, limits, &arena, &tree);
    unsigned count = 0;
    for (const struct mime_part *part = tree.root; part != NULL; part = mime_part_next(part)) {
        count++;
        check(part->depth <= limits.max_depth);
        expect_in_place(message, part);
        expect_parameters(&part->type);
        expect_parameters(&part->disposition);
    }
    check(count == tree.part_count && count <= limits.max_parts);
    check(tree.root->header_start == 0 && body_end(tree.root) == message.length);
    mime_reference_check(message, limits, &tree);
    check(arena.used_bytes <= 16384 + 100 * message.length + 1024 * (size_t)count);
    arena_finish(&arena);
    return 0;
}
