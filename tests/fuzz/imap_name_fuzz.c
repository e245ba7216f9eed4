/* Names of mailboxes. What decodes is UTF-8 and encodes to the same bytes again; every UTF-8 name
 * encodes to what decodes to it. The first byte parts pattern and name for the matcher, which
 * agrees with a slow one. */
#include "base/check.h"
#include "base/encoding.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_round_trips(struct text text)
{
    struct arena arena;
    struct text decoded, again;
    struct buffer encoded;
    arena_init(&arena);
    buffer_init(&encoded, 8 * text.length + 16);
    if (imap_utf7_decode(text, &arena, &decoded)) {
        check(utf8_is_valid(decoded));
        imap_utf7_encode(decoded, &encoded);
        check(text_equals(buffer_text(&encoded), text));
    }
    buffer_reset(&encoded, 8 * text.length + 16);
    if (utf8_is_valid(text)) {
        imap_utf7_encode(text, &encoded);
        check(imap_utf7_decode(buffer_text(&encoded), &arena, &again));
        check(text_equals(again, text));
    }
    buffer_finish(&encoded);
    arena_finish(&arena);
}

/* As one would write it down; exponential, so for short ones alone. */
static bool matches_slowly(struct text pattern, struct text name)
{
    if (pattern.length == 0)
        return name.length == 0;
    char c = pattern.data[0];
    struct text rest = text_from_position(pattern, 1);
    if (c != '*' && c != '%')
        return name.length > 0 && name.data[0] == c &&
               matches_slowly(rest, text_from_position(name, 1));
    for (size_t i = 0; i <= name.length; i++) {
        if (matches_slowly(rest, text_from_position(name, i)))
            return true;
        if (c == '%' && i < name.length && name.data[i] == '/')
            break;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct text text = text_of(data + 1, size - 1);
    expect_round_trips(text);
    size_t length = data[0] % 12;
    struct text pattern = text_head(text, length), name = text_from_position(text, length);
    bool found = imap_pattern_matches(pattern, name);
    if (name.length <= 16)
        check(found == matches_slowly(pattern, name));
    return 0;
}
