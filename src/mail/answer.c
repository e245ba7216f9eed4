#include "mail/answer.h"

#include "base/id.h"
#include "mail/body_scan.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/report_write.h"
#include "mail/transfer_encoding.h"

enum { REFERENCES_MOST = 1500 };

/* RFC 5322 3.6.4. Of long threads the oldest may go, not the last. */
static void put_thread(struct buffer *out, const struct answer *answer)
{
    struct text before = answer->references;
    if (text_is_empty(answer->in_reply_to))
        return;
    if (before.length > REFERENCES_MOST) {
        before = text_from_position(before, before.length - REFERENCES_MOST);
        before = text_from_position(before, text_find(before, '<'));
    }
    buffer_append(out, TEXT("In-Reply-To: "));
    report_put_folded(out, sizeof("In-Reply-To: ") - 1, " ", answer->in_reply_to, false);
    buffer_append(out, TEXT("\r\nReferences: "));
    report_put_folded(out, sizeof("References: ") - 1, " ", before, false);
    buffer_append(out, text_is_empty(before) ? TEXT("") : TEXT("\r\n "));
    report_put_folded(out, 1, " ", answer->in_reply_to, false);
    buffer_append(out, TEXT("\r\n"));
}

static void put_fields(struct buffer *out, const struct answer *answer)
{
    char date[MAIL_DATE_BYTES], id[ID_TEXT_BYTES];
    if (text_is_empty(answer->from_name))
        buffer_printf(out, "From: %.*s\r\n", TEXT_ARG(answer->from));
    else
        buffer_printf(out, "From: %.*s <%.*s>\r\n", TEXT_ARG(answer->from_name),
                      TEXT_ARG(answer->from));
    buffer_printf(out, "To: %.*s\r\n", TEXT_ARG(answer->to));
    report_put_line(out, "Subject", answer->subject);
    buffer_printf(out, "Date: %s\r\n", mail_date(answer->now_ms, date));
    buffer_printf(out, "Message-ID: <%s@", id_format(answer->id, id));
    report_put_own_host(out, answer->host);
    buffer_append(out, TEXT(">\r\n"));
    put_thread(out, answer);
    buffer_printf(out, "Auto-Submitted: %s\r\n", answer->submitted);
    if (answer->is_important)
        buffer_append(out, TEXT("Importance: high\r\n"));
    buffer_append(out, TEXT("MIME-Version: 1.0\r\n"));
}

static bool is_short_lines(struct text text)
{
    struct body_scan scan = {0};
    body_scan_feed(&scan, text);
    body_scan_end(&scan);
    return !scan.has_long_line && !scan.has_bare && !scan.has_nul;
}

static void put_text(struct buffer *out, struct text text)
{
    bool is_plain = !body_has_8bit(text) && is_short_lines(text);
    buffer_printf(out,
                  "Content-Type: text/plain; charset=utf-8\r\n"
                  "Content-Transfer-Encoding: %s\r\n\r\n",
                  is_plain ? "7bit" : "quoted-printable");
    if (is_plain) {
        buffer_append(out, text);
    } else {
        struct quoted_printable encoder = {.out = out};
        quoted_printable_feed(&encoder, text);
        quoted_printable_end(&encoder, false);
    }
    if (!text_ends_with_nocase(text, TEXT("\r\n")))
        buffer_append(out, TEXT("\r\n"));
}

/* RFC 5230 4.8. Its header could otherwise give the message a second sender, or any field. */
static void put_entity(struct buffer *out, struct text entity)
{
    struct text header = header_section(entity), rest = header;
    struct header_field field;
    while (header_next_valid(&rest, &field))
        if (text_starts_with_nocase(field.name, TEXT("Content-")))
            buffer_append(out, field.whole);
    if (out->length > 0 && out->data[out->length - 1] != '\n')
        buffer_append(out, TEXT("\r\n"));
    struct text body = text_from_position(entity, header.length);
    if (!text_starts_with(body, TEXT("\r\n")))
        buffer_append(out, TEXT("\r\n"));
    buffer_append(out, body);
    if (!text_ends_with_nocase(body, TEXT("\r\n")))
        buffer_append(out, TEXT("\r\n"));
}

bool answer_compose(const struct answer *answer, struct buffer *out)
{
    put_fields(out, answer);
    if (answer->is_mime)
        put_entity(out, answer->text);
    else
        put_text(out, answer->text);
    return !out->overflowed;
}
