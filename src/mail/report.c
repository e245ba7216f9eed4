/* Composing delivery reports: the header, the part for machines and the original. Every fact may
 * have come from a stranger (a peer's reply, ORCPT, ENVID), so none is written but through
 * report_write.h. */
#include "mail/report.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/id.h"
#include "mail/body_scan.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/orcpt.h"
#include "mail/report_text.h"
#include "mail/report_write.h"

enum { BOUNDARY_BYTES = 64, MOST_BOUNDARIES = 1000 };

static void put_field(struct buffer *out, const char *name, struct text value,
                      bool is_international)
{
    if (value.length == 0)
        return;
    buffer_printf(out, "%s: ", name);
    report_put_clean(out, value, is_international);
    buffer_append(out, TEXT("\r\n"));
}

/* RFC 3464 2.3.5 wants a name; where it was reached stands behind it as a comment. */
static void put_host_field(struct buffer *out, const char *name, struct text host)
{
    size_t bracket = text_find(host, '[');
    bool has_place = bracket > 0 && bracket < host.length;
    if (host.length == 0)
        return;
    buffer_printf(out, "%s: dns; ", name);
    report_put_clean(out, has_place ? text_head(host, bracket) : host, false);
    if (has_place) {
        buffer_append(out, TEXT(" ("));
        report_put_clean(out, text_from_position(host, bracket), false);
        buffer_append(out, TEXT(")"));
    }
    buffer_append(out, TEXT("\r\n"));
}

static void put_date_field(struct buffer *out, const char *name, int64_t wall_ms)
{
    char date[MAIL_DATE_BYTES];
    if (wall_ms != 0)
        buffer_printf(out, "%s: %s\r\n", name, mail_date(wall_ms, date));
}

/* RFC 3464 2.3.1 wants the address decoded, RFC 6533 3 in a form that fits the report. What does
 * not decode is shown as it came. */
static void put_original_recipient(struct buffer *out, struct text given, bool is_international)
{
    struct text type;
    struct buffer decoded;
    buffer_init(&decoded, ORCPT_ASCII_MAX);
    bool good = given.length > 0 && orcpt_decode(given, &type, &decoded);
    bool is_mail = good && (text_equals_nocase(type, TEXT("rfc822")) ||
                            text_equals_nocase(type, TEXT("utf-8")));
    if (is_mail) {
        report_put_address(out, "Original-Recipient", buffer_text(&decoded), is_international);
    } else if (good) {
        buffer_append(out, TEXT("Original-Recipient: "));
        report_put_clean(out, type, false);
        buffer_append(out, TEXT("; "));
        report_put_clean(out, buffer_text(&decoded), is_international);
        buffer_append(out, TEXT("\r\n"));
    } else {
        put_field(out, "Original-Recipient", given, is_international);
    }
    buffer_finish(&decoded);
}

static bool is_digits(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.length > 0;
}

bool report_status_is_valid(struct text status)
{
    struct text detail = text_after(text_after(status, '.'), '.');
    struct text subject = text_before(text_after(status, '.'), '.');
    struct text class = text_before(status, '.');
    return class.length == 1 && is_digits(class) && subject.length <= 3 && is_digits(subject) &&
           detail.length <= 3 && is_digits(detail);
}

/* When it is none, one that fits the action. */
static struct text status_of(const struct report_recipient *recipient)
{
    if (report_status_is_valid(recipient->status))
        return recipient->status;
    switch (recipient->action) {
    case REPORT_FAILED:
        return TEXT("5.0.0");
    case REPORT_DELAYED:
        return TEXT("4.0.0");
    case REPORT_DELIVERED:
    case REPORT_RELAYED:
    case REPORT_EXPANDED:
        break;
    }
    return TEXT("2.0.0");
}

/* Only a reply may be called one of SMTP (RFC 3464 2.3.6); our own reasons are of our own type. */
static void put_diagnostic(struct buffer *out, struct text diagnostic, bool is_international)
{
    if (diagnostic.length == 0)
        return;
    bool is_reply = diagnostic.length >= 3 && is_digits(text_head(diagnostic, 3));
    const char *type = is_reply ? "smtp" : "X-mailroot";
    buffer_printf(out, "Diagnostic-Code: %s; ", type);
    report_put_folded(out, strlen("Diagnostic-Code: ; ") + strlen(type), " ", diagnostic,
                      is_international);
    buffer_append(out, TEXT("\r\n"));
}

