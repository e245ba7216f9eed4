/* The part of a delivery report for people: what happened to which recipient, what the other side
 * answered, and what to do next. The sentences are those of report_texts.h; the machine reads part
 * two. */
#include "mail/report_text.h"

#include <string.h>
#include <time.h>

#include "base/id.h"
#include "mail/body_scan.h"
#include "mail/report_write.h"
#include "mail/transfer_encoding.h"

enum { TEXT_MOST = 600 << 10, INSTANT_BYTES = 32 };

/* The report, told in one language. */
struct telling {
    const struct report *report;
    const struct report_texts *texts;
    const struct report_recipient *recipient; /* NULL: of the message as a whole */
    size_t begin;                             /* of its text in the output */
};

/* By numbers alone, which all languages read alike. */
static void put_instant(struct buffer *out, int64_t wall_ms)
{
    char instant[INSTANT_BYTES];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(instant, sizeof(instant), "%Y-%m-%d %H:%M UTC", &parts);
    buffer_append(out, text_from(instant));
}

static void put_fact(const void *context, enum report_fact fact, struct buffer *out)
{
    const struct telling *telling = context;
    const struct report *report = telling->report;
    char id[ID_TEXT_BYTES];
    switch (fact) {
    case REPORT_FACT_HOST:
        report_put_own_host(out, report->reporting_host);
        break;
    case REPORT_FACT_TO:
        report_put_clean(out, report->to, true);
        break;
    case REPORT_FACT_SUBJECT:
        report_put_clean(out, report->subject, true);
        break;
    case REPORT_FACT_ID:
        buffer_append(out, text_from(id_format(report->original_id, id)));
        break;
    case REPORT_FACT_ARRIVED:
        put_instant(out, report->arrival_ms);
        break;
    case REPORT_FACT_RECIPIENT:
        report_put_clean(out, telling->recipient->address, true);
        break;
    case REPORT_FACT_STATUS:
        report_put_clean(out, telling->recipient->status, false);
        break;
    case REPORT_FACT_REMOTE:
        report_put_clean(out, telling->recipient->remote_host, false);
        break;
    case REPORT_FACT_UNTIL:
        put_instant(out, telling->recipient->will_retry_until_ms);
        break;
    case REPORT_FACT_COUNT:
        break;
    }
}

static void say_text(struct buffer *out, const struct telling *telling, struct text text,
                     const char *indent)
{
    struct report_texts_facts facts = {put_fact, telling};
    report_texts_put(text, &facts, indent, out);
}

static void say(struct buffer *out, const struct telling *telling, enum report_section section,
                const char *indent)
{
    say_text(out, telling, report_texts_get(telling->texts, section), indent);
}

static void put_answer(struct buffer *out, const struct telling *telling)
{
    const struct report_recipient *recipient = telling->recipient;
    if (recipient->diagnostic.length == 0)
        return;
    say(out, telling, recipient->remote_host.length > 0 ? REPORT_SAYS_ANSWERED : REPORT_SAYS_REASON,
        "    ");
    buffer_append(out, TEXT("        "));
    report_put_folded(out, strlen("        "), "        ", recipient->diagnostic, true);
    buffer_append(out, TEXT("\r\n"));
}

static void put_recipient(struct buffer *out, struct telling telling,
                          const struct report_recipient *recipient)
{
    telling.recipient = recipient;
    buffer_append(out, TEXT("\r\n  <"));
    report_put_clean(out, recipient->address, true);
    buffer_append(out, TEXT(">\r\n"));
    put_answer(out, &telling);
    if (recipient->action == REPORT_FAILED)
        say_text(out, &telling, report_texts_explain(telling.texts, recipient->status), "    ");
    if (recipient->action == REPORT_DELAYED && recipient->will_retry_until_ms != 0)
        say(out, &telling, REPORT_SAYS_UNTIL, "    ");
}

/* An empty line between two texts. */
static void put_gap(struct buffer *out, const struct telling *telling)
{
    if (out->length > telling->begin)
        buffer_append(out, TEXT("\r\n"));
}

static void put_group(struct buffer *out, const struct telling *telling, enum report_action action)
{
    const struct report *report = telling->report;
    bool introduced = false;
    for (unsigned i = 0; i < report->recipient_count; i++) {
        if (report->recipients[i].action != action)
            continue;
        if (!introduced) {
            put_gap(out, telling);
            say(out, telling, REPORT_SAYS_ACTION + action, "");
        }
        introduced = true;
        put_recipient(out, *telling, &report->recipients[i]);
    }
}

static void put_text(struct buffer *out, const struct report *report,
                     const struct report_texts *texts)
{
    struct telling telling = {.report = report, .texts = texts, .begin = out->length};
    say(out, &telling, REPORT_SAYS_OPENING, "");
    for (int action = REPORT_FAILED; action <= REPORT_EXPANDED; action++)
        put_group(out, &telling, (enum report_action)action);
    if (report->original_is_lost) {
        put_gap(out, &telling);
        say(out, &telling, REPORT_SAYS_LOST, "");
    }
    if (report_texts_get(texts, REPORT_SAYS_CLOSING).length > 0)
        put_gap(out, &telling);
    say(out, &telling, REPORT_SAYS_CLOSING, "");
}

