/* One step of the dialogue at a time: waiting, reading, and saying what went wrong. */
#include "proto/smtp/smtp_client_dialog.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* RFC 5321 4.5.3.2, minimum times; QUIT owes us nothing. */
static const struct {
    const char *name;
    int64_t patience_ms;
} steps[] = {
    [SMTP_STEP_GREETING] = {"the greeting", 5 * MINUTE},
    [SMTP_STEP_HELLO] = {"EHLO", 5 * MINUTE},
    [SMTP_STEP_STARTTLS] = {"STARTTLS", 2 * MINUTE},
    [SMTP_STEP_HANDSHAKE] = {"the TLS handshake", 1 * MINUTE},
    [SMTP_STEP_AUTH] = {"AUTH", 2 * MINUTE},
    [SMTP_STEP_MAIL] = {"MAIL FROM", 5 * MINUTE},
    [SMTP_STEP_RCPT] = {"RCPT TO", 5 * MINUTE},
    [SMTP_STEP_DATA] = {"DATA", 2 * MINUTE},
    [SMTP_STEP_BLOCK] = {"sending the message", 3 * MINUTE},
    [SMTP_STEP_END_OF_DATA] = {"end of DATA", 10 * MINUTE},
    [SMTP_STEP_BDAT] = {"BDAT", 10 * MINUTE},
    [SMTP_STEP_RSET] = {"RSET", 2 * MINUTE},
    [SMTP_STEP_QUIT] = {"QUIT", 5 * SECOND},
};

enum { WORDS_MOST = REASON_BYTES - 64 };

void smtp_client_set_deadline(struct smtp_client *client, enum smtp_client_step step)
{
    stream_set_deadline(client->stream, clock_monotonic_ms() + steps[step].patience_ms);
}

enum status smtp_client_fail(struct smtp_client *client, enum status status, const char *enhanced,
                             const char *format, ...)
{
    struct smtp_client_trouble *trouble = &client->trouble;
    trouble->status = status;
    trouble->is_tls = false;
    snprintf(trouble->enhanced, sizeof(trouble->enhanced), "%s", enhanced);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trouble->words, sizeof(trouble->words), format, arguments);
    va_end(arguments);
    return status;
}

enum status smtp_client_fail_lost(struct smtp_client *client, enum smtp_client_step step)
{
    client->is_broken = true;
    bool late = stream_end(client->stream) == STREAM_TIMED_OUT;
    return smtp_client_fail(client, TRY_LATER, "4.4.2", "connection lost in %s: %s",
                            steps[step].name,
                            late ? "the peer took too long" : stream_error(client->stream));
}

/* "550 5.1.1 no such user (in reply to RCPT TO)". A reply of no use here (3xx, or 2xx where 3xx was
 * due) shows that the two sides are not in step: no further word is safe. */
enum status smtp_client_fail_reply(struct smtp_client *client, enum smtp_client_step step)
{
    const struct smtp_reply *reply = &client->reply;
    struct buffer words;
    buffer_init(&words, SMTP_REPLY_MAX_BYTES * 2);
    smtp_reply_describe(reply, WORDS_MOST, &words);
    unsigned class = reply->code / 100;
    bool in_step = class == 4 || class == 5;
    const char *enhanced = !in_step                ? "4.5.0"
                           : *reply->enhanced != 0 ? reply->enhanced
                           : class == 4            ? "4.0.0"
                                                   : "5.0.0";
    client->is_broken = client->is_broken || !in_step;
    enum status status = smtp_client_fail(client, class == 5 ? REFUSED : TRY_LATER, enhanced,
                                          "%.*s (%sin reply to %s)", TEXT_ARG(buffer_text(&words)),
                                          in_step ? "" : "unexpected ", steps[step].name);
    buffer_finish(&words);
    return status;
}

enum status smtp_client_read(struct smtp_client *client, enum smtp_client_step step)
{
    smtp_client_set_deadline(client, step);
    smtp_reply_reset(&client->reply);
    if (client->is_broken)
        return TRY_LATER;
    /* What came already counts, even when the peer has closed since. */
    if (stream_flush(client->stream) != OK && text_is_empty(stream_buffered(client->stream)))
        return smtp_client_fail_lost(client, step);
    for (;;) {
        struct text before = stream_buffered(client->stream), rest = before;
        enum smtp_reply_progress progress = smtp_reply_feed(&client->reply, &rest);
        stream_consume(client->stream, before.length - rest.length);
        if (progress == SMTP_REPLY_GARBAGE) {
            client->is_broken = true;
            return smtp_client_fail(client, TRY_LATER, "4.5.0", "no SMTP reply came to %s",
                                    steps[step].name);
        }
        if (progress == SMTP_REPLY_DONE)
            break;
        if (stream_fill(client->stream) != OK)
            return smtp_client_fail_lost(client, step);
    }
    /* RFC 5321 3.8: 421 may come at any time, and the peer then closes. */
    if (client->reply.code == 421)
        client->is_broken = true;
    return OK;
}

enum status smtp_client_expect(struct smtp_client *client, enum smtp_client_step step)
{
    if (smtp_client_read(client, step) != OK)
        return TRY_LATER;
    return smtp_reply_status(&client->reply) == OK ? OK : smtp_client_fail_reply(client, step);
}

/* "AUTH PLAIN LOGIN", or as it was before there was a standard "AUTH=LOGIN"; X-EXPS alike. */
static void note_mechanisms(struct text keyword, struct text rest, struct text verb,
                            uint32_t *offers)
{
    if (!text_starts_with_nocase(keyword, verb))
        return;
    struct text behind = text_from_position(keyword, verb.length);
    if (text_is_empty(behind))
        *offers |= sasl_mechanisms_of(rest);
    else if (behind.data[0] == '=')
        *offers |= sasl_mechanisms_of(text_from_position(behind, 1)) | sasl_mechanisms_of(rest);
}

static void note_extension(struct smtp_client *client, struct text keyword, struct text rest)
{
    static const struct {
        struct text keyword;
        unsigned extension;
    } known[] = {
        {TEXT("PIPELINING"), SMTP_CAN_PIPELINE}, {TEXT("8BITMIME"), SMTP_CAN_8BITMIME},
        {TEXT("SMTPUTF8"), SMTP_CAN_SMTPUTF8},   {TEXT("DSN"), SMTP_CAN_DSN},
        {TEXT("SIZE"), SMTP_CAN_SIZE},           {TEXT("CHUNKING"), SMTP_CAN_CHUNKING},
        {TEXT("STARTTLS"), SMTP_CAN_STARTTLS},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (text_equals_nocase(keyword, known[i].keyword))
            client->extensions |= known[i].extension;
    if (text_equals_nocase(keyword, TEXT("SIZE")) &&
        !text_to_u64(text_trim(rest), &client->size_limit))
        client->size_limit = 0;
    note_mechanisms(keyword, rest, TEXT("AUTH"), &client->auth_offers);
    note_mechanisms(keyword, rest, TEXT("X-EXPS"), &client->exps_offers);
}

void smtp_client_note_extensions(struct smtp_client *client, struct text words)
{
    client->extensions = 0;
    client->size_limit = 0;
    client->auth_offers = client->exps_offers = 0;
    struct text line;
    text_split(&words, '\n', &line);
    while (text_split(&words, '\n', &line)) {
        struct text keyword;
        if (text_word(&line, &keyword))
            note_extension(client, keyword, line);
    }
}
