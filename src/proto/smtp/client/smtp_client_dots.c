/* Dot-stuffing in slices: what needs no change is passed on without being copied. */
#include "proto/smtp/client/smtp_client_dots.h"

bool smtp_dots_next(struct smtp_dots *dots, struct text *bytes, struct text *piece)
{
    if (text_is_empty(*bytes))
        return false;
    char first = bytes->data[0];
    if (!dots->in_line && first == '.') {
        dots->in_line = true; /* and the dot itself comes next */
        *piece = TEXT(".");
        return true;
    }
    if (first == '\n' && !dots->after_cr) {
        dots->after_cr = true; /* and the LF itself comes next */
        *piece = TEXT("\r");
        return true;
    }
    /* Up to and with the next LF, which must have a CR before it and no dot behind it. */
    size_t length = 0;
    for (;;) {
        size_t end = length + text_find(text_from_position(*bytes, length), '\n');
        bool is_bare =
            end < bytes->length && (end > 0 ? bytes->data[end - 1] != '\r' : !dots->after_cr);
        if (end == bytes->length || is_bare) {
            length = end;
            dots->in_line = length == 0 || bytes->data[length - 1] != '\n';
            break;
        }
        length = end + 1;
        dots->in_line = false;
        if (length == bytes->length || bytes->data[length] == '.')
            break;
    }
    dots->after_cr = bytes->data[length - 1] == '\r';
    *piece = text_head(*bytes, length);
    *bytes = text_from_position(*bytes, length);
    return true;
}

struct text smtp_dots_end(const struct smtp_dots *dots)
{
    if (!dots->in_line)
        return TEXT(".\r\n");
    return dots->after_cr ? TEXT("\n.\r\n") : TEXT("\r\n.\r\n");
}
