#include "proto/imap/imap_write.h"

#include "base/encoding.h"
#include "proto/imap/imap_lex.h"

/* RFC 2683 3.4.2: longer ones are literals, for clients with small line buffers. */
enum { QUOTED_MOST = 1000 };

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 32 || (unsigned char)text.data[i] > 126)
            return false;
    return true;
}

static void put_quoted(struct buffer *out, struct text text)
{
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, text.data[i]);
    }
    buffer_append_byte(out, '"');
}

void imap_put_string(struct buffer *out, struct text text)
{
    if (text.length <= QUOTED_MOST && is_printable(text)) {
        put_quoted(out, text);
        return;
    }
    buffer_printf(out, "{%zu}\r\n", text.length);
    buffer_append(out, text);
}

void imap_put_nstring(struct buffer *out, struct text text)
{
    if (text.data == NULL)
        buffer_append(out, TEXT("NIL"));
    else
        imap_put_string(out, text);
}

void imap_put_astring(struct buffer *out, struct text text)
{
    size_t length = 0;
    while (length < text.length && imap_is_astring_char(text.data[length]))
        length++;
    if (length < text.length || length == 0 || text_equals_nocase(text, TEXT("NIL")))
        imap_put_string(out, text);
    else
        buffer_append(out, text);
}

static bool has_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 32 || text.data[i] == 127)
            return true;
    return false;
}

void imap_put_utf8(struct buffer *out, struct text text)
{
    if (text.length <= QUOTED_MOST && !has_control(text) && utf8_is_valid(text))
        put_quoted(out, text);
    else
        imap_put_string(out, text);
}
