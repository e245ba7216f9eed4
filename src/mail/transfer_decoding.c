#include "mail/transfer_decoding.h"

#include "base/encoding.h"

enum { BLANKS_MAX = 1 << 16 };

void transfer_decoder_init(struct transfer_decoder *decoder, enum mime_encoding encoding)
{
    *decoder = (struct transfer_decoder){.encoding = encoding};
    buffer_init(&decoder->blanks, BLANKS_MAX);
}

/* Base64 */

/* RFC 2045 6.8: what is not of the alphabet is passed over; behind the padding nothing counts. */
static bool feed_base64(struct transfer_decoder *decoder, struct text bytes, struct buffer *out)
{
    bool fits = true;
    for (size_t i = 0; i < bytes.length && fits && !decoder->ended; i++) {
        char c = bytes.data[i];
        int value = base64_digit_value(c);
        decoder->ended = c == '=';
        if (value < 0) {
            decoder->met_error |= c != '=' && c != '\r' && c != '\n';
            continue;
        }
        decoder->bits = decoder->bits << 6 | (uint32_t)value;
        decoder->bit_count += 6;
        if (decoder->bit_count < 8)
            continue;
        decoder->bit_count -= 8;
        fits = buffer_append_byte(out, (char)(decoder->bits >> decoder->bit_count));
    }
    return fits;
}

/* Quoted-printable */

static bool put_blanks(struct transfer_decoder *decoder, struct buffer *out)
{
    bool fits = buffer_append(out, buffer_text(&decoder->blanks));
    buffer_reset(&decoder->blanks, BLANKS_MAX);
    return fits;
}

/* RFC 2045 6.7 (3): white space at the end of a line was added on the way. */
static bool put_plain(struct transfer_decoder *decoder, char c, struct buffer *out)
{
    if ((c == ' ' || c == '\t') && buffer_append_byte(&decoder->blanks, c))
        return true;
    if (c == '\r' || c == '\n')
        buffer_reset(&decoder->blanks, BLANKS_MAX);
    return put_blanks(decoder, out) && buffer_append_byte(out, c);
}

/* "=" met something that it can't be followed by: all of it is what it looks like. */
static bool put_held(struct transfer_decoder *decoder, struct buffer *out)
{
    unsigned count = decoder->held_count;
    bool fits = true;
    decoder->met_error = true;
    decoder->held_count = 0;
    for (unsigned i = 0; i < count && fits; i++)
        fits = put_plain(decoder, decoder->held[i], out);
    return fits;
}

/* One more byte behind "=". */
static bool feed_escape(struct transfer_decoder *decoder, char c, struct buffer *out)
{
    char before = decoder->held_count == 2 ? decoder->held[1] : '\0';
    bool blank_ends = c == '\n' && (before == '\r' || before == ' ' || before == '\t');
    if ((c == '\n' && before == '\0') || blank_ends) {
        decoder->held_count = 0; /* a soft line end */
        return true;
    }
    if (before == '\0' && (hex_digit_value(c) >= 0 || c == '\r' || c == ' ' || c == '\t')) {
        decoder->held[decoder->held_count++] = c;
        return true;
    }
    if ((before == ' ' || before == '\t') && (c == ' ' || c == '\t' || c == '\r')) {
        decoder->held[1] = c;
        return true;
    }
    if (before != '\0' && hex_digit_value(before) >= 0 && hex_digit_value(c) >= 0) {
        decoder->held_count = 0;
        return put_blanks(decoder, out) &&
               buffer_append_byte(out, (char)(hex_digit_value(before) * 16 + hex_digit_value(c)));
    }
    return put_held(decoder, out) && transfer_decoder_feed(decoder, text_of(&c, 1), out);
}

static bool feed_quoted_printable(struct transfer_decoder *decoder, struct text bytes,
                                  struct buffer *out)
{
    bool fits = true;
    for (size_t i = 0; i < bytes.length && fits; i++) {
        char c = bytes.data[i];
        if (decoder->held_count > 0)
            fits = feed_escape(decoder, c, out);
        else if (c == '=')
            decoder->held[decoder->held_count++] = c;
        else
            fits = put_plain(decoder, c, out);
    }
    return fits;
}

bool transfer_decoder_feed(struct transfer_decoder *decoder, struct text bytes, struct buffer *out)
{
    switch (decoder->encoding) {
    case MIME_BASE64:
        return feed_base64(decoder, bytes, out);
    case MIME_QUOTED_PRINTABLE:
        return feed_quoted_printable(decoder, bytes, out);
    case MIME_7BIT:
    case MIME_8BIT:
    case MIME_BINARY:
    case MIME_ENCODING_UNKNOWN:
        break;
    }
    return buffer_append(out, bytes);
}

bool transfer_decoder_end(struct transfer_decoder *decoder, struct buffer *out)
{
    /* A "=" at the very end is a soft line end without its line. */
    bool fits = decoder->held_count <= 1 || put_held(decoder, out);
    buffer_finish(&decoder->blanks);
    return fits;
}

/* What still fits is given, so that a reader of the beginning has it whole. */
bool transfer_decode(enum mime_encoding encoding, struct text bytes, struct buffer *out)
{
    enum { PIECE = 1024 };
    struct transfer_decoder decoder;
    bool fits = true;
    transfer_decoder_init(&decoder, encoding);
    for (size_t at = 0; at < bytes.length && fits; at += PIECE)
        fits =
            transfer_decoder_feed(&decoder, text_head(text_from_position(bytes, at), PIECE), out);
    return transfer_decoder_end(&decoder, out) && fits;
}