/* RFC 3464 2.3. */
static void put_recipient(struct buffer *out, const struct report_recipient *recipient,
                          bool is_international)
{
    static const char *const actions[] = {[REPORT_FAILED] = "failed",
                                          [REPORT_DELAYED] = "delayed",
                                          [REPORT_DELIVERED] = "delivered",
                                          [REPORT_RELAYED] = "relayed",
                                          [REPORT_EXPANDED] = "expanded"};
    buffer_append(out, TEXT("\r\n"));
    put_original_recipient(out, recipient->original_recipient, is_international);
    report_put_address(out, "Final-Recipient", recipient->address, is_international);
    buffer_printf(out, "Action: %s\r\n", actions[recipient->action]);
    buffer_printf(out, "Status: %.*s\r\n", TEXT_ARG(status_of(recipient)));
    put_host_field(out, "Remote-MTA", recipient->remote_host);
    put_diagnostic(out, recipient->diagnostic, is_international);
    put_date_field(out, "Last-Attempt-Date", recipient->last_attempt_ms);
    if (recipient->action == REPORT_DELAYED)
        put_date_field(out, "Will-Retry-Until", recipient->will_retry_until_ms);
}

/* RFC 3464 2.2.4: by the name it gave, as the Received field has it that we put before a message.
 */
static void put_received_from(struct buffer *out, struct text original)
{
    struct header_field field;
    struct text rest = original, from, name;
    if (!header_next(&rest, &field) || !text_equals_nocase(field.name, TEXT("Received")) ||
        text_find_text(field.body, TEXT(" (mailroot) with ")) == field.body.length)
        return;
    if (text_word(&field.body, &from) && text_equals(from, TEXT("from")) &&
        text_word(&field.body, &name))
        put_host_field(out, "Received-From-MTA", name);
}

