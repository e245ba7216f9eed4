/* SMTP command arguments. Oracle: what was parsed as loosely as can be, printed, and parsed
 * strictly, is the same; and nothing that leaves the parser holds a control byte. */
#include <stdlib.h>
#include <string.h>

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

static void try_mail(struct text line, struct arena *arena)
{
    struct smtp_mail mail, again;
    if (smtp_parse_mail(line, &loose, arena, &mail) != SMTP_SYNTAX_FINE)
        return;
    struct text sender = mail.is_null ? TEXT("") : path(&mail.sender, arena);
    struct buffer envid;
    buffer_init(&envid, 1000);
    xtext_encode(mail.terms.envelope_id, &envid);
    struct text printed = arena_printf(
        arena, "FROM:<%.*s> SIZE=%llu BODY=%s RET=%s%s%s%.*s", TEXT_ARG(sender),
        (unsigned long long)mail.size, mail.terms.body != MAIL_BODY_7BIT ? "8BITMIME" : "7BIT",
        mail.terms.return_headers_only ? "HDRS" : "FULL",
        mail.terms.is_international ? " SMTPUTF8" : "",
        text_is_empty(mail.terms.envelope_id) ? "" : " ENVID=", (int)envid.length,
        envid.data == NULL ? "" : envid.data);
    check_printable(sender);
    check_printable(mail.terms.envelope_id);
    /* Decoding is lenient in what it need not encode, so a printed ENVID may be over the limit. */
    if (envid.length <= 100) {
        check(smtp_parse_mail(printed, &style, arena, &again) == SMTP_SYNTAX_FINE);
        check(again.is_null == mail.is_null && again.size == mail.size);
        check(text_equals(again.terms.envelope_id, mail.terms.envelope_id));
        check(mail.is_null || text_equals(path(&again.sender, arena), sender));
    }
    buffer_finish(&envid);
}

static void try_rcpt(struct text line, struct arena *arena)
{
    struct smtp_rcpt rcpt, again;
    if (smtp_parse_rcpt(line, &loose, arena, &rcpt) != SMTP_SYNTAX_FINE)
        return;
    struct text recipient = path(&rcpt.recipient, arena);
    check_printable(recipient);
    check_printable(rcpt.original_recipient);
    /* In ASCII an original recipient may be over the limit for what is given. */
    if (rcpt.original_recipient.length > ORCPT_MAX)
        return;
    struct text printed = arena_printf(
        arena, "TO:<%.*s>%s%.*s", TEXT_ARG(recipient),
        text_is_empty(rcpt.original_recipient) ? "" : " ORCPT=", TEXT_ARG(rcpt.original_recipient));
    check(smtp_parse_rcpt(printed, &style, arena, &again) == SMTP_SYNTAX_FINE);
    check(text_equals(path(&again.recipient, arena), recipient));
    check(text_equals(again.original_recipient, rcpt.original_recipient));
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
