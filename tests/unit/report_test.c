#include "mail/report.h"

#include <string.h>

#include "mail/body_scan.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "test.h"

static struct arena arena;

static const char original[] = "From: ann@example.org\r\nMessage-ID: <42@example.org>\r\n"
                               "Subject: hi\r\n\r\nhello\r\n";

static struct report_recipient failed_recipient(void)
{
    return (struct report_recipient){
        .address = TEXT("bob@example.net"),
        .original_recipient = TEXT("rfc822;bob+2Blist@example.com"),
        .action = REPORT_FAILED,
        .status = TEXT("5.1.1"),
        .diagnostic = TEXT("550-5.1.1 No such user\r\n550 5.1.1 here"),
        .remote_host = TEXT("mx.example.net"),
        .last_attempt_ms = 1795168931000,
    };
}

static const struct report_texts *texts_in(const char *language)
{
    static struct report_catalog *catalog;
    if (catalog == NULL)
        catalog = report_catalog_new();
    return report_catalog_find(catalog, text_from(language));
}

static struct report report_on(const struct report_recipient *recipients, unsigned count)
{
    return (struct report){
        .reporting_host = TEXT("mail.example.org"),
        .to = TEXT("ann@example.org"),
        .texts = texts_in("en"),
        .message_id_host = TEXT("mail.example.org"),
        .id = 77,
        .original_id = 76,
        .envelope_id = TEXT("QQ314159"),
        .arrival_ms = 1795168900000,
        .now_ms = 1795168931004,
        .recipients = recipients,
        .recipient_count = count,
        .original = text_from(original),
    };
}

static struct text composed(const struct report *report)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    EXPECT(report_compose(report, &out));
    struct text copy = arena_copy(&arena, buffer_text(&out));
    buffer_finish(&out);
    return copy;
}

static struct mime_part *parts_of(struct text message)
{
    struct mime_tree tree;
    mime_scan(message, MIME_LIMITS_DEFAULT, &arena, &tree);
    return tree.root;
}

static struct text body_of(struct text message, const struct mime_part *part)
{
    return text_head(text_from_position(message, part->body_start), part->body_length);
}

static bool holds(struct text text, const char *wanted)
{
    return text_find_text(text, text_from(wanted)) < text.length;
}

TEST("a report of failure says who, why and what to do, for people and for machines")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    struct text message = composed(&report);
    struct mime_part *root = parts_of(message), *text = root->first_child, *status = text->next;
    EXPECT_TEXT(root->type.subtype, "report");
    EXPECT_TEXT(mime_parameter_find(&root->type, TEXT("report-type"))->value, "delivery-status");
    EXPECT(holds(body_of(message, text), "  <bob@example.net>\r\n"
                                         "    mx.example.net answered:\r\n"
                                         "        550-5.1.1 No such user 550 5.1.1 here\r\n"
                                         "    Check the address for a mistake"));
    EXPECT(holds(body_of(message, text), "mailroot trace 000000000002C\r\n"));
    EXPECT_TEXT(body_of(message, status),
                "Original-Envelope-Id: QQ314159\r\n"
                "Reporting-MTA: dns; mail.example.org\r\n"
                "Arrival-Date: Fri, 20 Nov 2026 10:01:40 +0000\r\n"
                "X-Mailroot-Id: 000000000002C\r\n"
                "\r\n"
                "Original-Recipient: rfc822; bob+list@example.com\r\n"
                "Final-Recipient: rfc822; bob@example.net\r\n"
                "Action: failed\r\n"
                "Status: 5.1.1\r\n"
                "Remote-MTA: dns; mx.example.net\r\n"
                "Diagnostic-Code: smtp; 550-5.1.1 No such user 550 5.1.1 here\r\n"
                "Last-Attempt-Date: Fri, 20 Nov 2026 10:02:11 +0000\r\n");
    EXPECT_TEXT(status->next->type.subtype, "rfc822");
    EXPECT_TEXT(body_of(message, status->next), original);
    EXPECT(status->next->next == NULL);
}

