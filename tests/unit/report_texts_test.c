#include "mail/report_texts.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

static char told[4000]; /* the errors of the last file */

/* A catalog with one more file, or NULL. */
static struct report_catalog *with_file(const char *name, const char *bytes)
{
    struct report_catalog *catalog = report_catalog_new();
    struct buffer errors;
    buffer_init(&errors, sizeof(told) - 1);
    enum status status = report_catalog_add(catalog, text_from(name), text_from(bytes), &errors);
    snprintf(told, sizeof(told), "%.*s", TEXT_ARG(buffer_text(&errors)));
    buffer_finish(&errors);
    if (status != OK)
        report_catalog_free(&catalog);
    return catalog;
}

/* What is wrong with a file of one language. */
static struct text wrong(const char *bytes)
{
    struct report_catalog *catalog = with_file("/etc/r/de.txt", bytes);
    EXPECT(catalog == NULL);
    return text_from(told);
}

static void put_name(const void *context, enum report_fact fact, struct buffer *out)
{
    (void)context;
    buffer_append(out, fact == REPORT_FACT_HOST ? TEXT("mx.example.org") : TEXT("?"));
}

static struct text written(struct text text, const char *indent)
{
    static char out[1000];
    struct report_texts_facts facts = {put_name, NULL};
    struct buffer buffer;
    buffer_init(&buffer, sizeof(out) - 1);
    report_texts_put(text, &facts, indent, &buffer);
    snprintf(out, sizeof(out), "%.*s", TEXT_ARG(buffer_text(&buffer)));
    buffer_finish(&buffer);
    return text_from(out);
}

TEST("every shipped language says everything, each in its own words")
{
    struct report_catalog *catalog = report_catalog_new();
    const struct report_texts *english = report_catalog_english(catalog), *texts;
    static const char *const codes[] = {"5.1.1", "5.2.2", "5.4.4", "5.7.1", "4.4.7", "nonsense"};
    unsigned count = 0;
    for (; (texts = report_catalog_each(catalog, count)) != NULL; count++) {
        for (unsigned section = 0; section < REPORT_SAYS_COUNT; section++) {
            struct text text = report_texts_get(texts, section);
            EXPECT(text.length > 0);
            EXPECT(texts == english || !text_equals(text, report_texts_get(english, section)));
        }
        for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
            struct text text = report_texts_explain(texts, text_from(codes[i]));
            EXPECT(text.length > 0);
            EXPECT(texts == english ||
                   !text_equals(text, report_texts_explain(english, text_from(codes[i]))));
        }
    }
    EXPECT(count == 5);
    report_catalog_free(&catalog);
}

TEST("an administrator's section takes the place of ours, the others stay")
{
    struct report_catalog *catalog = with_file(
        "/etc/r/de.txt", "# ours\r\n[closing]\r\n\r\nFragen: {host}\r\n\r\n{{ein}}\r\n\r\n"
                         "[code x.1.1]\n\\[gibt es nicht]\n[opening]\n");
    EXPECT(catalog != NULL);
    const struct report_texts *german = report_catalog_find(catalog, TEXT("de"));
    EXPECT_TEXT(written(report_texts_get(german, REPORT_SAYS_CLOSING), "  "),
                "  Fragen: mx.example.org\r\n\r\n  {ein}\r\n");
    EXPECT_TEXT(report_texts_explain(german, TEXT("5.1.1")), "[gibt es nicht]");
    EXPECT(text_is_empty(report_texts_get(german, REPORT_SAYS_OPENING)));
    EXPECT_TEXT(report_texts_get(german, REPORT_SAYS_FROM), "E-Mail-Zustelldienst");
    report_catalog_free(&catalog);
}