static bool has_long_line(struct text text)
{
    struct body_scan scan = {0};
    body_scan_feed(&scan, text);
    body_scan_end(&scan);
    return scan.has_long_line;
}

/* As it is where that can be; a fact at the start of a line might be our boundary, which no encoded
 * text holds, for "=" is encoded in it. Then in what is shorter. */
static const char *encoding_of(const struct report *report, struct text text)
{
    size_t high = 0;
    bool is_odd = has_long_line(text) || text_find_text(text, TEXT("=_report_")) < text.length;
    for (size_t i = 0; i < text.length; i++)
        high += (unsigned char)text.data[i] >= 0x80;
    if (!is_odd && (high == 0 || report->is_international))
        return high == 0 ? "7bit" : "8bit";
    return 6 * high > text.length ? "base64" : "quoted-printable";
}

static void put_encoded(struct buffer *out, struct text text, const char *encoding)
{
    if (strcmp(encoding, "quoted-printable") == 0) {
        struct quoted_printable encoder = {.out = out};
        quoted_printable_feed(&encoder, text);
        quoted_printable_end(&encoder, false);
    } else if (strcmp(encoding, "base64") == 0) {
        struct base64_lines encoder = {.out = out};
        base64_lines_feed(&encoder, text);
        base64_lines_end(&encoder, true);
    } else {
        buffer_append(out, text);
    }
}

/* RFC 3282 2: the languages it is meant to be read in. */
static void put_languages(struct buffer *out, const struct report *report)
{
    buffer_append(out, TEXT("Content-Language: "));
    buffer_append(out, report_texts_language(report->texts));
    if (report->more_texts != NULL) {
        buffer_append(out, TEXT(", "));
        buffer_append(out, report_texts_language(report->more_texts));
    }
    buffer_append(out, TEXT("\r\n"));
}

static void put_texts(struct buffer *out, const struct report *report)
{
    put_text(out, report, report->texts);
    if (report->more_texts == NULL)
        return;
    buffer_append(out, TEXT("\r\n----------\r\n\r\n"));
    put_text(out, report, report->more_texts);
}

void report_put_text_part(struct buffer *out, const struct report *report)
{
    struct buffer text;
    buffer_init(&text, TEXT_MOST);
    put_texts(&text, report);
    const char *encoding = encoding_of(report, buffer_text(&text));
    buffer_printf(out, "Content-Type: text/plain; charset=%s\r\n",
                  body_has_8bit(buffer_text(&text)) ? "utf-8" : "us-ascii");
    put_languages(out, report);
    buffer_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n", encoding);
    put_encoded(out, buffer_text(&text), encoding);
    out->overflowed |= text.overflowed;
    buffer_finish(&text);
}

/* ---- In the header ---- */

/* The first action in the order of the enum names the report: bad news first. */
static enum report_action worst_of(const struct report *report)
{
    enum report_action worst = REPORT_EXPANDED;
    for (unsigned i = 0; i < report->recipient_count; i++)
        if (report->recipients[i].action < worst)
            worst = report->recipients[i].action;
    return worst;
}

static void say_line(struct buffer *out, const struct report *report,
                     const struct report_texts *texts, enum report_section section)
{
    struct telling telling = {.report = report, .texts = texts};
    say(out, &telling, section, NULL);
}

static void say_subject(struct buffer *out, const struct report *report)
{
    enum report_section section = REPORT_SAYS_SUBJECT + worst_of(report);
    say_line(out, report, report->texts, section);
    if (report->more_texts == NULL)
        return;
    buffer_append(out, TEXT(" / "));
    say_line(out, report, report->more_texts, section);
}

void report_put_subject(struct buffer *out, const struct report *report)
{
    struct buffer subject;
    buffer_init(&subject, 4 * REPORT_TEXTS_LINE_MAX * REPORT_VALUE_MAX);
    say_subject(&subject, report);
    report_put_line(out, "Subject", buffer_text(&subject));
    buffer_finish(&subject);
}

void report_put_plain(struct buffer *out, const struct report *report)
{
    buffer_append(out, TEXT("Subject: "));
    say_subject(out, report);
    buffer_append(out, TEXT("\r\n\r\n"));
    put_texts(out, report);
}

void report_put_author(struct buffer *out, const struct report *report)
{
    struct buffer name;
    buffer_init(&name, 4 * REPORT_TEXTS_LINE_MAX * REPORT_VALUE_MAX);
    say_line(&name, report, report->texts, REPORT_SAYS_FROM);
    report_put_author_name(out, buffer_text(&name));
    buffer_finish(&name);
}
