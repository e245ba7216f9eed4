/* Delivery reports: whatever bytes the facts hold, the message is well formed, has exactly three
 * parts, names each recipient once for the machine, and returns the original unchanged. */
#include <stdlib.h>

#include "base/check.h"
#include "base/encoding.h"
#include "mail/body_scan.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_RECIPIENTS = 4 };

static unsigned take_byte(struct text *input)
{
    unsigned byte = input->length > 0 ? (unsigned char)input->data[0] : 0;
    *input = text_from_position(*input, 1);
    return byte;
}

/* A fact: a length byte (times 9, to pass every limit), then its bytes. */
static struct text take_fact(struct text *input)
{
    size_t length = take_byte(input) * 9;
    struct text fact = text_head(*input, length);
    *input = text_from_position(*input, length);
    return fact;
}

static void take_recipient(struct text *input, struct report_recipient *out)
{
    *out = (struct report_recipient){
        .action = (enum report_action)(take_byte(input) % 5),
        .address = take_fact(input),
        .original_recipient = take_fact(input),
        .status = take_fact(input),
        .diagnostic = take_fact(input),
        .remote_host = take_fact(input),
        .last_attempt_ms = take_byte(input) * 12345678901,
        .will_retry_until_ms = take_byte(input) * 12345678901,
    };
}

/* Only fields up to the blank line, and that is there. */
static unsigned count_fields(struct text *rest, struct text name)
{
    struct header_field field;
    unsigned count = 0;
    while (header_next(rest, &field))
        count += text_equals_nocase(field.name, name);
    return count;
}

static void expect_clean_lines(struct text text, bool allow_8bit)
{
    struct text line;
    while (text_split(&text, '\n', &line)) {
        check(line.length > 0 && line.length <= 999 && line.data[line.length - 1] == '\r');
        for (size_t i = 0; i + 1 < line.length; i++) {
            unsigned char byte = (unsigned char)line.data[i];
            check(byte >= 32 && byte != 127 && (byte < 128 || allow_8bit));
        }
    }
}

static void expect_status_part(struct text body, unsigned recipient_count)
{
    check(count_fields(&body, TEXT("Reporting-MTA")) == 1);
    for (unsigned i = 0; i < recipient_count; i++) {
        check(text_starts_with(body, TEXT("\r\n")));
        body = text_from_position(body, 2);
        struct text group = body;
        check(count_fields(&group, TEXT("Final-Recipient")) == 1);
        group = body;
        check(count_fields(&group, TEXT("Status")) == 1);
        check(count_fields(&body, TEXT("Action")) == 1);
    }
    check(body.length == 0);
}

static bool is_encoded(struct text returned, struct text original)
{
    struct buffer decoded;
    struct text line;
    buffer_init(&decoded, 1 << 20);
    bool good = true;
    while (good && text_split(&returned, '\n', &line))
        good = line.length <= 77 && base64_decode(text_trim(line), &decoded);
    good = good && text_equals(buffer_text(&decoded), original);
    buffer_finish(&decoded);
    return good;
}

/* As it is, but that a header alone is made fit to travel as text. */
static bool is_returned(struct text returned, const struct report *report)
{
    struct text original = report->original;
    if (report->original_is_international && !report->is_international && body_has_8bit(original))
        return is_encoded(returned, original);
    if (!report->original_is_header_only)
        return text_equals(returned, original);
    for (size_t i = 0; i < returned.length; i++) {
        bool is_odd = original.data[i] == 0 || original.data[i] == '\r' || original.data[i] == '\n';
        if (returned.data[i] != original.data[i] && !(is_odd && returned.data[i] == '?'))
            return false;
        check(returned.data[i] != '\n' || (i > 0 && returned.data[i - 1] == '\r'));
    }
    return returned.length == original.length;
}

static void expect_well_formed(struct text message, const struct report *report)
{
    struct arena arena;
    struct mime_tree tree;
    struct text rest = message;
    arena_init(&arena);
    check(count_fields(&rest, TEXT("Auto-Submitted")) == 1);
    check(text_starts_with(rest, TEXT("\r\n")));
    mime_scan(message, MIME_LIMITS_DEFAULT, &arena, &tree);
    const struct mime_part *text = tree.root->first_child;
    check(text != NULL && text->next != NULL && text->next->next != NULL);
    const struct mime_part *status = text->next, *original = status->next;
    check(original->next == NULL);
    struct text returned =
        text_head(text_from_position(message, original->body_start), original->body_length);
    check(is_returned(returned, report));
    expect_clean_lines(text_head(message, original->body_start), report->is_international);
    expect_status_part(
        text_head(text_from_position(message, status->body_start), status->body_length),
        report->recipient_count);
    arena_finish(&arena);
}

static const struct report_texts *texts_in(unsigned number)
{
    static struct report_catalog *catalog;
    if (catalog == NULL)
        catalog = report_catalog_new();
    return report_catalog_each(catalog, number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text input = text_of(data, size);
    struct report_recipient recipients[MOST_RECIPIENTS];
    unsigned flags = take_byte(&input);
    struct report report = {.recipients = recipients,
                            .recipient_count = flags % (MOST_RECIPIENTS + 1),
                            .texts = texts_in(take_byte(&input) % 5),
                            .more_texts = texts_in(take_byte(&input) % 7),
                            .subject = take_fact(&input),
                            .id = 1795168931004,
                            .original_id = flags,
                            .original_is_header_only = flags & 32,
                            .tls_is_optional = flags & 64,
                            .original_is_international = flags & 4,
                            .deliver_by_ms = flags & 16 ? 1795168931004 : 0,
                            .hold_until_ms = flags & 8 ? 1795168931004 : 0,
                            .is_international = flags & 128,
                            .reporting_host = take_fact(&input),
                            .to = take_fact(&input),
                            .message_id_host = take_fact(&input),
                            .envelope_id = take_fact(&input)};
    for (unsigned i = 0; i < report.recipient_count; i++)
        take_recipient(&input, &recipients[i]);
    report.original = input;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    if (report_compose(&report, &out))
        expect_well_formed(buffer_text(&out), &report);
    buffer_finish(&out);
    return 0;
}
