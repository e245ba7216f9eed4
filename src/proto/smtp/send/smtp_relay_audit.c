#include "proto/smtp/send/smtp_relay_audit.h"

#include "base/arena.h"
#include "base/clock.h"
#include "net/listener.h"
#include "proto/smtp/client/smtp_client_reply.h"

enum { PATIENCE_MS = 20 * SECOND, SAID_MOST = 200 };

/* $d: a domain of the server, $h: its name, $u: a user of that domain. */
static const struct text senders[] = {
    TEXT("<spammer@elsewhere.invalid>"),
    TEXT("<$u@$d>"),
    TEXT("<>"),
};

/* Who takes one of these for a stranger can be used by strangers. The null and the control bytes
 * stand in the command as they are. */
static const struct text recipients[] = {
    TEXT("<user@victim.invalid>"),
    TEXT("user@victim.invalid"),
    TEXT("<@$d:user@victim.invalid>"),
    TEXT("<@$h,@$d:user@victim.invalid>"),
    TEXT("<@[127.0.0.1]:user@victim.invalid>"),
    TEXT("<user%victim.invalid@$d>"),
    TEXT("<user%victim.invalid@$h>"),
    TEXT("<user%victim.invalid@[127.0.0.1]>"),
    TEXT("<user%victim.invalid>"),
    TEXT("<victim.invalid!user@$d>"),
    TEXT("<victim.invalid!user>"),
    TEXT("<$d!user@victim.invalid>"),
    TEXT("<\"user@victim.invalid\"@$d>"),
    TEXT("<\"user@victim.invalid\">"),
    TEXT("<\"user%victim.invalid\"@$d>"),
    TEXT("<\"victim.invalid!user\"@$d>"),
    TEXT("<user@victim.invalid@$d>"),
    TEXT("<user@$d@victim.invalid>"),
    TEXT("<$u@$d.victim.invalid>"),
    TEXT("<$u@$d:user@victim.invalid>"),
    TEXT("<user@[127.0.0.2]>"),
    TEXT("<user@[IPv6:::1]>"),
    TEXT("<user@victim.invalid.>"),
    TEXT("<user@VICTIM.INVALID>"),
    TEXT("<user@localhost>"),
    TEXT("<user@sub.$d>"),
    TEXT("<user@victim.invalid >"),
    TEXT("<user@victim.invalid,$u@$d>"),
    TEXT("<$u@$d,user@victim.invalid>"),
    TEXT("<user@victim.invalid>,<$u@$d>"),
    TEXT("<$u@$d\0user@victim.invalid>"),
    TEXT("<$u@$d\r@victim.invalid>"),
    TEXT("<smtp:user@victim.invalid>"),
    TEXT("<user@victim.invalid> NOTIFY=NEVER ORCPT=rfc822;$u@$d"),
    TEXT("<\"|cat\"@victim.invalid>"),
};
enum {
    SENDERS = sizeof(senders) / sizeof(senders[0]),
    RECIPIENTS = sizeof(recipients) / sizeof(recipients[0])
};

struct asking {
    const struct smtp_relay_audit *audit;
    struct stream *stream;
    struct smtp_reply reply;
    struct arena arena; /* of one try */
};

