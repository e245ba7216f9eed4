/* An owned, growing run of bytes with a limit it is born with. Passing the limit is a failure
 * that sticks: nothing more is appended and `overflowed` stays set, so one check at the end of a
 * composition is enough. It never truncates silently. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/text.h"

struct buffer {
    char *data;
    size_t length;
    size_t capacity;
    size_t limit;
    bool overflowed;
};

void buffer_init(struct buffer *buffer, size_t limit);
/* Frees the bytes; the struct may be initialised again. */
void buffer_finish(struct buffer *buffer);
/* The same for one that held a secret: nothing of it stays in the heap. */
void buffer_forget(struct buffer *buffer);
/* Empty it and clear `overflowed`; keeps the memory unless it is larger than keep_bytes. */
void buffer_reset(struct buffer *buffer, size_t keep_bytes);

bool buffer_append(struct buffer *buffer, struct text text);
bool buffer_append_byte(struct buffer *buffer, char byte);
bool buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for `wanted` more bytes at the end, or NULL (and overflowed). Follow with buffer_grew. */
char *buffer_reserve(struct buffer *buffer, size_t wanted);
void buffer_grew(struct buffer *buffer, size_t added);
/* Drop bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t count);
/* Cut to a shorter length. */
void buffer_cut(struct buffer *buffer, size_t length);

/* Borrowed until the next change. */
struct text buffer_text(const struct buffer *buffer);

#endif