/* RFC 3464 2.2: fields about the message, then a group for each recipient. */
static void put_status_part(struct buffer *out, const struct report *report)
{
    char id[ID_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
    bool is_international = report->is_international;
    buffer_append(out, is_international ? TEXT("Content-Type: message/global-delivery-status\r\n"
                                               "Content-Transfer-Encoding: 8bit\r\n\r\n")
                                        : TEXT("Content-Type: message/delivery-status\r\n\r\n"));
    put_field(out, "Original-Envelope-Id", report->envelope_id, is_international);
    buffer_append(out, TEXT("Reporting-MTA: dns; "));
    report_put_own_host(out, report->reporting_host);
    buffer_append(out, TEXT("\r\n"));
    put_received_from(out, report->original);
    put_date_field(out, "Arrival-Date", report->arrival_ms);
    put_date_field(out, "Deliver-By-Date", report->deliver_by_ms);
    if (report->hold_until_ms != 0)
        buffer_printf(out, "Future-Release-Request: until; %s\r\n",
                      clock_rfc3339(report->hold_until_ms, until));
    buffer_printf(out, "X-Mailroot-Id: %s\r\n", id_format(report->original_id, id));
    for (unsigned i = 0; i < report->recipient_count; i++)
        put_recipient(out, &report->recipients[i], is_international);
}

/* Any bytes may stand in the header of a binary message. */
static void put_header_section(struct buffer *out, struct text section)
{
    for (size_t i = 0; i < section.length; i++) {
        char c = section.data[i];
        bool before_lf = i + 1 < section.length && section.data[i + 1] == '\n';
        bool after_cr = i > 0 && section.data[i - 1] == '\r';
        bool is_odd = c == '\0' || (c == '\r' && !before_lf) || (c == '\n' && !after_cr);
        buffer_append_byte(out, is_odd ? '?' : c);
    }
}

static bool is_global(const struct report *report)
{
    return report->is_international || report->original_is_international;
}

/* RFC 6532 3.7: unlike message/rfc822, message/global may be encoded, and so goes to senders whose
 * own systems know nothing of UTF-8. */
static bool original_is_encoded(const struct report *report)
{
    return !report->is_international && report->original_is_international &&
           body_has_8bit(report->original);
}

static bool is_8bit(const struct report *report)
{
    return report->is_international ||
           (body_has_8bit(report->original) && !original_is_encoded(report));
}

static void put_base64(struct buffer *out, struct text bytes)
{
    enum { LINE_BYTES = 57 };
    for (; bytes.length > 0; bytes = text_from_position(bytes, LINE_BYTES)) {
        base64_encode(text_head(bytes, LINE_BYTES), out);
        buffer_append(out, TEXT("\r\n"));
    }
}

static void put_original_part(struct buffer *out, const struct report *report)
{
    static const char *const types[2][2] = {{"message/rfc822", "text/rfc822-headers"},
                                            {"message/global", "message/global-headers"}};
    buffer_printf(out, "Content-Type: %s\r\n",
                  types[is_global(report)][report->original_is_header_only]);
    if (original_is_encoded(report))
        buffer_append(out, TEXT("Content-Transfer-Encoding: base64\r\n"));
    else if (body_has_8bit(report->original))
        buffer_append(out, TEXT("Content-Transfer-Encoding: 8bit\r\n"));
    buffer_append(out, TEXT("\r\n"));
    if (original_is_encoded(report))
        put_base64(out, report->original);
    else if (report->original_is_header_only)
        put_header_section(out, report->original);
    else
        buffer_append(out, report->original);
}

/* The report belongs to the thread of the message, when that has an id that can be repeated. */
static void put_references(struct buffer *out, struct text original)
{
    struct header_field field;
    if (!header_find(header_section(original), TEXT("Message-ID"), &field))
        return;
    struct text id = text_trim(field.body);
    if (id.length < 5 || id.length > 250 || id.data[0] != '<' || id.data[id.length - 1] != '>')
        return;
    for (size_t i = 0; i < id.length; i++)
        if (id.data[i] <= 32 || id.data[i] >= 127)
            return;
    buffer_printf(out, "References: %.*s\r\n", TEXT_ARG(id));
}

static void put_header(struct buffer *out, const struct report *report, const char *boundary)
{
    char date[MAIL_DATE_BYTES], id[ID_TEXT_BYTES];
    buffer_append(out, TEXT("From: "));
    report_put_author(out, report);
    buffer_append(out, TEXT(" <postmaster@"));
    report_put_own_host(out, report->reporting_host);
    buffer_append(out, TEXT(">\r\nTo: <"));
    report_put_clean(out, report->to, report->is_international);
    buffer_append(out, TEXT(">\r\n"));
    report_put_subject(out, report);
    buffer_printf(out, "Date: %s\r\n", mail_date(report->now_ms, date));
    buffer_printf(out, "Message-ID: <%s.report@", id_format(report->id, id));
    report_put_own_host(out, report->message_id_host);
    buffer_append(out, TEXT(">\r\n"));
    put_references(out, report->original);
    buffer_printf(out,
                  "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                  "    boundary=\"%s\"\r\n",
                  boundary);
    if (report->tls_is_optional)
        buffer_append(out, TEXT("TLS-Required: No\r\n"));
    if (is_8bit(report))
        buffer_append(out, TEXT("Content-Transfer-Encoding: 8bit\r\n"));
    buffer_append(out, TEXT("\r\nThis is a delivery report in MIME format.\r\n"));
}

/* A boundary the original does not hold. What we write ourselves cannot hold it at the start of
 * a line, because no fact stands there. */
static bool choose_boundary(const struct report *report, char out[BOUNDARY_BYTES])
{
    char id[ID_TEXT_BYTES];
    for (unsigned attempt = 0; attempt < MOST_BOUNDARIES; attempt++) {
        snprintf(out, BOUNDARY_BYTES, "=_report_%s_%u", id_format(report->id, id), attempt);
        if (text_find_text(report->original, text_from(out)) == report->original.length)
            return true;
    }
    return false;
}

bool report_compose(const struct report *report, struct buffer *out)
{
    char boundary[BOUNDARY_BYTES];
    if (!choose_boundary(report, boundary))
        return false;
    put_header(out, report, boundary);
    buffer_printf(out, "\r\n--%s\r\n", boundary);
    report_put_text_part(out, report);
    buffer_printf(out, "\r\n--%s\r\n", boundary);
    put_status_part(out, report);
    if (!report->original_is_lost) { /* RFC 6522 3: the third part may be left out */
        buffer_printf(out, "\r\n--%s\r\n", boundary);
        put_original_part(out, report);
    }
    buffer_printf(out, "\r\n--%s--\r\n", boundary);
    return !out->overflowed;
}
