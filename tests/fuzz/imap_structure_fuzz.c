/* A message's tree built as it streams by, its BODYSTRUCTURE and ENVELOPE. Oracle: any cutting
 * gives the same tree; places are inside the message, in order and disjoint; as bytes and back it
 * is the same; what is printed is well-formed by IMAP's grammar, however the message is not, and a
 * client reads the same parts from it. */
#include <string.h>

#include "base/check.h"
#include "mail/mime_build.h"
#include "printed_structure.h"
#include "proto/imap/message/imap_envelope.h"
#include "proto/imap/message/imap_structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PRINTED_MAX = 256 << 20 };

static void note(void *context, struct mime_part *part, struct text header)
{
    struct buffer envelope;
    if (part->parent == NULL || !text_equals(part->parent->type.value, TEXT("message")))
        return;
    buffer_init(&envelope, PRINTED_MAX);
    imap_put_envelope(&envelope, header);
    part->note = arena_copy(context, buffer_text(&envelope));
    buffer_finish(&envelope);
}

static void build(struct text message, size_t cut, struct mime_limits limits, struct arena *arena,
                  struct mime_tree *out)
{
    struct mime_build *building = mime_build_new(limits, arena, note, arena);
    while (message.length > 0) {
        struct text piece = text_head(message, cut);
        mime_build_feed(building, piece);
        message = text_from_position(message, piece.length);
    }
    mime_build_end(&building, out);
}

static size_t body_end(const struct mime_part *part)
{
    return part->body_start + part->body_length;
}

static void expect_in_place(struct text message, const struct mime_tree *tree)
{
    for (const struct mime_part *part = tree->root; part != NULL; part = mime_part_next(part)) {
        size_t lines = 0;
        check(part->header_start + part->header_length == part->body_start);
        check(body_end(part) <= message.length);
        for (size_t i = part->body_start; i < body_end(part); i++)
            lines += message.data[i] == '\n';
        check(part->body_lines == lines);
        if (part->parent != NULL)
            check(part->header_start >= part->parent->body_start &&
                  body_end(part) <= body_end(part->parent));
        if (part->next != NULL)
            check(part->next->header_start >= body_end(part));
    }
    check(tree->root->header_start == 0 && body_end(tree->root) == message.length);
}

/* Balanced lists, strings that end, literals as long as they say; nothing else between but atoms
 * and single spaces. Returns how many elements the outermost list has. */
static unsigned expect_grammar(struct text printed)
{
    unsigned depth = 0, elements = 0;
    bool after_space = true;
    for (size_t i = 0; i < printed.length;) {
        char c = printed.data[i++];
        bool begins = c != ')' && c != ' ';
        if (begins && depth == 1 && (after_space || c == '('))
            elements++;
        after_space = c == ' ' || c == '(';
        if (c == '(') {
            depth++;
        } else if (c == ')') {
            check(depth > 0);
            depth--;
        } else if (c == '"') {
            for (; i < printed.length && printed.data[i] != '"'; i++) {
                check((unsigned char)printed.data[i] >= 32);
                i += printed.data[i] == '\\';
            }
            check(i++ < printed.length);
        } else if (c == '{') {
            size_t end = i + text_find(text_from_position(printed, i), '}');
            uint64_t length;
            check(text_to_u64(text_of(printed.data + i, end - i), &length));
            check(end + 3 + length <= printed.length);
            i = end + 3 + length;
        } else {
            check(c == ' ' || (c >= '0' && c <= '9') || strchr("NIL", c) != NULL);
        }
        check(depth > 0 || i == printed.length);
    }
    check(depth == 0);
    return elements;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct mime_limits limits = {.max_depth = data[0] % 101u, .max_parts = 200};
    struct text message = text_of(data + 2, size - 2);
    struct arena arena;
    struct mime_tree whole, cut, again;
    struct buffer bytes[3], printed;
    arena_init(&arena);
    build(message, message.length + 1, limits, &arena, &whole);
    build(message, 1 + data[1] % 61u, limits, &arena, &cut);
    expect_in_place(message, &whole);
    for (unsigned i = 0; i < 3; i++)
        buffer_init(&bytes[i], PRINTED_MAX);
    imap_tree_encode(&whole, &bytes[0]);
    imap_tree_encode(&cut, &bytes[1]);
    check(text_equals(buffer_text(&bytes[0]), buffer_text(&bytes[1])));
    check(imap_tree_decode(buffer_text(&bytes[0]), message.length, &arena, &again));
    imap_tree_encode(&again, &bytes[2]);
    check(text_equals(buffer_text(&bytes[0]), buffer_text(&bytes[2])));
    imap_tree_decode(message, size, &arena, &again); /* bytes that are none */
    buffer_init(&printed, PRINTED_MAX);
    imap_put_structure(&printed, whole.root, true);
    expect_grammar(buffer_text(&printed));
    printed_structure_check(buffer_text(&printed), whole.root, true);
    buffer_reset(&printed, 0);
    imap_put_structure(&printed, whole.root, false);
    expect_grammar(buffer_text(&printed));
    printed_structure_check(buffer_text(&printed), whole.root, false);
    buffer_reset(&printed, 0);
    imap_put_envelope(&printed, message);
    check(expect_grammar(buffer_text(&printed)) == 10);
    buffer_finish(&printed);
    for (unsigned i = 0; i < 3; i++)
        buffer_finish(&bytes[i]);
    arena_finish(&arena);
    return 0;
}
