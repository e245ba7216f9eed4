#include "mail/orcpt.h"

#include "base/encoding.h"

static bool is_type(struct text type)
{
    for (size_t i = 0; i < type.length; i++) {
        char c = type.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return type.length > 0;
}

/* QCHAR of RFC 6533 3: what stands for itself. */
static bool is_plain(unsigned c)
{
    return c > 32 && c < 127 && c != '+' && c != '=' && c != '\\';
}

/* "\x{4E2D}" at the start of *rest, of two to six digits. What could stand for itself must not be
 * written so, and control characters must not come at all: they would forge fields of a report. */
static bool take_embedded(struct text *rest, unsigned *c)
{
    enum { DIGITS_LEAST = 2, DIGITS_MOST = 6 };
    struct text digits = text_before(text_from_position(*rest, 3), '}');
    if (!text_starts_with(*rest, TEXT("\\x{")) || digits.length < DIGITS_LEAST ||
        digits.length > DIGITS_MOST || rest->length == 3 + digits.length)
        return false;
    *c = 0;
    for (size_t i = 0; i < digits.length; i++) {
        int value = hex_digit_value(digits.data[i]);
        if (value < 0)
            return false;
        *c = *c << 4 | (unsigned)value;
    }
    *rest = text_from_position(*rest, digits.length + 4);
    bool is_control = *c < 32 || (*c >= 127 && *c < 160);
    return !is_plain(*c) && !is_control;
}

static bool decode_utf8(struct text encoded, struct buffer *out)
{
    if (!utf8_is_valid(encoded))
        return false;
    while (encoded.length > 0) {
        unsigned c = (unsigned char)encoded.data[0];
        bool good;
        if (c == '\\') {
            good = take_embedded(&encoded, &c) && utf8_append(out, c);
        } else {
            good = (c >= 128 || is_plain(c)) && buffer_append_byte(out, (char)c);
            encoded = text_from_position(encoded, 1);
        }
        if (!good)
            return false;
    }
    return true;
}

static bool holds_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        /* C1 controls are C2 80 to C2 9F. */
        bool is_c1 = byte == 0xc2 && i + 1 < text.length && (unsigned char)text.data[i + 1] < 0xa0;
        if (byte < 32 || byte == 127 || is_c1)
            return true;
    }
    return false;
}

static bool decode_xtext(struct text encoded, struct buffer *out)
{
    size_t start = out->length;
    if (!xtext_decode(encoded, out))
        return false;
    for (size_t i = start; i < out->length; i++)
        if ((unsigned char)out->data[i] >= 128)
            return false;
    return true;
}

bool orcpt_decode(struct text given, struct text *type, struct buffer *address)
{
    struct text encoded = text_after(given, ';');
    size_t start = address->length;
    *type = text_before(given, ';');
    if (!is_type(*type) || encoded.length == 0)
        return false;
    bool is_utf8 = text_equals_nocase(*type, TEXT("utf-8"));
    bool good = is_utf8 ? decode_utf8(encoded, address) : decode_xtext(encoded, address);
    return good && !holds_control(text_from_position(buffer_text(address), start));
}

bool orcpt_to_ascii(struct text given, struct buffer *out)
{
    size_t at = 0;
    while (at < given.length) {
        unsigned c;
        size_t length = utf8_next(text_from_position(given, at), &c);
        if (length == 0)
            return false;
        if (c < 128)
            buffer_append_byte(out, (char)c);
        else
            buffer_printf(out, "\\x{%02X}", c);
        at += length;
    }
    return !out->overflowed;
}
