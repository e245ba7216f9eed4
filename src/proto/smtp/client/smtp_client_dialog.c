/* One step of the dialogue at a time: waiting, reading, and saying what went wrong. */
#include "proto/smtp/client/smtp_client_dialog.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/smtp/client/smtp_client_log.h"

static const struct {
    const char *name;
    size_t patience; /* in struct setting_timeouts */
} steps[] = {
    [SMTP_STEP_GREETING] = {"the greeting", offsetof(struct setting_timeouts, greeting_ms)},
    [SMTP_STEP_HELLO] = {"EHLO", offsetof(struct setting_timeouts, hello_ms)},
    [SMTP_STEP_STARTTLS] = {"STARTTLS", offsetof(struct setting_timeouts, starttls_ms)},
    [SMTP_STEP_HANDSHAKE] = {"the TLS handshake", offsetof(struct setting_timeouts, starttls_ms)},
    [SMTP_STEP_AUTH] = {"AUTH", offsetof(struct setting_timeouts, login_ms)},
    [SMTP_STEP_MAIL] = {"MAIL FROM", offsetof(struct setting_timeouts, mail_ms)},
    [SMTP_STEP_RCPT] = {"RCPT TO", offsetof(struct setting_timeouts, rcpt_ms)},
    [SMTP_STEP_XEXCH50] = {"XEXCH50", offsetof(struct setting_timeouts, data_ms)},
    [SMTP_STEP_DATA] = {"DATA", offsetof(struct setting_timeouts, data_ms)},
    [SMTP_STEP_BLOCK] = {"sending the message", offsetof(struct setting_timeouts, block_ms)},
    [SMTP_STEP_END_OF_DATA] = {"end of DATA", offsetof(struct setting_timeouts, end_ms)},
    [SMTP_STEP_BDAT] = {"BDAT", offsetof(struct setting_timeouts, end_ms)},
    [SMTP_STEP_RSET] = {"RSET", offsetof(struct setting_timeouts, reset_ms)},
    [SMTP_STEP_ASK] = {"the request for mail", offsetof(struct setting_timeouts, end_ms)},
    [SMTP_STEP_QUIT] = {"QUIT", offsetof(struct setting_timeouts, quit_ms)},
};

enum { WORDS_MOST = REASON_BYTES - 64 };

void smtp_client_set_deadline(struct smtp_client *client, enum smtp_client_step step)
{
    int64_t patience_ms;
    memcpy(&patience_ms, (const char *)&client->timeouts + steps[step].patience,
           sizeof(patience_ms));
    stream_set_deadline(client->stream, clock_monotonic_ms() + patience_ms);
}

enum status smtp_client_fail(struct smtp_client *client, enum status status, const char *enhanced,
                             const char *format, ...)
{
    struct smtp_client_trouble *trouble = &client->trouble;
    trouble->status = status;
    trouble->is_tls = trouble->is_ehlo = false;
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
    /* Whoever asks on after the end must never find that nothing is wrong. */
    if (client->is_broken && client->trouble.status != OK)
        return TRY_LATER;
    if (client->is_broken)
        return smtp_client_fail(client, TRY_LATER, "4.4.2", "the dialogue had ended before %s",
                                steps[step].name);
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
    smtp_client_log_reply(client, step);
    /* RFC 5321 3.8: 421 may come at any time, and the peer then closes. */
    if (client->reply.code == 421)
        client->is_broken = true;
    if (client->watch.on_reply != NULL)
        client->watch.on_reply(client->watch.context, step, client, &client->reply);
    return OK;
}

enum status smtp_client_expect(struct smtp_client *client, enum smtp_client_step step)
{
    if (smtp_client_read(client, step) != OK)
        return TRY_LATER;
    return smtp_reply_status(&client->reply) == OK ? OK : smtp_client_fail_reply(client, step);
}

enum status smtp_client_expect_silence(struct smtp_client *client, enum smtp_client_step step)
{
    if (client->is_broken)
        return TRY_LATER;
    if (!stream_has_input(client->stream))
        return OK;
    if (smtp_client_read(client, step) != OK)
        return TRY_LATER;
    client->is_broken = true;
    if (client->reply.code < 400)
        return smtp_client_fail(client, TRY_LATER, "4.5.0", "the peer answered %s before its time",
                                steps[step].name);
    smtp_client_fail_reply(client, step);
    /* A message may be refused while it is under way; before that it is not about a message. */
    if (step == SMTP_STEP_BLOCK)
        return client->trouble.status;
    client->trouble.enhanced[0] = '4';
    return client->trouble.status = TRY_LATER;
}