TEST("the header makes the report one that nobody answers, in the thread of the message")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    struct text section = header_section(composed(&report));
    static const char *const fields[][2] = {
        {"From", "Mail Delivery System <postmaster@mail.example.org>"},
        {"To", "<ann@example.org>"},
        {"Subject", "Delivery Status Notification (Failure)"},
        {"Date", "Fri, 20 Nov 2026 10:02:11 +0000"},
        {"Message-ID", "<000000000002D.report@mail.example.org>"},
        {"References", "<42@example.org>"},
        {"Auto-Submitted", "auto-replied"},
        {"MIME-Version", "1.0"}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct header_field field;
        EXPECT(header_find(section, text_from(fields[i][0]), &field));
        EXPECT_TEXT(header_unfold(field.body, &arena), fields[i][1]);
    }
}

TEST("a report of delay says that nothing need be done, and until when it goes on")
{
    struct report_recipient bob = failed_recipient();
    bob.action = REPORT_DELAYED;
    bob.status = TEXT("4.4.1");
    bob.remote_host = TEXT("");
    bob.diagnostic = TEXT("connection refused");
    bob.will_retry_until_ms = 1795255331000;
    struct report report = report_on(&bob, 1);
    struct text message = composed(&report);
    EXPECT(holds(message, "Subject: Delivery Status Notification (Delay)\r\n"));
    EXPECT(holds(message, "you need not\r\nsend the message again"));
    EXPECT(holds(message, "Attempts go on until 2026-11-21 10:02 UTC.\r\n"));
    EXPECT(holds(message, "Will-Retry-Until: Sat, 21 Nov 2026 10:02:11 +0000\r\n"));
    EXPECT(holds(message, "Action: delayed\r\nStatus: 4.4.1\r\n"));
    EXPECT(holds(message, "Diagnostic-Code: X-mailroot; connection refused\r\n"));
    EXPECT(!holds(message, "Remote-MTA"));
}

TEST("mixed outcomes are told group by group, and the worst names the report")
{
    struct report_recipient three[3] = {failed_recipient(), failed_recipient(), failed_recipient()};
    three[0].action = REPORT_RELAYED;
    three[1].action = REPORT_DELIVERED;
    three[2].action = REPORT_EXPANDED;
    struct report report = report_on(three, 3);
    struct text message = composed(&report);
    EXPECT(holds(message, "Notification (Success)\r\n"));
    EXPECT(holds(message, "Action: relayed\r\n") && holds(message, "Action: expanded\r\n"));
    EXPECT(text_find_text(message, TEXT("was delivered to")) <
           text_find_text(message, TEXT("passed on to the mail systems")));
}

TEST("a header alone is sent back as such")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    report.original = header_section(report.original);
    report.original_is_header_only = true;
    struct mime_part *last = parts_of(composed(&report))->last_child;
    EXPECT_TEXT(last->type.value, "text");
    EXPECT_TEXT(last->type.subtype, "rfc822-headers");
}

TEST("a status that is none is replaced by one that fits the action")
{
    static const char *const broken[] = {"",       "5",        "5.1",   "5.1.",
                                         "55.1.1", "5.1.1234", "5.a.1", "5.1.1\r\nX: y"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct report_recipient bob = failed_recipient();
        bob.status = text_from(broken[i]);
        struct report report = report_on(&bob, 1);
        EXPECT(holds(composed(&report), "Status: 5.0.0\r\n"));
    }
}

TEST("facts of any bytes break no line and make none too long")
{
    char *wild = arena_alloc(&arena, 4000);
    for (int i = 0; i < 4000; i++)
        wild[i] = (char)(i * 7);
    struct report_recipient bob = failed_recipient();
    bob.address = bob.original_recipient = bob.remote_host = text_of(wild, 4000);
    char *run = arena_alloc(&arena, 4000);
    memset(run, 0x80, 4000);
    bob.diagnostic = text_of(run, 4000);
    struct report report = report_on(&bob, 1);
    report.to = report.reporting_host = report.envelope_id = text_of(wild, 4000);
    for (int international = 0; international < 2; international++) {
        report.is_international = international;
        struct text rest = composed(&report), line;
        EXPECT(parts_of(rest)->first_child->next->next->next == NULL);
        while (text_split(&rest, '\n', &line)) {
            EXPECT(line.length > 0 && line.length <= 999 && line.data[line.length - 1] == '\r');
            EXPECT(text_find(text_head(line, line.length - 1), '\r') == line.length - 1);
            EXPECT(text_find(line, '\0') == line.length);
        }
    }
}

