/* Text encodings of the mail world that carry bytes: base64, hexadecimal, xtext. */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include "base/buffer.h"

/* RFC 4648 4, padded, no line breaks. */
bool base64_encode(struct text bytes, struct buffer *out);
/* Strict: alphabet, padding and length must be right, nothing else. */
bool base64_decode(struct text text, struct buffer *out);
/* The value of a hexadecimal digit of either case, -1 for what is none. */
int hex_digit_value(char c);
/* The byte that the first two characters are the hexadecimal digits of; -1 when they are not. */
int hex_byte_value(struct text text);
/* The six bits that a digit of base64 stands for; -1 for what is none, and for the padding. */
int base64_digit_value(char c);
/* RFC 3461 4: xtext. Decoding is strict. */
bool xtext_encode(struct text bytes, struct buffer *out);
bool xtext_decode(struct text text, struct buffer *out);
/* How many bytes at the start are ASCII. */
size_t ascii_length(struct text text);
/* Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */
bool utf8_is_valid(struct text text);
/* The character at the start, and how many bytes it takes; 0 when there is none. */
size_t utf8_next(struct text text, unsigned *character);
/* False for what is no character, and when out is full. */
bool utf8_append(struct buffer *out, unsigned character);

#endif
