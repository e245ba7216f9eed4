/* Both encoders hold back only what cannot be written before the next byte is known. */
#include "mail/transfer_encoding.h"

#include <string.h>

#include "base/encoding.h"

/* RFC 2045 6.7 (5): 76 bytes at most, the "=" of a soft line end among them. */
enum { LINE_MOST = 76 };

static void put(struct quoted_printable *encoder, struct text text)
{
    encoder->length += text.length;
    encoder->column += (unsigned)text.length;
    if (encoder->out != NULL)
        buffer_append(encoder->out, text);
}

static void end_line(struct quoted_printable *encoder, struct text end)
{
    put(encoder, end);
    encoder->column = 0;
}

static void put_byte(struct quoted_printable *encoder, char c, bool as_it_is)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char byte = (unsigned char)c;
    char escape[] = {'=', digits[byte >> 4], digits[byte & 15]};
    if (encoder->column + (as_it_is ? 1 : 3) >= LINE_MOST)
        end_line(encoder, TEXT("=\r\n"));
    if (as_it_is && c == '-' && encoder->column == 0)
        as_it_is = false;
    put(encoder, as_it_is ? text_of(&c, 1) : text_of(escape, 3));
}

static void put_held_blank(struct quoted_printable *encoder, bool as_it_is)
{
    if (encoder->held_blank != '\0')
        put_byte(encoder, encoder->held_blank, as_it_is);
    encoder->held_blank = '\0';
}

static void put_held_cr(struct quoted_printable *encoder)
{
    if (!encoder->held_cr)
        return;
    put_held_blank(encoder, true);
    put_byte(encoder, '\r', false);
    encoder->held_cr = false;
}

static void feed_byte(struct quoted_printable *encoder, char c)
{
    if (encoder->held_cr && c == '\n') {
        encoder->held_cr = false;
        put_held_blank(encoder, false);
        end_line(encoder, TEXT("\r\n"));
        return;
    }
    put_held_cr(encoder);
    if (c == '\r') {
        encoder->held_cr = true;
        return;
    }
    put_held_blank(encoder, true);
    if (c == ' ' || c == '\t')
        encoder->held_blank = c;
    else
        put_byte(encoder, c, c > ' ' && c <= '~' && c != '=');
}

void quoted_printable_feed(struct quoted_printable *encoder, struct text bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        feed_byte(encoder, bytes.data[i]);
}

void quoted_printable_end(struct quoted_printable *encoder, bool ends_message)
{
    put_held_cr(encoder);
    put_held_blank(encoder, false);
    if (ends_message && encoder->column > 0)
        end_line(encoder, TEXT("=\r\n"));
}

static void put_line(struct base64_lines *encoder)
{
    struct text line = text_of(encoder->held, encoder->held_count);
    encoder->length += (encoder->has_line ? 2 : 0) + (line.length + 2) / 3 * 4;
    if (encoder->out != NULL) {
        if (encoder->has_line)
            buffer_append(encoder->out, TEXT("\r\n"));
        base64_encode(line, encoder->out);
    }
    encoder->has_line = true;
    encoder->held_count = 0;
}

void base64_lines_feed(struct base64_lines *encoder, struct text bytes)
{
    while (!text_is_empty(bytes)) {
        struct text part = text_head(bytes, BASE64_LINE_BYTES - encoder->held_count);
        memcpy(encoder->held + encoder->held_count, part.data, part.length);
        encoder->held_count += (unsigned)part.length;
        bytes = text_from_position(bytes, part.length);
        if (encoder->held_count == BASE64_LINE_BYTES)
            put_line(encoder);
    }
}

void base64_lines_end(struct base64_lines *encoder, bool ends_message)
{
    if (encoder->held_count > 0)
        put_line(encoder);
    if (!ends_message || !encoder->has_line)
        return;
    encoder->length += 2;
    if (encoder->out != NULL)
        buffer_append(encoder->out, TEXT("\r\n"));
}