TEST("a long reply is folded, and what is left out is marked")
{
    struct report_recipient bob = failed_recipient();
    struct buffer reply;
    buffer_init(&reply, 10000);
    buffer_append(&reply, TEXT("554 "));
    while (reply.length < 5000)
        buffer_append(&reply, TEXT("refused "));
    bob.diagnostic = buffer_text(&reply);
    struct report report = report_on(&bob, 1);
    struct text message = composed(&report);
    EXPECT(holds(message, "Diagnostic-Code: smtp; 554 refused refused refused refused refused "
                          "refused\r\n refused "));
    EXPECT(holds(message, " [...]\r\n"));
    buffer_finish(&reply);
}

TEST("an international report carries UTF-8, another one carries it escaped")
{
    struct report_recipient bob = failed_recipient();
    bob.address = TEXT("b\xc3\xb6"
                       "b+x@example.net");
    struct report report = report_on(&bob, 1);
    struct text message = composed(&report);
    EXPECT(holds(message, "Final-Recipient: utf-8; b\\x{F6}b\\x{2B}x@example.net\r\n"));
    EXPECT(holds(message, "  <b=C3=B6b+x@example.net>\r\n"));
    EXPECT(!holds(message, "\xc3"));
    report.is_international = true;
    message = composed(&report);
    EXPECT(holds(message, "Final-Recipient: utf-8; b\xc3\xb6"
                          "b+x@example.net\r\n"));
    EXPECT(holds(message, "  <b\xc3\xb6"
                          "b+x@example.net>\r\n"));
    EXPECT(holds(message, "Content-Type: message/global-delivery-status\r\n"));
    EXPECT_TEXT(parts_of(message)->last_child->type.subtype, "global");
    EXPECT_TEXT(parts_of(message)->encoding_name, "8bit");
}

TEST("what people read is in the language that was chosen, encoded as is shortest")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    report.texts = texts_in("de");
    struct text message = composed(&report);
    EXPECT(holds(message, "Content-Type: text/plain; charset=utf-8\r\n"
                          "Content-Language: de\r\n"
                          "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
    EXPECT(holds(message, "den folgenden Empf=C3=A4ngern nicht zugestellt"));
    EXPECT(holds(message, "Subject: Zustellbericht: Nachricht nicht zugestellt\r\n"));
    EXPECT(holds(message, "Action: failed\r\nStatus: 5.1.1\r\n"));
    report.texts = texts_in("ja");
    message = composed(&report);
    EXPECT(holds(message, "Content-Language: ja\r\nContent-Transfer-Encoding: base64\r\n"));
    EXPECT(holds(message, "From: =?utf-8?B?") && holds(message, "Subject: =?utf-8?B?"));
    EXPECT(!body_has_8bit(message));
}

TEST("a report in two languages says everything in both, one after the other")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    report.texts = texts_in("es");
    report.more_texts = texts_in("en");
    struct text message = composed(&report);
    EXPECT(holds(message, "Content-Language: es, en\r\n"));
    EXPECT(holds(message, "Subject: Informe de entrega: mensaje no entregado / Delivery Status\r\n"
                          " Notification (Failure)\r\n"));
    EXPECT(text_find_text(message, TEXT("ning=C3=BAn otro intento")) <
           text_find_text(message, TEXT("\r\n----------\r\n\r\nThis is the mail system")));
}

TEST("the boundary is one that the original does not hold")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    report.original = TEXT("Subject: x\r\n\r\n--=_report_000000000002D_0\r\n\r\n"
                           "=_report_000000000002D_1");
    struct text message = composed(&report);
    struct mime_part *root = parts_of(message);
    EXPECT_TEXT(mime_parameter_find(&root->type, TEXT("boundary"))->value,
                "=_report_000000000002D_2");
    EXPECT(root->first_child->next->next == root->last_child);
    EXPECT(text_equals(body_of(message, root->last_child), report.original));
}

