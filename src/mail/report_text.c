/* What a delivery report says to its reader: what happened to which recipient, what the other
 * side answered, and what to do next. Short sentences, no jargon; the machine reads part two. */
#include "mail/report_text.h"

#include <string.h>

#include "base/id.h"
#include "mail/date.h"
#include "mail/report_write.h"

static const char *const introductions[] = {
    [REPORT_FAILED] = "Your message could not be delivered to the following recipients.\r\n"
                      "No further attempt is made.\r\n",
    [REPORT_DELAYED] = "Your message has not been delivered to the following recipients yet.\r\n"
                       "This is only a warning: further attempts are made, and you need not\r\n"
                       "send the message again.\r\n",
    [REPORT_DELIVERED] = "Your message was delivered to the following recipients.\r\n",
    [REPORT_RELAYED] = "Your message was passed on to the mail systems of the following\r\n"
                       "recipients. Not all of those send reports, so this may be the last that\r\n"
                       "you get.\r\n",
    [REPORT_EXPANDED] = "Your message was passed on to the members of the following lists.\r\n",
};

/* By subject and detail of the status (RFC 3463); the first row that fits counts. A row that ends
 * with a dot stands for all its details. */
static const struct advice {
    const char *status;
    const char *text;
} advices[] = {
    {"1.2", "No mail system was found for what stands behind the @. Check it for a mistake."},
    {"1.8", "The domain of your own address is not accepted. Tell your postmaster."},
    {"1.7", "Your own address is not accepted. Check it in the settings of your mail program."},
    {"1.10", "This domain takes no mail at all. Check the address for a mistake."},
    {"1.", "Check the address for a mistake, or ask the recipient for the right one."},
    {"2.1", "The mailbox takes no mail at present. Reach the recipient in another way."},
    {"2.2", "The mailbox is full. Send the message again when the recipient has made room."},
    {"2.3", "The message is too large. Send less, or a link in place of the attachment."},
    {"3.4", "The message is too large. Send less, or a link in place of the attachment."},
    {"4.4", "No mail system was found for what stands behind the @. Check it for a mistake."},
    {"4.6", "The message went in a circle. Tell the postmaster of the recipient's domain."},
    {"4.", "The recipient's mail system could not be reached. Send the message again later."},
    {"6.", "The recipient's system does not take this kind of message. Send it as plain text."},
    {"7.", "The message was refused by a rule. If you think that is a mistake, tell the\r\n"
           "    recipient or the recipient's postmaster in another way, and give this report."},
};

static const char *advice_for(struct text status)
{
    struct text wanted = text_after(status, '.');
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        struct text row = text_from(advices[i].status);
        bool all_details = row.data[row.length - 1] == '.';
        if (all_details ? text_starts_with(wanted, row) : text_equals(wanted, row))
            return advices[i].text;
    }
    return "If you cannot tell from this what is wrong, give this report to your postmaster.";
}

static void put_answer(struct buffer *out, const struct report_recipient *recipient,
                       bool is_international)
{
    if (recipient->diagnostic.length == 0)
        return;
    buffer_append(out, TEXT("    "));
    if (recipient->remote_host.length > 0) {
        report_put_clean(out, recipient->remote_host, false);
        buffer_append(out, TEXT(" answered:\r\n        "));
    } else {
        buffer_append(out, TEXT("The reason is:\r\n        "));
    }
    report_put_folded(out, strlen("        "), "        ", recipient->diagnostic, is_international);
    buffer_append(out, TEXT("\r\n"));
}

static void put_recipient(struct buffer *out, const struct report_recipient *recipient,
                          bool is_international)
{
    char date[MAIL_DATE_BYTES];
    buffer_append(out, TEXT("\r\n  <"));
    report_put_clean(out, recipient->address, is_international);
    buffer_append(out, TEXT(">\r\n"));
    put_answer(out, recipient, is_international);
    if (recipient->action == REPORT_FAILED)
        buffer_printf(out, "    %s\r\n", advice_for(recipient->status));
    if (recipient->action == REPORT_DELAYED && recipient->will_retry_until_ms != 0)
        buffer_printf(out, "    Attempts go on until %s.\r\n",
                      mail_date(recipient->will_retry_until_ms, date));
}

static void put_group(struct buffer *out, const struct report *report, enum report_action action)
{
    bool introduced = false;
    for (unsigned i = 0; i < report->recipient_count; i++) {
        if (report->recipients[i].action != action)
            continue;
        if (!introduced)
            buffer_printf(out, "\r\n%s", introductions[action]);
        introduced = true;
        put_recipient(out, &report->recipients[i], report->is_international);
    }
}

void report_put_text_part(struct buffer *out, const struct report *report)
{
    char id[ID_TEXT_BYTES];
    buffer_append(out, report->is_international ? TEXT("Content-Type: text/plain; charset=utf-8\r\n"
                                                       "Content-Transfer-Encoding: 8bit\r\n\r\n")
                                                : TEXT("Content-Type: text/plain; "
                                                       "charset=us-ascii\r\n\r\n"));
    buffer_append(out, TEXT("This is the mail system at "));
    report_put_own_host(out, report->reporting_host);
    buffer_append(out, TEXT(".\r\n"));
    for (int action = REPORT_FAILED; action <= REPORT_EXPANDED; action++)
        put_group(out, report, (enum report_action)action);
    if (report->original_is_lost)
        buffer_append(out,
                      TEXT("\r\nThe message itself could not be read from our disk any more, so\r\n"
                           "that it can't be returned with this report.\r\n"));
    buffer_printf(out,
                  "\r\nThe message is known here as %s. The postmaster finds all that\r\n"
                  "happened to it with: mailroot trace %s\r\n",
                  id_format(report->original_id, id), id);
}
