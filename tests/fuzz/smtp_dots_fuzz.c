/* Dot-stuffing. Oracle: a strict receiver reads back the message with its line ends made CRLF, and
 * neither it nor one that takes a bare LF for a line end sees a final dot before ours. */
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "proto/smtp/client/smtp_client_dots.h"

static void stuff(struct text message, size_t cut, struct buffer *out)
{
    struct smtp_dots dots = {0};
    while (!text_is_empty(message)) {
        struct text part = text_head(message, cut), piece;
        message = text_from_position(message, cut);
        while (smtp_dots_next(&dots, &part, &piece))
            check(piece.length > 0 && buffer_append(out, piece));
    }
    buffer_append(out, smtp_dots_end(&dots));
}

/* What should arrive. */
static void normalise(struct text message, struct buffer *out)
{
    for (size_t i = 0; i < message.length; i++) {
        if (message.data[i] == '\n' && (i == 0 || message.data[i - 1] != '\r'))
            buffer_append_byte(out, '\r');
        buffer_append_byte(out, message.data[i]);
    }
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        buffer_append(out, out->data[out->length - 1] == '\r' ? TEXT("\n") : TEXT("\r\n"));
}

/* Lines end at LF, which must have its CR; the dot line must be the last. */
static void receive(struct text sent, struct buffer *out)
{
    for (;;) {
        size_t end = text_find(sent, '\n');
        check(end > 0 && end < sent.length && sent.data[end - 1] == '\r');
        struct text line = text_head(sent, end + 1);
        sent = text_from_position(sent, end + 1);
        if (text_equals(line, TEXT(".\r\n")))
            break;
        buffer_append(out, line.data[0] == '.' ? text_from_position(line, 1) : line);
    }
    check(text_is_empty(sent));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text message = text_of(data, size);
    struct buffer sent, received, meant;
    buffer_init(&meant, 4 * size + 16);
    normalise(message, &meant);
    for (size_t cut = 1; cut <= size + 1; cut += 1 + size / 3) {
        buffer_init(&sent, 4 * size + 16);
        buffer_init(&received, 4 * size + 16);
        stuff(message, cut, &sent);
        receive(buffer_text(&sent), &received);
        check(text_equals(buffer_text(&received), buffer_text(&meant)));
        buffer_finish(&sent);
        buffer_finish(&received);
    }
    buffer_finish(&meant);
    return 0;
}
