#include "base/encoding.h"

#include <string.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct text bytes, struct buffer *out)
{
    for (size_t i = 0; i < bytes.length; i += 3) {
        const unsigned char *at = (const unsigned char *)bytes.data + i;
        size_t left = bytes.length - i;
        unsigned word =
            (unsigned)at[0] << 16 | (left > 1 ? (unsigned)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        char four[4] = {base64_digits[word >> 18], base64_digits[word >> 12 & 63],
                        left > 1 ? base64_digits[word >> 6 & 63] : '=',
                        left > 2 ? base64_digits[word & 63] : '='};
        if (!buffer_append(out, text_of(four, 4)))
            return false;
    }
    return true;
}

int base64_digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four; `last` allows padding. Unused bits must be zero (RFC 4648 3.5). */
static bool base64_decode_group(const char *four, bool last, struct buffer *out)
{
    int a = base64_digit_value(four[0]), b = base64_digit_value(four[1]);
    int c = base64_digit_value(four[2]), d = base64_digit_value(four[3]);
    if (a < 0 || b < 0)
        return false;
    if (!buffer_append_byte(out, (char)(a << 2 | b >> 4)))
        return false;
    if (last && four[2] == '=' && four[3] == '=')
        return (b & 15) == 0;
    if (c < 0 || !buffer_append_byte(out, (char)((b & 15) << 4 | c >> 2)))
        return false;
    if (last && four[3] == '=')
        return (c & 3) == 0;
    return d >= 0 && buffer_append_byte(out, (char)((c & 3) << 6 | d));
}

bool base64_decode(struct text text, struct buffer *out)
{
    if (text.length % 4 != 0)
        return false;
    for (size_t i = 0; i < text.length; i += 4)
        if (!base64_decode_group(text.data + i, i + 4 == text.length, out))
            return false;
    return true;
}

int hex_digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int hex_byte_value(struct text text)
{
    int high = text.length >= 2 ? hex_digit_value(text.data[0]) : -1;
    int low = high >= 0 ? hex_digit_value(text.data[1]) : -1;
    return low >= 0 ? high << 4 | low : -1;
}

static const char upper_hex_digits[] = "0123456789ABCDEF";

bool xtext_encode(struct text bytes, struct buffer *out)
{
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        char three[3] = {'+', upper_hex_digits[byte >> 4], upper_hex_digits[byte & 15]};
        bool plain = byte > 32 && byte < 127 && byte != '+' && byte != '=';
        if (!(plain ? buffer_append_byte(out, (char)byte) : buffer_append(out, text_of(three, 3))))
            return false;
    }
    return true;
}

static int upper_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool xtext_decode(struct text text, struct buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '+') {
            if (text.length - i < 3)
                return false;
            int high = upper_hex_value(text.data[i + 1]), low = upper_hex_value(text.data[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c <= 32 || c == 127 || c == '=') {
            return false;
        }
        if (!buffer_append_byte(out, c))
            return false;
    }
    return true;
}

size_t ascii_length(struct text text)
{
    const uint64_t high_bits = 0x8080808080808080u;
    uint64_t word;
    size_t at = 0;
    for (; at + sizeof(word) <= text.length; at += sizeof(word)) {
        memcpy(&word, text.data + at, sizeof(word));
        if ((word & high_bits) != 0)
            break;
    }
    while (at < text.length && (unsigned char)text.data[at] < 0x80)
        at++;
    return at;
}

/* Length of the well-formed sequence at the start, 0 when there is none. */
static size_t utf8_sequence(const unsigned char *at, size_t left)
{
    unsigned first = at[0];
    if (first < 0x80)
        return 1;
    size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0 || left < length)
        return 0;
    unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return length;
}

bool utf8_is_valid(struct text text)
{
    for (size_t i = ascii_length(text); i < text.length;) {
        size_t length = utf8_sequence((const unsigned char *)text.data + i, text.length - i);
        if (length == 0)
            return false;
        i += length;
        i += ascii_length(text_from_position(text, i));
    }
    return true;
}

size_t utf8_next(struct text text, unsigned *character)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t length = text.length == 0 ? 0 : utf8_sequence(at, text.length);
    if (length == 0)
        return 0;
    *character = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        *character = *character << 6 | (at[i] & 0x3fu);
    return length;
}

bool utf8_append(struct buffer *out, unsigned character)
{
    char bytes[4];
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        return false;
    for (size_t i = length - 1; i > 0; i--, character >>= 6)
        bytes[i] = (char)(0x80 | (character & 0x3f));
    bytes[0] = (char)(length == 1 ? character : (0xf00u >> length & 0xff) | character);
    return buffer_append(out, text_of(bytes, length));
}