static struct text filled(struct asking *asking, struct text pattern)
{
    struct buffer out;
    buffer_init(&out, 4096);
    for (size_t i = 0; i < pattern.length; i++) {
        char next = i + 1 < pattern.length ? pattern.data[i + 1] : '\0';
        if (pattern.data[i] != '$') {
            buffer_append_byte(&out, pattern.data[i]);
            continue;
        }
        buffer_append(&out, next == 'd'   ? asking->audit->our_domain
                            : next == 'h' ? asking->audit->our_host
                                          : asking->audit->our_user);
        i++;
    }
    struct text text = arena_copy(&asking->arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

/* TRY_LATER: there is none. YIELDS. */
static enum status read_reply(struct asking *asking)
{
    smtp_reply_reset(&asking->reply);
    stream_set_deadline(asking->stream, clock_monotonic_ms() + PATIENCE_MS);
    if (stream_flush(asking->stream) != OK)
        return try_later("the server ended the connection");
    for (;;) {
        struct text before = stream_buffered(asking->stream), rest = before;
        enum smtp_reply_progress progress = smtp_reply_feed(&asking->reply, &rest);
        stream_consume(asking->stream, before.length - rest.length);
        if (progress == SMTP_REPLY_GARBAGE)
            return try_later("what it says is no SMTP");
        if (progress == SMTP_REPLY_DONE)
            return OK;
        if (stream_fill(asking->stream) != OK)
            return try_later("the server ended the connection");
    }
}

static enum status ask(struct asking *asking, struct text verb, struct text argument)
{
    stream_write(asking->stream, verb);
    stream_write(asking->stream, argument);
    stream_write(asking->stream, TEXT("\r\n"));
    return read_reply(asking);
}

static bool offers_starttls(const struct asking *asking)
{
    struct text rest = buffer_text(&asking->reply.words), line;
    while (text_split(&rest, '\n', &line))
        if (text_equals_nocase(text_trim(line), TEXT("STARTTLS")))
            return true;
    return false;
}

static enum status greet(struct asking *asking)
{
    static const struct text name = TEXT("relay-audit.invalid");
    enum status status = read_reply(asking);
    if (status == OK && asking->reply.code != 220)
        return try_later("the server turns us away: %u", asking->reply.code);
    if (status == OK)
        status = ask(asking, TEXT("EHLO "), name);
    if (status != OK || asking->audit->tls == NULL || !offers_starttls(asking))
        return status;
    status = ask(asking, TEXT("STARTTLS"), TEXT(""));
    if (status != OK || asking->reply.code != 220)
        return status;
    status = stream_start_tls(asking->stream, asking->audit->tls, NULL, NULL);
    return status == OK ? ask(asking, TEXT("EHLO "), name) : status;
}

static struct text said(struct asking *asking)
{
    struct buffer words;
    buffer_init(&words, SMTP_REPLY_MAX_BYTES * 2);
    smtp_reply_describe(&asking->reply, SAID_MOST, &words);
    struct text text = arena_copy(&asking->arena, buffer_text(&words));
    buffer_finish(&words);
    return text;
}

/* TRY_LATER: it does not come to that. Who hangs up on a trick does not fall for it. */
static enum status try_envelope(struct asking *asking, struct smtp_relay_try *tried)
{
    enum status status = greet(asking);
    if (status != OK)
        return status;
    status = ask(asking, TEXT("MAIL FROM:"), tried->sender);
    bool goes_on = status == OK && smtp_reply_status(&asking->reply) == OK;
    if (goes_on)
        status = ask(asking, TEXT("RCPT TO:"), tried->recipient);
    tried->is_taken = goes_on && status == OK && smtp_reply_status(&asking->reply) == OK;
    tried->reply = status == OK ? said(asking) : TEXT("the server hangs up");
    if (status == OK)
        (void)ask(asking, TEXT("QUIT"), TEXT(""));
    return OK;
}

/* One sender, one recipient, one connection: what went before plays no part. YIELDS. */
static enum status try_one(struct asking *asking, struct text sender, struct text recipient,
                           struct smtp_relay_try *tried)
{
    const struct smtp_relay_audit *audit = asking->audit;
    int fd;
    *tried = (struct smtp_relay_try){.sender = filled(asking, sender),
                                     .recipient = filled(asking, recipient)};
    enum status status =
        net_dial_from(audit->from, &audit->server, clock_monotonic_ms() + PATIENCE_MS, &fd);
    if (status != OK)
        return status;
    asking->stream = stream_new(fd, &audit->server);
    status = try_envelope(asking, tried);
    stream_close(&asking->stream);
    return status;
}

enum status smtp_relay_audit(const struct smtp_relay_audit *audit, smtp_relay_visit *visit,
                             void *context)
{
    struct asking asking = {.audit = audit};
    enum status status = OK;
    arena_init(&asking.arena);
    smtp_reply_init(&asking.reply);
    for (unsigned i = 0; i < SENDERS * RECIPIENTS && status == OK; i++) {
        struct smtp_relay_try tried;
        arena_reset(&asking.arena);
        status = try_one(&asking, senders[i / RECIPIENTS], recipients[i % RECIPIENTS], &tried);
        if (status == OK)
            visit(context, &tried);
    }
    smtp_reply_finish(&asking.reply);
    arena_finish(&asking.arena);
    return status;
}
