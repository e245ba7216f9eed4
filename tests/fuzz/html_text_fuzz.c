/* HTML as text. Oracle: however the bytes are cut the text is the same; UTF-8 stays UTF-8; and it
 * is not much longer than what it was made of. */
#include <stdint.h>

#include "base/check.h"
#include "base/encoding.h"
#include "mail/html_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct html_text whole, pieces;
    struct buffer out, again;
    if (size < 1 || size > 1 << 16)
        return 0;
    struct text html = text_of(data + 1, size - 1);
    buffer_init(&out, 1 << 20);
    buffer_init(&again, 1 << 20);
    html_text_init(&whole);
    html_text_feed(&whole, html, &out);
    html_text_end(&whole, &out);
    html_text_init(&pieces);
    for (size_t at = 0; at < html.length; at += 1 + data[0] % 16)
        html_text_feed(&pieces, text_head(text_from_position(html, at), 1 + data[0] % 16), &again);
    html_text_end(&pieces, &again);
    check(text_equals(buffer_text(&out), buffer_text(&again)));
    check(out.length <= html.length + 2);
    check(!utf8_is_valid(html) || utf8_is_valid(buffer_text(&out)));
    buffer_finish(&out);
    buffer_finish(&again);
    return 0;
}
