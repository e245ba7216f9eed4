/* Transfer decoding: the same in any cutting, and never more than came in. */
#include "base/check.h"
#include "mail/transfer_decoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    return 0;
}