TEST("a report that does not fit is not composed")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    struct buffer out;
    buffer_init(&out, 500);
    EXPECT(!report_compose(&report, &out));
    buffer_finish(&out);
}

/* shows: V27 */
TEST("a report gives the peer it came from, the time it had, and where it was refused")
{
    static const char received[] = "Received: from client.example ([192.0.2.1])\r\n"
                                   "\tby mail.example.org (mailroot) with ESMTP id 1;\r\n"
                                   "\tFri, 20 Nov 2026 10:02:11 +0000\r\n"
                                   "Received: from elsewhere.example by other (mailroot) with x\r\n"
                                   "Subject: hi\r\n\r\nhello\r\n";
    struct report_recipient bob = failed_recipient();
    bob.remote_host = TEXT("mx.example.net[IPv6:2001:db8::1]:25");
    bob.original_recipient = TEXT("x400;/c=us/");
    struct report report = report_on(&bob, 1);
    report.original = text_from(received);
    report.deliver_by_ms = 1795168931000;
    report.hold_until_ms = 1795168931000;
    report.tls_is_optional = true;
    struct text message = composed(&report);
    EXPECT(holds(message, "\r\nReceived-From-MTA: dns; client.example\r\nArrival-Date: "));
    EXPECT(holds(message, "\r\nDeliver-By-Date: Fri, 20 Nov 2026 10:02:11 +0000\r\n"
                          "Future-Release-Request: until; 2026-11-20T10:02:11.000Z\r\n"));
    EXPECT(holds(message, "\r\nRemote-MTA: dns; mx.example.net ([IPv6:2001:db8::1]:25)\r\n"));
    EXPECT(holds(message, "\r\nOriginal-Recipient: x400;/c=us/\r\n"));
    EXPECT(holds(header_section(message), "\r\nTLS-Required: No\r\n"));
    report.original = text_from(original);
    EXPECT(!holds(composed(&report), "Received-From-MTA"));
}

/* shows: V27 */
TEST("an original recipient of type utf-8 is written as the report can hold it")
{
    struct report_recipient bob = failed_recipient();
    bob.original_recipient = TEXT("utf-8;j\\x{FC}rg@example.org");
    struct report report = report_on(&bob, 1);
    EXPECT(holds(composed(&report), "\r\nOriginal-Recipient: utf-8; j\\x{FC}rg@example.org\r\n"));
    report.is_international = true;
    EXPECT(holds(composed(&report), "\r\nOriginal-Recipient: utf-8; j\xc3\xbcrg@example.org\r\n"));
}

/* shows: V26 */
TEST("8-bit parts and no others are declared so, and a header alone is fit to be text")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    EXPECT(!holds(composed(&report), "8bit"));
    report.original = TEXT("Subject: a\rb\nc\r\n d\r\n");
    report.original_is_header_only = true;
    EXPECT(holds(composed(&report), "Subject: a?b?c\r\n d\r\n"));
    report.original = TEXT("Subject: \xff\r\n\r\nb\r\n");
    report.original_is_header_only = false;
    struct mime_part *root = parts_of(composed(&report));
    EXPECT_TEXT(root->encoding_name, "8bit");
    EXPECT_TEXT(root->first_child->next->next->encoding_name, "8bit");
    EXPECT(text_is_empty(root->first_child->next->encoding_name));
}

/* shows: V27 */
TEST("a header with UTF-8 comes back encoded to a sender who may not know UTF-8")
{
    struct report_recipient bob = failed_recipient();
    struct report report = report_on(&bob, 1);
    report.original = TEXT("Subject: \xc3\xbc\r\n");
    report.original_is_header_only = report.original_is_international = true;
    struct text message = composed(&report);
    EXPECT(!body_has_8bit(message) && !holds(message, "8bit"));
    EXPECT(holds(message, "Content-Type: message/global-headers\r\n"
                          "Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogw7wNCg==\r\n"));
    report.is_international = true;
    message = composed(&report);
    EXPECT(holds(message, "Content-Type: message/global-headers\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n\r\nSubject: \xc3\xbc\r\n"));
    EXPECT(holds(message, "Content-Type: message/global-delivery-status\r\n"));
}
