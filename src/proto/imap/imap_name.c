#include "proto/imap/imap_name.h"

#include "base/encoding.h"
#include "proto/imap/imap_write.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int digit_value(char c)
{
    for (int i = 0; i < 64; i++)
        if (digits[i] == c)
            return i;
    return -1;
}

static void put_utf8(struct buffer *out, uint32_t point)
{
    if (point < 0x80) {
        buffer_append_byte(out, (char)point);
        return;
    }
    unsigned more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xc0, 0xe0, 0xf0};
    buffer_append_byte(out, (char)(heads[more] | point >> (6 * more)));
    while (more-- > 0)
        buffer_append_byte(out, (char)(0x80 | (point >> (6 * more) & 0x3f)));
}

/* UTF-16 as it comes out of the digits. */
struct utf16 {
    uint32_t bits; /* not used yet */
    unsigned bit_count;
    uint32_t high; /* a high surrogate waits for its low one; 0: none */
    bool bad;
};

static void take_unit(struct utf16 *in, uint32_t unit, struct buffer *out)
{
    bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;
    if (is_low != (in->high != 0)) {
        in->bad = true;
    } else if (is_high) {
        in->high = unit;
    } else if (is_low) {
        put_utf8(out, 0x10000 + ((in->high - 0xd800) << 10) + (unit - 0xdc00));
        in->high = 0;
    } else {
        /* What can stand for itself must (RFC 3501 5.1.3). */
        in->bad = in->bad || (unit >= 0x20 && unit < 0x7f);
        put_utf8(out, unit);
    }
}

/* What stands between "&" and "-". */
static bool decode_run(struct text run, struct buffer *out)
{
    struct utf16 in = {0};
    for (size_t i = 0; i < run.length && !in.bad; i++) {
        int value = digit_value(run.data[i]);
        if (value < 0)
            return false;
        in.bits = (in.bits << 6 | (uint32_t)value) & 0x3fffff;
        in.bit_count += 6;
        if (in.bit_count < 16)
            continue;
        in.bit_count -= 16;
        take_unit(&in, in.bits >> in.bit_count & 0xffff, out);
    }
    /* Less than a digit is left, and nothing is in it. */
    return !in.bad && in.high == 0 && in.bit_count < 6 &&
           (in.bits & ((1u << in.bit_count) - 1)) == 0;
}

static bool decode(struct text text, struct buffer *out)
{
    bool after_run = false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if ((unsigned char)c < 32 || (unsigned char)c > 126)
            return false;
        if (c != '&') {
            buffer_append_byte(out, c);
            after_run = false;
            continue;
        }
        struct text rest = text_from_position(text, i + 1);
        size_t end = text_find(rest, '-');
        if (end == rest.length)
            return false;
        /* Two runs in a row would have been one. */
        if (end > 0 && (after_run || !decode_run(text_head(rest, end), out)))
            return false;
        if (end == 0)
            buffer_append_byte(out, '&');
        after_run = end > 0;
        i += end + 1;
    }
    return true;
}

bool imap_utf7_decode(struct text text, struct arena *arena, struct text *out)
{
    struct buffer name;
    buffer_init(&name, 2 * text.length + 4);
    bool good = decode(text, &name) && !name.overflowed;
    *out = good ? arena_copy(arena, buffer_text(&name)) : TEXT("");
    buffer_finish(&name);
    return good;
}

/* The code point at the start of well-formed UTF-8. */
static uint32_t take_point(struct text *rest)
{
    unsigned char first = (unsigned char)rest->data[0];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    static const unsigned char masks[] = {0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = first & masks[more];
    for (unsigned i = 1; i <= more && i < rest->length; i++)
        point = point << 6 | ((unsigned char)rest->data[i] & 0x3f);
    *rest = text_from_position(*rest, more + 1);
    return point;
}

struct encoder {
    struct buffer *out;
    uint32_t bits;
    unsigned bit_count;
    bool in_run;
};

static void put_unit(struct encoder *encoder, uint32_t unit)
{
    encoder->bits = encoder->bits << 16 | unit;
    encoder->bit_count += 16;
    while (encoder->bit_count >= 6) {
        encoder->bit_count -= 6;
        buffer_append_byte(encoder->out, digits[encoder->bits >> encoder->bit_count & 63]);
    }
}

static void end_run(struct encoder *encoder)
{
    if (!encoder->in_run)
        return;
    if (encoder->bit_count > 0)
        buffer_append_byte(encoder->out, digits[encoder->bits << (6 - encoder->bit_count) & 63]);
    buffer_append_byte(encoder->out, '-');
    *encoder = (struct encoder){.out = encoder->out};
}

void imap_utf7_encode(struct text name, struct buffer *out)
{
    struct encoder encoder = {.out = out};
    while (name.length > 0) {
        uint32_t point = take_point(&name);
        if (point >= 0x20 && point < 0x7f) {
            end_run(&encoder);
            buffer_append_byte(out, (char)point);
            if (point == '&')
                buffer_append_byte(out, '-');
            continue;
        }
        if (!encoder.in_run)
            buffer_append_byte(out, '&');
        encoder.in_run = true;
        if (point >= 0x10000) {
            put_unit(&encoder, 0xd800 + ((point - 0x10000) >> 10));
            put_unit(&encoder, 0xdc00 + ((point - 0x10000) & 0x3ff));
        } else {
            put_unit(&encoder, point);
        }
    }
    end_run(&encoder);
}

bool imap_name_read(struct text written, bool is_utf8, struct arena *arena, struct text *out)
{
    *out = written;
    if (is_utf8 ? !utf8_is_valid(written) : !imap_utf7_decode(written, arena, out))
        return false;
    struct text first = text_before(*out, '/');
    if (text_equals_nocase(first, TEXT("INBOX")))
        *out = arena_printf(arena, "INBOX%.*s", TEXT_ARG(text_from_position(*out, first.length)));
    return true;
}

void imap_put_name(struct buffer *out, struct text name, bool is_utf8)
{
    if (is_utf8) {
        imap_put_utf8(out, name);
        return;
    }
    struct buffer encoded;
    buffer_init(&encoded, 3 * name.length + 16);
    imap_utf7_encode(name, &encoded);
    imap_put_astring(out, buffer_text(&encoded));
    buffer_finish(&encoded);
}
