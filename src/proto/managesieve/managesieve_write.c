#include "proto/managesieve/managesieve_write.h"

#include "base/check.h"
#include "settings/mechanisms.h"
#include "sieve/sieve.h"

enum { QUOTED_MAX = 1024, CAPABILITIES_MAX = 4096 };

static bool is_quotable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0')
            return false;
    return text.length <= QUOTED_MAX;
}

void managesieve_put_string(struct stream *stream, struct text text)
{
    if (!is_quotable(text)) {
        stream_printf(stream, "{%zu}\r\n", text.length);
        stream_write(stream, text);
        return;
    }
    stream_write(stream, TEXT("\""));
    while (!text_is_empty(text)) {
        if (text.data[0] == '"' || text.data[0] == '\\')
            stream_write(stream, TEXT("\\"));
        stream_write(stream, text_head(text, 1));
        text = text_from_position(text, 1);
    }
    stream_write(stream, TEXT("\""));
}

void managesieve_answer(struct stream *stream, const char *condition, const char *code,
                        struct text text)
{
    stream_printf(stream, "%s %s%s", condition, code, code[0] == '\0' ? "" : " ");
    managesieve_put_string(stream, text);
    stream_write(stream, TEXT("\r\n"));
}

void managesieve_answer_noop(struct stream *stream, bool has_tag, struct text tag)
{
    if (!has_tag) {
        managesieve_answer(stream, "OK", "", TEXT("Nothing done"));
        return;
    }
    stream_write(stream, TEXT("OK (TAG "));
    managesieve_put_string(stream, tag);
    stream_write(stream, TEXT(") \"Nothing done\"\r\n"));
}

static void put_capability(struct stream *stream, const char *name, struct text value)
{
    stream_printf(stream, "\"%s\" ", name);
    managesieve_put_string(stream, value);
    stream_write(stream, TEXT("\r\n"));
}

void managesieve_put_capabilities(struct stream *stream, uint32_t mechanisms, bool offers_tls,
                                  struct text owner)
{
    struct buffer out;
    buffer_init(&out, CAPABILITIES_MAX);
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++)
        if ((mechanisms & MECHANISM_BIT(i)) != 0)
            buffer_printf(&out, "%s%s", out.length == 0 ? "" : " ", mechanism_rows[i].name);
    put_capability(stream, "IMPLEMENTATION", TEXT("mailroot"));
    put_capability(stream, "SASL", buffer_text(&out));
    buffer_reset(&out, CAPABILITIES_MAX);
    sieve_capabilities(&out);
    put_capability(stream, "SIEVE", buffer_text(&out));
    put_capability(stream, "NOTIFY", TEXT(SIEVE_NOTIFY_METHODS));
    stream_printf(stream, "\"MAXREDIRECTS\" \"%d\"\r\n", SIEVE_REDIRECTS_MAX);
    if (offers_tls)
        stream_write(stream, TEXT("\"STARTTLS\"\r\n"));
    if (!text_is_empty(owner))
        put_capability(stream, "OWNER", owner);
    put_capability(stream, "VERSION", TEXT("1.0"));
    buffer_finish(&out);
}

void managesieve_say_fault(struct line_session *line, enum line_fault fault,
                           const struct line_command *command)
{
    static const char *const words[] = {
        [LINE_TOO_LONG] = "The line is too long",
        [LINE_BAD_BYTES] = "A line ends with CRLF and holds no control bytes",
        [LINE_UNKNOWN] = "Command not known",
        [LINE_WRONG_STATE] = "Not now",
        [LINE_NEEDS_TLS] = "STARTTLS first",
        [LINE_MANY_ERRORS] = "Too many errors",
        [LINE_SILENT] = "Nothing heard for too long",
        [LINE_TOO_OLD] = "The session took too long",
        [LINE_SHUTTING_DOWN] = "Shutting down, come back soon",
    };
    unused(command);
    bool goes_on = fault == LINE_UNKNOWN || fault == LINE_WRONG_STATE || fault == LINE_NEEDS_TLS;
    /* Where the next command begins is not known behind a malformed line. */
    line->ended |= !goes_on;
    managesieve_answer(line->stream, goes_on ? "NO" : "BYE", "", text_from(words[fault]));
}