TEST("what a new language lacks is said in English")
{
    struct report_catalog *catalog = with_file("nl.txt", "[reason]\nDe reden is:\n"
                                                         "[code 5.1.1]\nBestaat niet.\n");
    const struct report_texts *dutch = report_catalog_find(catalog, TEXT("nl-BE"));
    EXPECT_TEXT(report_texts_language(dutch), "nl");
    EXPECT_TEXT(report_texts_get(dutch, REPORT_SAYS_REASON), "De reden is:");
    EXPECT_TEXT(report_texts_get(dutch, REPORT_SAYS_FROM), "Mail Delivery System");
    EXPECT_TEXT(report_texts_explain(dutch, TEXT("5.1.1")), "Bestaat niet.");
    EXPECT(text_starts_with(report_texts_explain(dutch, TEXT("5.2.2")), TEXT("The mailbox is f")));
    report_catalog_free(&catalog);
}

TEST("the closest code explains a status")
{
    struct report_catalog *catalog =
        with_file("en.txt", "[code 5.7.1]\na\n[code x.7.1]\nb\n[code 5.7.x]\nc\n[code 5.x.x]\nd\n");
    const struct report_texts *english = report_catalog_english(catalog);
    EXPECT_TEXT(report_texts_explain(english, TEXT("5.7.1")), "a");
    EXPECT_TEXT(report_texts_explain(english, TEXT("4.7.1")), "b");
    EXPECT_TEXT(report_texts_explain(english, TEXT("5.7.2")), "c");
    EXPECT_TEXT(report_texts_explain(english, TEXT("5.9.2")), "d");
    EXPECT(text_starts_with(report_texts_explain(english, TEXT("4.9.2")), TEXT("If you cannot")));
    report_catalog_free(&catalog);
}

TEST("a language is found by the header of a message, else not")
{
    struct report_catalog *catalog = report_catalog_new();
    EXPECT_TEXT(report_texts_language(report_catalog_find_listed(
                    catalog, TEXT("nl, fr-CA;q=0.5, DE-at-1996;q=0.6, *;q=0.1"))),
                "de");
    EXPECT(report_catalog_find_listed(catalog, TEXT("nl, *")) == NULL);
    EXPECT(report_catalog_find_listed(catalog, TEXT("de,,")) == NULL);
    report_catalog_free(&catalog);
}

TEST("whatever is wrong with a file is told with its line and what to write")
{
    EXPECT_TEXT(wrong("[failed]\nHallo {recipent}!\n"),
                "/etc/r/de.txt:2: unknown placeholder {recipent} in [failed] (possible are {host} "
                "{to} {subject} {id} {arrived}; a brace is written {{)\n");
    EXPECT_TEXT(wrong("[failed]\n{until}\n"),
                "/etc/r/de.txt:2: there is no {until} in [failed] (possible are {host} {to} "
                "{subject} {id} {arrived})\n");
    EXPECT_TEXT(wrong("[failed]\na { b\n[reason]\nc } d\n"),
                "/etc/r/de.txt:2: a brace without its other half (a brace itself is written {{ or "
                "}})\n"
                "/etc/r/de.txt:4: a brace without its other half (a brace itself is written {{ or "
                "}})\n");
    EXPECT_TEXT(wrong("[fialed]\nx\n"),
                "/etc/r/de.txt:1: there is no section [fialed] (mailroot report texts en shows "
                "them all; a line of text that begins with [ is written \\[)\n");
    EXPECT_TEXT(wrong("[code 5.1]\nx\n"),
                "/etc/r/de.txt:1: '5.1' is no status code (write it like 5.1.1, or with x for any: "
                "x.1.1, x.1.x)\n");
    EXPECT_TEXT(wrong("[subject failed]\none\ntwo\n"),
                "/etc/r/de.txt:1: [subject failed] must have one line, it has 2\n");
    EXPECT_TEXT(wrong("hello\n[failed]\nx\n[failed]\ny\n"),
                "/etc/r/de.txt:1: text before the first section (begin one: [failed])\n"
                "/etc/r/de.txt:4: [failed] is there twice (leave one of them out)\n");
    EXPECT_TEXT(wrong("[failed]\n\xff\n"),
                "/etc/r/de.txt:2: the line is no UTF-8 (save the file in that charset)\n");
}

