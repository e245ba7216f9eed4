#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { FIRST_CAPACITY = 128 };

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_finish(struct buffer *buffer)
{
    memory_give_back(buffer->capacity);
    free(buffer->data);
    *buffer = (struct buffer){.limit = buffer->limit};
}

void buffer_forget(struct buffer *buffer)
{
    if (buffer->data != NULL)
        explicit_bzero(buffer->data, buffer->capacity);
    buffer_finish(buffer);
}

void buffer_reset(struct buffer *buffer, size_t keep_bytes)
{
    if (buffer->capacity > keep_bytes)
        buffer_finish(buffer);
    buffer->length = 0;
    buffer->overflowed = false;
}

char *buffer_reserve(struct buffer *buffer, size_t wanted)
{
    size_t needed;
    if (buffer->overflowed || __builtin_add_overflow(buffer->length, wanted, &needed) ||
        needed > buffer->limit) {
        buffer->overflowed = true;
        return NULL;
    }
    if (needed > buffer->capacity || buffer->data == NULL) {
        size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity * 2;
        if (capacity < needed)
            capacity = needed;
        if (capacity > buffer->limit)
            capacity = buffer->limit;
        buffer->data = realloc(buffer->data, capacity);
        check(buffer->data != NULL);
        memory_draw(capacity - buffer->capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void buffer_grew(struct buffer *buffer, size_t added)
{
    check(added <= buffer->capacity - buffer->length);
    buffer->length += added;
}

bool buffer_append(struct buffer *buffer, struct text text)
{
    if (text.length == 0)
        return !buffer->overflowed;
    char *room = buffer_reserve(buffer, text.length);
    if (room == NULL)
        return false;
    memcpy(room, text.data, text.length);
    buffer->length += text.length;
    return true;
}

bool buffer_append_byte(struct buffer *buffer, char byte)
{
    return buffer_append(buffer, text_of(&byte, 1));
}

bool buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char small[256];
    int length = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    check(length >= 0);
    if ((size_t)length < sizeof(small))
        return buffer_append(buffer, text_of(small, (size_t)length));

    /* vsnprintf writes a NUL of its own, so format aside and append exactly the text. */
    char *large = malloc((size_t)length + 1);
    check(large != NULL);
    va_start(arguments, format);
    vsnprintf(large, (size_t)length + 1, format, arguments);
    va_end(arguments);
    bool fits = buffer_append(buffer, text_of(large, (size_t)length));
    free(large);
    return fits;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    check(count <= buffer->length);
    buffer->length -= count;
    if (buffer->length > 0)
        memmove(buffer->data, buffer->data + count, buffer->length);
}

void buffer_cut(struct buffer *buffer, size_t length)
{
    check(length <= buffer->length);
    buffer->length = length;
}

struct text buffer_text(const struct buffer *buffer)
{
    return text_of(buffer->data, buffer->length);
}
