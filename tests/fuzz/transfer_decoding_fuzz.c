/* Transfer decoding: the same in any cutting, and never more than came in. What is encoded, in any
 * cutting, is decoded to the same bytes. */
#include "base/check.h"
#include "mail/transfer_decoding.h"
#include "mail/transfer_encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(enum mime_encoding encoding, struct text bytes, size_t step, struct buffer *out)
{
    struct quoted_printable printable = {.out = out};
    struct base64_lines lines = {.out = out};
    for (size_t at = 0; at < bytes.length; at += step) {
        struct text piece = text_head(text_from_position(bytes, at), step);
        if (encoding == MIME_BASE64)
            base64_lines_feed(&lines, piece);
        else
            quoted_printable_feed(&printable, piece);
    }
    if (encoding == MIME_BASE64)
        base64_lines_end(&lines, false);
    else
        quoted_printable_end(&printable, false);
}

static void expect_back(enum mime_encoding encoding, struct text bytes, size_t step)
{
    struct buffer encoded, decoded;
    buffer_init(&encoded, 4 * bytes.length + 100);
    buffer_init(&decoded, bytes.length + 16);
    encode(encoding, bytes, step, &encoded);
    check(transfer_decode(encoding, buffer_text(&encoded), &decoded));
    check(text_equals(buffer_text(&decoded), bytes));
    buffer_finish(&encoded);
    buffer_finish(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum mime_encoding encoding = data[0] & 1 ? MIME_BASE64 : MIME_QUOTED_PRINTABLE;
    size_t step = 1 + data[1] % 16u;
    struct text bytes = text_of(data + 2, size - 2);
    struct buffer whole, pieces;
    struct transfer_decoder decoder;
    buffer_init(&whole, size + 16);
    buffer_init(&pieces, size + 16);
    check(transfer_decode(encoding, bytes, &whole));
    transfer_decoder_init(&decoder, encoding);
    for (size_t at = 0; at < bytes.length; at += step)
        check(transfer_decoder_feed(&decoder, text_head(text_from_position(bytes, at), step),
                                    &pieces));
    check(transfer_decoder_end(&decoder, &pieces));
    check(text_equals(buffer_text(&whole), buffer_text(&pieces)));
    check(whole.length <= bytes.length);
    buffer_finish(&whole);
    buffer_finish(&pieces);
    expect_back(encoding, bytes, step);
    return 0;
}
