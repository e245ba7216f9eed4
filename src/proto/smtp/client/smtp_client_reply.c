/* The reply parser. It knows nothing of verbs; it only guarantees that what it hands on is a reply,
 * whoever the server is. */
#include "proto/smtp/client/smtp_client_reply.h"

enum { CODE_BYTES = 3, KEEP_BYTES = 4096 };

void smtp_reply_init(struct smtp_reply *reply)
{
    *reply = (struct smtp_reply){0};
    buffer_init(&reply->words, SMTP_REPLY_MAX_BYTES);
    buffer_init(&reply->line, SMTP_REPLY_MAX_BYTES);
}

void smtp_reply_finish(struct smtp_reply *reply)
{
    buffer_finish(&reply->words);
    buffer_finish(&reply->line);
}

void smtp_reply_reset(struct smtp_reply *reply)
{
    reply->code = 0;
    reply->enhanced[0] = '\0';
    reply->lines = 0;
    reply->bytes = 0;
    buffer_reset(&reply->words, KEEP_BYTES);
    buffer_reset(&reply->line, KEEP_BYTES);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(struct text text, size_t position, size_t most)
{
    size_t count = 0;
    while (count < most && position + count < text.length && is_digit(text.data[position + count]))
        count++;
    return count;
}

/* RFC 3463 2: class "." subject "." detail, of one to three digits; RFC 2034 4: at the start of the
 * words, and its class is the reply code's. */
static void note_enhanced(struct smtp_reply *reply, struct text words)
{
    size_t subject = digits_at(words, 2, 3);
    size_t detail = digits_at(words, 2 + subject + 1, 3);
    size_t length = 2 + subject + 1 + detail;
    if (subject == 0 || detail == 0 || words.data[1] != '.' || words.data[2 + subject] != '.')
        return;
    if (words.data[0] != (char)('0' + reply->code / 100))
        return;
    if (words.length > length && words.data[length] != ' ' && words.data[length] != '\t')
        return;
    text_copy(text_head(words, length), reply->enhanced, sizeof(reply->enhanced));
}

static void note_words(struct smtp_reply *reply, struct text words)
{
    for (size_t i = 0; i < words.length; i++) {
        unsigned char c = (unsigned char)words.data[i];
        bool is_control = (c < ' ' && c != '\t') || c == 0x7f;
        buffer_append_byte(&reply->words, is_control ? '?' : (char)c);
    }
    buffer_append_byte(&reply->words, '\n');
}

/* RFC 5321 4.2: three digits, then a space, a hyphen (more lines follow) or, from servers of old,
 * nothing. */
static enum smtp_reply_progress take_line(struct smtp_reply *reply, struct text line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    if (digits_at(line, 0, CODE_BYTES) < CODE_BYTES || line.data[0] < '2' || line.data[0] > '5')
        return SMTP_REPLY_GARBAGE;
    char mark = line.length > CODE_BYTES ? line.data[CODE_BYTES] : ' ';
    if ((mark != ' ' && mark != '-') || ++reply->lines > SMTP_REPLY_MAX_LINES)
        return SMTP_REPLY_GARBAGE;
    unsigned code = (unsigned)(line.data[0] - '0') * 100 + (unsigned)(line.data[1] - '0') * 10 +
                    (unsigned)(line.data[2] - '0');
    if (code != reply->code)
        reply->enhanced[0] = '\0';
    reply->code = code;
    struct text words = text_from_position(line, CODE_BYTES + 1);
    note_enhanced(reply, words);
    note_words(reply, words);
    return mark == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_DONE;
}

enum smtp_reply_progress smtp_reply_feed(struct smtp_reply *reply, struct text *bytes)
{
    while (!text_is_empty(*bytes)) {
        size_t end = text_find(*bytes, '\n');
        bool is_whole = end < bytes->length;
        size_t taken = is_whole ? end + 1 : end;
        reply->bytes += taken;
        if (reply->bytes > SMTP_REPLY_MAX_BYTES)
            return SMTP_REPLY_GARBAGE;
        buffer_append(&reply->line, text_head(*bytes, end));
        *bytes = text_from_position(*bytes, taken);
        if (!is_whole)
            return SMTP_REPLY_MORE;
        enum smtp_reply_progress progress = take_line(reply, buffer_text(&reply->line));
        buffer_reset(&reply->line, KEEP_BYTES);
        if (progress != SMTP_REPLY_MORE)
            return progress;
    }
    return SMTP_REPLY_MORE;
}

void smtp_reply_describe(const struct smtp_reply *reply, size_t most, struct buffer *out)
{
    size_t end = out->length + most;
    buffer_printf(out, "%u", reply->code);
    struct text rest = buffer_text(&reply->words), line;
    while (text_split(&rest, '\n', &line))
        if (!text_is_empty(line))
            buffer_printf(out, " %.*s", TEXT_ARG(line));
    if (out->length > end)
        buffer_cut(out, end);
}

enum status smtp_reply_status(const struct smtp_reply *reply)
{
    unsigned class = reply->code / 100;
    return class == 2 ? OK : class == 5 ? REFUSED : TRY_LATER;
}
