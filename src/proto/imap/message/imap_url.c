#include "proto/imap/message/imap_url.h"

#include "base/encoding.h"

/* RFC 3986 2.1. No NUL. */
static bool decode(struct text encoded, struct arena *arena, struct text *out)
{
    char *bytes = arena_alloc(arena, encoded.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < encoded.length; i++) {
        char c = encoded.data[i];
        if (c == '%') {
            int byte = hex_byte_value(text_from_position(encoded, i + 1));
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        if (c == '\0')
            return false;
        bytes[length++] = c;
    }
    *out = text_of(bytes, length);
    return true;
}

/* Take what stands before the next "/;" off *rest, and that. */
static struct text take_part(struct text *rest)
{
    size_t end = text_find_text(*rest, TEXT("/;"));
    struct text part = text_head(*rest, end);
    *rest = text_from_position(*rest, end + 2);
    return part;
}

/* "UID=20": the value behind this name. */
static bool value_of(struct text part, struct text name, struct text *value)
{
    *value = text_from_position(part, name.length);
    return text_starts_with_nocase(part, name) && value->length > 0;
}

static bool number_of(struct text part, struct text name, uint32_t *out)
{
    struct text value;
    return value_of(part, name, &value) && text_to_u32(value, out) && *out > 0;
}

/* "PARTIAL=0.1024"; without a length it goes to the end. */
static bool read_partial(struct text value, struct imap_url *out)
{
    struct text length = text_after(value, '.');
    out->is_partial = true;
    out->length = UINT32_MAX;
    return text_to_u64(text_before(value, '.'), &out->offset) &&
           (text_find(value, '.') == value.length ||
            (text_to_u32(length, &out->length) && out->length > 0));
}

/* ";UIDVALIDITY=1" may stand behind the mailbox. */
static bool read_mailbox(struct text part, struct arena *arena, struct imap_url *out)
{
    size_t end = text_find_last(part, ';');
    struct text parameter = text_from_position(part, end + 1);
    if (end < part.length && !number_of(parameter, TEXT("UIDVALIDITY="), &out->validity))
        return false;
    return end > 0 && decode(text_head(part, end), arena, &out->mailbox);
}

bool imap_url_read(struct text url, struct arena *arena, struct imap_url *out)
{
    struct text value, rest = text_from_position(url, 1);
    *out = (struct imap_url){.section = TEXT("")};
    if (!text_starts_with(url, TEXT("/")) || !read_mailbox(take_part(&rest), arena, out) ||
        !number_of(take_part(&rest), TEXT("UID="), &out->uid))
        return false;
    if (value_of(rest, TEXT("SECTION="), &value)) {
        value_of(take_part(&rest), TEXT("SECTION="), &value);
        if (!decode(value, arena, &out->section))
            return false;
    }
    if (rest.length == 0)
        return true;
    return value_of(rest, TEXT("PARTIAL="), &value) && read_partial(value, out);
}
