/* Files of report texts. Oracle: one that is not taken up is told why, by name and line, and
 * changes nothing; of one that is, every text can be written, with CRLF line ends, without a
 * control byte and with no fact where none may be. */
#include "base/check.h"
#include "base/encoding.h"
#include "mail/report_texts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_fact(const void *context, enum report_fact fact, struct buffer *out)
{
    const bool *of_recipient = context;
    check(fact < REPORT_FACT_COUNT);
    check(*of_recipient || fact < REPORT_FACT_RECIPIENT);
    buffer_append(out, TEXT("fact"));
}

static void expect_writable(struct text text, bool of_recipient, const char *indent)
{
    struct report_texts_facts facts = {put_fact, &of_recipient};
    struct buffer out;
    struct text line;
    buffer_init(&out, 1 << 20);
    report_texts_put(text, &facts, indent, &out);
    struct text rest = buffer_text(&out);
    check(!out.overflowed && utf8_is_valid(rest));
    check(indent != NULL || text_find(rest, '\n') == rest.length);
    while (indent != NULL && text_split(&rest, '\n', &line)) {
        check(line.length > 0 && line.data[line.length - 1] == '\r');
        for (size_t i = 0; i + 1 < line.length; i++)
            check((unsigned char)line.data[i] >= 32 || line.data[i] == '\t');
    }
    buffer_finish(&out);
}

static void expect_whole(const struct report_texts *texts)
{
    static const char *const codes[] = {"5.1.1", "4.4.7", "5.7.1", "2.0.0", "", "x.1.x"};
    for (unsigned section = 0; section < REPORT_SAYS_COUNT; section++) {
        bool is_line = section < REPORT_SAYS_OPENING;
        bool of_recipient = section >= REPORT_SAYS_ANSWERED && section <= REPORT_SAYS_UNTIL;
        struct text text = report_texts_get(texts, section);
        check(!is_line || text.length > 0);
        expect_writable(text, of_recipient, is_line ? NULL : "  ");
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        expect_writable(report_texts_explain(texts, text_from(codes[i])), true, "    ");
}

static void expect_told(struct text errors)
{
    struct text line;
    check(errors.length > 0);
    while (text_split(&errors, '\n', &line))
        check(text_starts_with(line, TEXT("nl.txt:")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report_catalog *catalog = report_catalog_new();
    struct buffer errors;
    buffer_init(&errors, 64 << 10);
    enum status status = report_catalog_add(catalog, TEXT("nl.txt"), text_of(data, size), &errors);
    const struct report_texts *texts = report_catalog_find(catalog, TEXT("nl-BE"));
    if (status == OK)
        expect_whole(texts);
    else
        expect_told(buffer_text(&errors));
    check((texts != NULL) == (status == OK) && (errors.length == 0) == (status == OK));
    buffer_finish(&errors);
    report_catalog_free(&catalog);
    return 0;
}
