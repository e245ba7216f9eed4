/* Messages converted for lesser hops. Oracle: every leaf decodes to the same bytes; nothing is left
 * that the hop does not take; nothing more is to be done the second time; the size was foretold;
 * and however the bytes are cut the result is the same. The first byte chooses. */
#include "convert_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum mime_encoding holds = (data[0] & 1) != 0 ? MIME_BINARY : MIME_8BIT;
    enum mime_encoding takes = holds == MIME_BINARY && (data[0] & 2) != 0 ? MIME_8BIT : MIME_7BIT;
    struct text message = text_of(data + 1, size - 1);
    struct buffer whole, pieces;
    bool needed, needed_again;
    const char *code;
    buffer_init(&whole, 64 << 20);
    buffer_init(&pieces, 64 << 20);
    enum status status = oracle_convert(message, holds, takes, 0, &needed, &code, &whole);
    check(status ==
          oracle_convert(message, holds, takes, 1 + data[0] / 4, &needed_again, &code, &pieces));
    check(status != OK || needed == needed_again);
    check(text_equals(buffer_text(&whole), buffer_text(&pieces)));
    if (status == OK && needed) {
        struct text after = buffer_text(&whole);
        oracle_expect_same(message, after);
        for (size_t i = 0; i < after.length && takes == MIME_7BIT; i++)
            check((unsigned char)after.data[i] < 0x80);
        check(oracle_convert(after, holds, takes, 0, &needed_again, &code, &pieces) == OK);
        check(!needed_again);
    }
    buffer_finish(&whole);
    buffer_finish(&pieces);
    return 0;
}
