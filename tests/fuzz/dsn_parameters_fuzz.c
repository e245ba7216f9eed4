/* The parameters of MAIL and RCPT alone, so that every byte of the input is one of theirs. Oracle:
 * what was understood, printed and parsed again, is the same; what leaves the parser holds no
 * control byte and keeps its limits; an original recipient means the same in ASCII. */
#include "base/check.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "mail/orcpt.h"
#include "proto/smtp/smtp_grammar.h"

enum { PRINTED_MAX = 8000 };

static void check_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        check(text.data[i] >= 32 && text.data[i] < 127);
}

static void put_xtext(struct buffer *out, const char *name, struct text value)
{
    if (text_is_empty(value))
        return;
    buffer_printf(out, " %s=", name);
    xtext_encode(value, out);
}

static void print_mail(const struct smtp_mail *mail, struct buffer *out)
{
    static const char *const bodies[] = {"7BIT", "8BITMIME", "BINARYMIME"};
    const struct mail_terms *terms = &mail->terms;
    char date[CLOCK_TEXT_BYTES];
    buffer_printf(out, "FROM:<> SIZE=%llu BODY=%s RET=%s", (unsigned long long)mail->size,
                  bodies[terms->body], terms->return_headers_only ? "HDRS" : "FULL");
    if (terms->is_international)
        buffer_append(out, TEXT(" SMTPUTF8"));
    if (terms->requires_tls)
        buffer_append(out, TEXT(" REQUIRETLS"));
    if (terms->by != MAIL_BY_NONE)
        buffer_printf(out, " BY=%lld;%c%s", (long long)mail->by_seconds,
                      terms->by == MAIL_BY_RETURN ? 'R' : 'N', terms->by_trace ? "T" : "");
    if (mail->has_priority)
        buffer_printf(out, " MT-PRIORITY=%d", terms->priority);
    if (mail->hold_seconds > 0)
        buffer_printf(out, " HOLDFOR=%lld", (long long)mail->hold_seconds);
    if (mail->hold_until_ms > 0)
        buffer_printf(out, " HOLDUNTIL=%s", clock_rfc3339(mail->hold_until_ms, date));
    put_xtext(out, "AUTH", terms->submitter);
    put_xtext(out, "ENVID", terms->envelope_id);
}

static const struct smtp_style style = {0};

static bool is_same(const struct smtp_mail *a, const struct smtp_mail *b)
{
    const struct mail_terms *x = &a->terms, *y = &b->terms;
    return a->size == b->size && a->by_seconds == b->by_seconds &&
           a->hold_seconds == b->hold_seconds && a->hold_until_ms == b->hold_until_ms &&
           x->body == y->body && x->by == y->by && x->by_trace == y->by_trace &&
           x->priority == y->priority && x->requires_tls == y->requires_tls &&
           text_equals(x->submitter, y->submitter) && text_equals(x->envelope_id, y->envelope_id);
}

static void try_mail(struct text parameters, struct arena *arena)
{
    struct smtp_mail mail, again;
    struct text line = arena_printf(arena, "FROM:<> %.*s", TEXT_ARG(parameters));
    if (smtp_parse_mail(line, &style, arena, &mail) != SMTP_SYNTAX_FINE)
        return;
    check_printable(mail.terms.envelope_id);
    check_printable(mail.terms.submitter);
    check(mail.terms.priority >= MAIL_PRIORITY_LEAST && mail.terms.priority <= MAIL_PRIORITY_MOST);
    check(mail.terms.by != MAIL_BY_RETURN || mail.by_seconds > 0);
    check(mail.hold_seconds == 0 || mail.hold_until_ms == 0);
    struct buffer printed;
    buffer_init(&printed, PRINTED_MAX);
    print_mail(&mail, &printed);
    /* Encoded in full an ENVID may be over its limit, which counts what is given. */
    enum smtp_syntax syntax = smtp_parse_mail(buffer_text(&printed), &style, arena, &again);
    check(syntax == SMTP_SYNTAX_FINE || mail.terms.envelope_id.length > 33);
    check(syntax != SMTP_SYNTAX_FINE || is_same(&mail, &again));
    buffer_finish(&printed);
}

static void try_rcpt(struct text parameters, struct arena *arena)
{
    struct smtp_rcpt rcpt;
    struct text line = arena_printf(arena, "TO:<a@b.test> %.*s", TEXT_ARG(parameters));
    if (smtp_parse_rcpt(line, &style, arena, &rcpt) != SMTP_SYNTAX_FINE)
        return;
    check_printable(rcpt.original_recipient);
    check(rcpt.notify < 16 && rcpt.original_recipient.length <= ORCPT_ASCII_MAX);
    /* NEVER is 1 and stands alone. */
    check((rcpt.notify & 1) == 0 || rcpt.notify == 1);
}

static void try_orcpt(struct text given)
{
    struct buffer address, ascii, again;
    struct text type;
    buffer_init(&address, PRINTED_MAX);
    buffer_init(&ascii, PRINTED_MAX);
    buffer_init(&again, PRINTED_MAX);
    if (given.length <= ORCPT_MAX && orcpt_decode(given, &type, &address)) {
        check(utf8_is_valid(buffer_text(&address)));
        check(orcpt_to_ascii(given, &ascii));
        check_printable(buffer_text(&ascii));
        check(orcpt_decode(buffer_text(&ascii), &type, &again));
        check(text_equals(buffer_text(&address), buffer_text(&again)));
    }
    buffer_finish(&address);
    buffer_finish(&ascii);
    buffer_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct text parameters = text_of(data, size);
    arena_init(&arena);
    try_mail(parameters, &arena);
    try_rcpt(parameters, &arena);
    try_orcpt(parameters);
    arena_finish(&arena);
    return 0;
}
