/* What a conversion must keep, for the unit test and the fuzzer: every leaf decodes to the same
 * bytes before and after. The decoders are written for this alone and share nothing with the
 * encoders. */
#ifndef CONVERT_ORACLE_H
#define CONVERT_ORACLE_H

#include <string.h>

#include "base/check.h"
#include "mail/convert.h"
#include "mail/mime.h"

static inline int oracle_hex(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

/* RFC 2045 6.7; what is not encoded rightly stands for itself. */
static inline void oracle_from_quoted_printable(struct text body, struct buffer *out)
{
    for (size_t i = 0; i < body.length; i++) {
        struct text rest = text_from_position(body, i);
        if (text_starts_with(rest, TEXT("=\r\n"))) {
            i += 2;
        } else if (rest.length > 2 && rest.data[0] == '=' && oracle_hex(rest.data[1]) >= 0 &&
                   oracle_hex(rest.data[2]) >= 0) {
            buffer_append_byte(out,
                               (char)(oracle_hex(rest.data[1]) << 4 | oracle_hex(rest.data[2])));
            i += 2;
        } else {
            buffer_append_byte(out, body.data[i]);
        }
    }
}

/* RFC 2045 6.8: bytes outside of the alphabet mean nothing. */
static inline void oracle_from_base64(struct text body, struct buffer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0, count = 0;
    for (size_t i = 0; i < body.length && body.data[i] != '='; i++) {
        const char *found = body.data[i] == '\0' ? NULL : strchr(digits, body.data[i]);
        if (found == NULL)
            continue;
        bits = bits << 6 | (unsigned)(found - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buffer_append_byte(out, (char)(bits >> count));
        }
    }
}

/* The next leaf from `part` on, which counts. */
static inline const struct mime_part *oracle_leaf(const struct mime_part *part)
{
    while (part != NULL && part->first_child != NULL)
        part = part->first_child;
    return part;
}

static inline const struct mime_part *oracle_next_leaf(const struct mime_part *part)
{
    while (part != NULL && part->next == NULL)
        part = part->parent;
    return part == NULL ? NULL : oracle_leaf(part->next);
}

static inline void oracle_decode(struct text message, const struct mime_part *part,
                                 struct buffer *out)
{
    struct text body = text_head(text_from_position(message, part->body_start), part->body_length);
    buffer_reset(out, 1 << 20);
    if (part->encoding == MIME_QUOTED_PRINTABLE)
        oracle_from_quoted_printable(body, out);
    else if (part->encoding == MIME_BASE64)
        oracle_from_base64(body, out);
    else
        buffer_append(out, body);
    check(!out->overflowed);
}

/* The same structure, and the same bytes in every leaf. */
static inline void oracle_expect_same(struct text before, struct text after)
{
    struct arena arena;
    struct mime_tree trees[2];
    struct buffer bytes[2];
    arena_init(&arena);
    mime_scan(before, MIME_LIMITS_DEFAULT, &arena, &trees[0]);
    mime_scan(after, MIME_LIMITS_DEFAULT, &arena, &trees[1]);
    buffer_init(&bytes[0], 64 << 20);
    buffer_init(&bytes[1], 64 << 20);
    const struct mime_part *a = oracle_leaf(trees[0].root), *b = oracle_leaf(trees[1].root);
    for (; a != NULL && b != NULL; a = oracle_next_leaf(a), b = oracle_next_leaf(b)) {
        check(a->depth == b->depth);
        check(text_equals(a->type.value, b->type.value));
        check(text_equals(a->type.subtype, b->type.subtype));
        oracle_decode(before, a, &bytes[0]);
        oracle_decode(after, b, &bytes[1]);
        check(text_equals(buffer_text(&bytes[0]), buffer_text(&bytes[1])));
    }
    check(a == NULL && b == NULL);
    buffer_finish(&bytes[0]);
    buffer_finish(&bytes[1]);
    arena_finish(&arena);
}

/* Convert a whole message, fed in pieces of `cut` bytes (0: at once). OK: *needed, and then the
 * result in out, which must be as long as was planned. */
static inline enum status oracle_convert(struct text message, enum mime_encoding holds,
                                         enum mime_encoding takes, size_t cut, bool *needed,
                                         const char **code, struct buffer *out)
{
    struct convert *convert = convert_new(holds, takes);
    size_t step = cut == 0 ? message.length + 1 : cut;
    for (size_t at = 0; at < message.length; at += step)
        convert_look(convert, text_head(text_from_position(message, at), step));
    enum status status = convert_plan(convert, needed, code);
    buffer_reset(out, 1 << 20);
    for (size_t at = 0; status == OK && *needed && at < message.length; at += step) {
        size_t before = out->length;
        struct text piece = text_head(text_from_position(message, at), step);
        convert_write(convert, piece, out);
        check(out->length - before <= piece.length * CONVERT_MOST_GROWTH + CONVERT_MOST_EXTRA);
    }
    if (status == OK && *needed) {
        convert_write_end(convert, out);
        check(!out->overflowed && out->length == convert_length(convert));
    }
    convert_free(&convert);
    return status;
}

#endif
