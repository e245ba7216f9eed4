#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct text text_from(const char *string)
{
    return (struct text){string, string == NULL ? 0 : strlen(string)};
}

struct text text_of(const void *data, size_t length)
{
    return (struct text){data, length};
}

bool text_is_empty(struct text text)
{
    return text.length == 0;
}

bool text_equals(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Not strncasecmp, which takes two texts for equal when they agree up to a NUL. */
bool text_equals_nocase(struct text a, struct text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (fold(a.data[i]) != fold(b.data[i]))
            return false;
    return true;
}

int text_compare(struct text a, struct text b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

bool text_starts_with(struct text text, struct text prefix)
{
    return text_equals(text_head(text, prefix.length), prefix);
}

bool text_starts_with_nocase(struct text text, struct text prefix)
{
    return text_equals_nocase(text_head(text, prefix.length), prefix);
}

bool text_ends_with_nocase(struct text text, struct text suffix)
{
    if (text.length < suffix.length)
        return false;
    return text_equals_nocase(text_from_position(text, text.length - suffix.length), suffix);
}

size_t text_find(struct text text, char c)
{
    const char *at = text.length == 0 ? NULL : memchr(text.data, c, text.length);
    return at == NULL ? text.length : (size_t)(at - text.data);
}

size_t text_find_last(struct text text, char c)
{
    const char *at = text.length == 0 ? NULL : memrchr(text.data, c, text.length);
    return at == NULL ? text.length : (size_t)(at - text.data);
}

size_t text_find_text(struct text text, struct text needle)
{
    if (needle.length == 0 || text.length < needle.length)
        return needle.length == 0 ? 0 : text.length;
    const char *at = memmem(text.data, text.length, needle.data, needle.length);
    return at == NULL ? text.length : (size_t)(at - text.data);
}

struct text text_from_position(struct text text, size_t position)
{
    if (text.length == 0)
        return text;
    if (position > text.length)
        position = text.length;
    return (struct text){text.data + position, text.length - position};
}

struct text text_head(struct text text, size_t length)
{
    return (struct text){text.data, length < text.length ? length : text.length};
}

struct text text_before(struct text text, char c)
{
    return text_head(text, text_find(text, c));
}

struct text text_after(struct text text, char c)
{
    return text_from_position(text, text_find(text, c) + 1);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct text text_trim(struct text text)
{
    while (text.length > 0 && is_space(text.data[0]))
        text = text_from_position(text, 1);
    while (text.length > 0 && is_space(text.data[text.length - 1]))
        text.length--;
    return text;
}

bool text_split(struct text *rest, char separator, struct text *part)
{
    if (rest->length == 0)
        return false;
    *part = text_before(*rest, separator);
    *rest = text_after(*rest, separator);
    return true;
}

bool text_word(struct text *rest, struct text *word)
{
    while (rest->length > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        *rest = text_from_position(*rest, 1);
    size_t length = 0;
    while (length < rest->length && rest->data[length] != ' ' && rest->data[length] != '\t')
        length++;
    *word = text_head(*rest, length);
    *rest = text_from_position(*rest, length);
    return length > 0;
}

bool text_to_u64(struct text text, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    }
    *out = value;
    return text.length > 0;
}

bool text_to_u32(struct text text, uint32_t *out)
{
    uint64_t wide;
    if (!text_to_u64(text, &wide) || wide > UINT32_MAX)
        return false;
    *out = (uint32_t)wide;
    return true;
}

char *text_to_string(struct text text)
{
    char *copy = malloc(text.length + 1);
    check(copy != NULL);
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}

bool text_copy(struct text text, char *out, size_t capacity)
{
    bool fits = text.length < capacity;
    if (fits && text.length > 0)
        memcpy(out, text.data, text.length);
    out[fits ? text.length : 0] = '\0';
    return fits;
}
