/* SMTP command arguments. Oracle: what was parsed as loosely as can be, printed, and parsed
 * strictly, is the same; and nothing that leaves the parser holds a control byte. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/encoding.h"
#include "mail/orcpt.h"
#include "proto/smtp/smtp_grammar.h"

static const struct smtp_style loose = {.takes_bare = true}, style = {0};

static void check_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        check((unsigned char)text.data[i] >= 32 && text.data[i] != 127);
}

static struct text path(const struct mail_address *address, struct arena *arena)
{
    bool is_bare = text_is_empty(address->domain);
    return is_bare ? TEXT("postmaster") : mail_address_text(address, arena);
}

static void put_xtext(struct buffer *out, const char *name, struct text text)
{
    if (text_is_empty(text))
        return;
    buffer_printf(out, " %s=", name);
    xtext_encode(text, out);
}

static void put_times(struct buffer *out, const struct smtp_mail *mail)
{
    char until[40];
    struct tm tm;
    time_t seconds = mail->hold_until_ms / 1000;
    if (mail->terms.by != MAIL_BY_NONE)
        buffer_printf(out, " BY=%lld;%c%s", (long long)mail->by_seconds,
                      mail->terms.by == MAIL_BY_RETURN ? 'R' : 'N',
                      mail->terms.by_trace ? "T" : "");
    if (mail->hold_seconds != 0)
        buffer_printf(out, " HOLDFOR=%lld", (long long)mail->hold_seconds);
    if (mail->hold_until_ms == 0)
        return;
    check(gmtime_r(&seconds, &tm) != NULL &&
          strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%S", &tm) > 0);
    buffer_printf(out, " HOLDUNTIL=%s.%03dZ", until, (int)(mail->hold_until_ms % 1000));
}

static void put_mail(struct buffer *out, const struct smtp_mail *mail, struct text sender)
{
    static const char *const bodies[] = {[MAIL_BODY_7BIT] = "7BIT",
                                         [MAIL_BODY_8BIT] = "8BITMIME",
                                         [MAIL_BODY_BINARY] = "BINARYMIME"};
    buffer_printf(out, "FROM:<%.*s> SIZE=%llu BODY=%s RET=%s%s%s", TEXT_ARG(sender),
                  (unsigned long long)mail->size, bodies[mail->terms.body],
                  mail->terms.return_headers_only ? "HDRS" : "FULL",
                  mail->terms.is_international ? " SMTPUTF8" : "",
                  mail->terms.requires_tls ? " REQUIRETLS" : "");
    if (mail->has_priority)
        buffer_printf(out, " MT-PRIORITY=%d", mail->terms.priority);
    put_xtext(out, "ENVID", mail->terms.envelope_id);
    put_xtext(out, "AUTH", mail->terms.submitter);
    put_times(out, mail);
}

static void expect_same_terms(const struct mail_terms *one, const struct mail_terms *other)
{
    check(one->body == other->body && one->is_international == other->is_international);
    check(one->return_headers_only == other->return_headers_only);
    check(one->requires_tls == other->requires_tls && one->priority == other->priority);
    check(one->by == other->by && one->by_trace == other->by_trace);
    check(text_equals(one->envelope_id, other->envelope_id));
    check(text_equals(one->submitter, other->submitter));
}

static void try_mail(struct text line, struct arena *arena)
{
    struct smtp_mail mail, again;
    struct buffer printed, envid;
    if (smtp_parse_mail(line, &loose, arena, &mail) != SMTP_SYNTAX_FINE)
        return;
    struct text sender = mail.is_null ? TEXT("") : path(&mail.sender, arena);
    check_printable(sender);
    check_printable(mail.terms.envelope_id);
    check_printable(mail.terms.submitter);
    buffer_init(&envid, 10000);
    xtext_encode(mail.terms.envelope_id, &envid);
    buffer_init(&printed, 10000);
    put_mail(&printed, &mail, sender);
    /* Decoding is lenient in what it need not encode, so a printed ENVID may be over the limit. */
    if (envid.length <= 100) {
        check(smtp_parse_mail(buffer_text(&printed), &style, arena, &again) == SMTP_SYNTAX_FINE);
        check(again.is_null == mail.is_null && again.size == mail.size);
        check(again.has_priority == mail.has_priority && again.by_seconds == mail.by_seconds);
        check(again.hold_seconds == mail.hold_seconds);
        check(again.hold_until_ms == mail.hold_until_ms);
        expect_same_terms(&again.terms, &mail.terms);
        check(mail.is_null || text_equals(path(&again.sender, arena), sender));
    }
    buffer_finish(&printed);
    buffer_finish(&envid);
}

static void put_notify(struct buffer *out, unsigned notify)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    const char *separator = " NOTIFY=";
    for (unsigned i = 0; i < 4; i++) {
        if ((notify & 1u << i) == 0)
            continue;
        buffer_printf(out, "%s%s", separator, words[i]);
        separator = ",";
    }
}

static void try_rcpt(struct text line, struct arena *arena)
{
    struct smtp_rcpt rcpt, again;
    struct buffer printed;
    if (smtp_parse_rcpt(line, &loose, arena, &rcpt) != SMTP_SYNTAX_FINE)
        return;
    struct text recipient = path(&rcpt.recipient, arena);
    check_printable(recipient);
    check_printable(rcpt.original_recipient);
    /* In ASCII an original recipient may be over the limit for what is given. */
    if (rcpt.original_recipient.length > ORCPT_MAX)
        return;
    buffer_init(&printed, 10000);
    buffer_printf(
        &printed, "TO:<%.*s>%s%.*s", TEXT_ARG(recipient),
        text_is_empty(rcpt.original_recipient) ? "" : " ORCPT=", TEXT_ARG(rcpt.original_recipient));
    put_notify(&printed, rcpt.notify);
    check(smtp_parse_rcpt(buffer_text(&printed), &style, arena, &again) == SMTP_SYNTAX_FINE);
    check(text_equals(path(&again.recipient, arena), recipient));
    check(text_equals(again.original_recipient, rcpt.original_recipient));
    check(again.notify == rcpt.notify);
    buffer_finish(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct smtp_bdat bdat;
    struct text line = text_of(data, size);
    arena_init(&arena);
    try_mail(line, &arena);
    try_rcpt(line, &arena);
    smtp_parse_bdat(line, &bdat);
    if (smtp_is_helo_name(line))
        check_printable(line);
    arena_finish(&arena);
    return 0;
}