TEST("a file that is named after no language, and one with endless errors, are refused")
{
    char many[2000] = "[failed]\n";
    EXPECT(with_file("/etc/r/german_.txt", "") == NULL);
    EXPECT_TEXT(text_from(told), "/etc/r/german_.txt: is named after no language (name it like "
                                 "de.txt or pt-BR.txt)\n");
    EXPECT(report_catalog_is_file(TEXT("de.txt")) && !report_catalog_is_file(TEXT("de.txt~")));
    while (strlen(many) < 1000)
        memcpy(many + strlen(many), "{a}\n", 5);
    EXPECT(text_ends_with_nocase(wrong(many), TEXT(" more\n")));
}

TEST("a code is a digit, and two numbers of three at most, and x for any")
{
    static const char *const codes[] = {"55.1.1", "5.1111.1", "5.1.",  "5..1",
                                        "5.x.1",  "5.1.1.1",  "5.a.1", "5.1.1."};
    char file[100];
    for (unsigned i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        snprintf(file, sizeof(file), "[code %s]\nx\n", codes[i]);
        EXPECT(text_find_text(wrong(file), TEXT("is no status code")) < strlen(told));
    }
    struct report_catalog *catalog = with_file("de.txt", "\xef\xbb\xbf[code x.1.x]\r\nneu\r\n");
    EXPECT(catalog != NULL); /* as some editors save it */
    report_catalog_free(&catalog);
}

/* count codes from 5.first.0 on. */
static const char *many_codes(unsigned first, unsigned count)
{
    static char file[10000];
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += (size_t)snprintf(file + length, sizeof(file) - length, "[code 5.%u.%u]\nx\n",
                                   first + i / 100, i % 100);
    return file;
}

TEST("codes, lines, files and languages beyond what there is room for are refused")
{
    static char large[(64 << 10) + 10];
    struct buffer errors;
    char line[500], name[20];
    EXPECT(text_find_text(wrong(many_codes(100, 250)), TEXT("more than 200 codes")) < strlen(told));
    memset(line, 'l', sizeof(line) - 1);
    memcpy(line, "[failed]\n", 9);
    line[sizeof(line) - 1] = '\0';
    EXPECT(text_find_text(wrong(line), TEXT(":2: the line has more than 400 bytes")) == 13);
    for (size_t i = 0; i + 2 < sizeof(large); i += 2)
        memcpy(large + i, "#\n", 2);
    EXPECT(text_find_text(wrong(large), TEXT("the file is larger than")) < strlen(told));
    struct report_catalog *catalog = with_file("de.txt", many_codes(100, 150));
    EXPECT(catalog != NULL);
    buffer_init(&errors, 10000);
    EXPECT(report_catalog_add(catalog, TEXT("de.txt"), text_from(many_codes(200, 150)), &errors) ==
           REFUSED);
    EXPECT(text_find_text(buffer_text(&errors), TEXT("too many codes are explained")) <
           errors.length);
    enum status status = OK;
    for (unsigned i = 0; i < 26 * 26 && status == OK; i++) {
        snprintf(name, sizeof(name), "q%c%c.txt", 'a' + i / 26, 'a' + i % 26);
        status = report_catalog_add(catalog, text_from(name), TEXT("[failed]\nx\n"), &errors);
    }
    EXPECT(status == REFUSED);
    EXPECT(text_find_text(buffer_text(&errors), TEXT("there are too many languages")) <
           errors.length);
    EXPECT(report_catalog_add(catalog, TEXT("de.txt"), TEXT("[failed]\nx\n"), &errors) == OK);
    buffer_finish(&errors);
    report_catalog_free(&catalog);
    EXPECT(with_file(".txt", "") == NULL && with_file("de.TXT", "") == NULL);
    EXPECT(with_file("de.text", "") == NULL);
}
