/* A borrowed slice of bytes: pointer and length, never NUL-ended, never owned. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    const char *data;
    size_t length;
};

/* A slice of a string literal. */
#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s". */
#define TEXT_ARG(text) (int)(text).length, (text).data

/* Borrow a NUL-ended string; NULL gives the empty slice. */
struct text text_from(const char *string);
struct text text_of(const void *data, size_t length);

bool text_is_empty(struct text text);
bool text_equals(struct text a, struct text b);
/* ASCII case folding only; for international text see mail/address.h. */
bool text_equals_nocase(struct text a, struct text b);
/* Bytewise order, shorter first on a tie; as memcmp. */
int text_compare(struct text a, struct text b);
bool text_starts_with(struct text text, struct text prefix);
bool text_starts_with_nocase(struct text text, struct text prefix);
bool text_ends_with_nocase(struct text text, struct text suffix);
/* Position of the first (last) byte c, or text.length when there is none. */
size_t text_find(struct text text, char c);
size_t text_find_last(struct text text, char c);
/* Position of needle, or text.length. */
size_t text_find_text(struct text text, struct text needle);

/* The part from position on; empty when position is past the end. */
struct text text_from_position(struct text text, size_t position);
/* At most length bytes from the start. */
struct text text_head(struct text text, size_t length);
/* What stands before / after the first c. Without c: the whole text / the empty slice. */
struct text text_before(struct text text, char c);
struct text text_after(struct text text, char c);
/* Without white space (SP HT CR LF) at both ends. */
struct text text_trim(struct text text);

/* Take the part up to separator off *rest, and the separator. False when *rest was empty and
 * ended; "a,,b" gives "a", "", "b"; a trailing separator gives a last empty part only if asked
 * again, so "a," gives "a" alone. */
bool text_split(struct text *rest, char separator, struct text *part);
/* Take the next word (separated by SP and HT) off *rest. False when there is none. */
bool text_word(struct text *rest, struct text *word);

/* The whole text is a decimal number within range. No sign, no white space, no octal. */
bool text_to_u32(struct text text, uint32_t *out);
bool text_to_u64(struct text text, uint64_t *out);

/* A NUL-ended copy the caller frees. */
char *text_to_string(struct text text);
/* Copy into a fixed array, NUL-ended. False (and an empty string) when it does not fit. */
bool text_copy(struct text text, char *out, size_t capacity);

#endif
