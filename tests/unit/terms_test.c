/* The terms of a message as bytes, the original recipient, and what a body asks for. */
#include <string.h>

#include "mail/body_scan.h"
#include "mail/orcpt.h"
#include "mail/terms.h"
#include "test.h"

static bool survives(const struct mail_terms *terms, size_t *bytes)
{
    struct buffer out, again;
    struct mail_terms back = {0};
    buffer_init(&out, 1000);
    buffer_init(&again, 1000);
    mail_terms_put_head(&out, terms);
    mail_terms_put_tail(&out, terms);
    struct wire_reader in = wire_reader_of(buffer_text(&out));
    if (mail_terms_get_head(&in, &back))
        mail_terms_get_tail(&in, &back);
    mail_terms_put_head(&again, &back);
    mail_terms_put_tail(&again, &back);
    bool same = wire_end(&in) && text_equals(buffer_text(&out), buffer_text(&again)) &&
                back.body == terms->body && back.priority == terms->priority &&
                back.by == terms->by && back.by_trace == terms->by_trace &&
                back.by_ms == terms->by_ms && back.hold_until_ms == terms->hold_until_ms &&
                back.requires_tls == terms->requires_tls &&
                back.tls_is_optional == terms->tls_is_optional &&
                text_equals(back.submitter, terms->submitter) &&
                text_equals(back.properties, terms->properties);
    *bytes = out.length;
    buffer_finish(&out);
    buffer_finish(&again);
    return same;
}

TEST("terms survive being written, and common ones take one byte")
{
    size_t bytes;
    struct mail_terms common = {.body = MAIL_BODY_8BIT, .return_headers_only = true};
    EXPECT(survives(&common, &bytes) && bytes == 1);
    struct mail_terms rare = {.body = MAIL_BODY_BINARY,
                              .requires_tls = true,
                              .by = MAIL_BY_RETURN,
                              .by_trace = true,
                              .by_ms = 1795168931250,
                              .priority = -9,
                              .hold_until_ms = 1795168931251,
                              .submitter = TEXT("<>")};
    EXPECT(survives(&rare, &bytes));
    rare.properties = TEXT("\1\0\0\0 of the message");
    EXPECT(survives(&rare, &bytes));
    rare = (struct mail_terms){.properties = TEXT("x")};
    EXPECT(survives(&rare, &bytes));
    rare = (struct mail_terms){.tls_is_optional = true, .by = MAIL_BY_NOTIFY, .priority = 9};
    EXPECT(survives(&rare, &bytes));
}

TEST("bytes that no terms are written as are refused")
{
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"\x10", 1},                                                  /* an unknown bit */
        {"\x08", 1},                                                  /* no tail */
        {"\x08\0\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23},   /* an empty tail */
        {"\x08\x01\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23}, /* binary, 7-bit */
        {"\x08\x18\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23}, /* both modes */
        {"\x08\x02\x13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23}, /* priority 10 */
        {"\x08\x02\x09\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mail_terms terms = {0};
        struct wire_reader in = wire_reader_of(text_of(rows[i].bytes, rows[i].length));
        if (mail_terms_get_head(&in, &terms))
            mail_terms_get_tail(&in, &terms);
        if (!in.bad)
            fail_msg("row %zu is taken", i);
    }
}

/* shows: V27 */
TEST("an original recipient is decoded by its type and goes on in ASCII")
{
    static const struct {
        const char *given, *address, *ascii; /* NULL: malformed */
    } rows[] = {
        {"rfc822;a+2Bb@c", "a+b@c", "rfc822;a+2Bb@c"},
        {"UTF-8;\\x{4E2D}\\x{5C}@c", "\xe4\xb8\xad\\@c", "UTF-8;\\x{4E2D}\\x{5C}@c"},
        {"utf-8;\xe4\xb8\xad\xc3\xa9@c", "\xe4\xb8\xad\xc3\xa9@c", "utf-8;\\x{4E2D}\\x{E9}@c"},
        {"x400;/c+3Dus/", "/c=us/", "x400;/c+3Dus/"},
        {"rfc822;", NULL, NULL},
        {";a@b", NULL, NULL},
        {"rfc822", NULL, NULL},
        {"rf_c;a@b", NULL, NULL},
        {"rfc822;a+0Db", NULL, NULL},
        {"utf-8;\\x{85}@c", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer address, ascii;
        struct text type;
        buffer_init(&address, ORCPT_MAX);
        buffer_init(&ascii, ORCPT_ASCII_MAX);
        bool good = orcpt_decode(text_from(rows[i].given), &type, &address);
        if (good != (rows[i].address != NULL))
            fail_msg("%s: %d", rows[i].given, good);
        if (good) {
            EXPECT(text_equals(buffer_text(&address), text_from(rows[i].address)));
            EXPECT(orcpt_to_ascii(text_from(rows[i].given), &ascii));
            EXPECT(text_equals(buffer_text(&ascii), text_from(rows[i].ascii)));
        }
        buffer_finish(&address);
        buffer_finish(&ascii);
    }
}

struct expected {
    bool nul, bare, long_line;
};

static struct expected scan_in_pieces(struct text bytes, size_t piece)
{
    struct body_scan scan = {0};
    for (size_t at = 0; at < bytes.length; at += piece)
        body_scan_feed(&scan, text_head(text_from_position(bytes, at), piece));
    body_scan_end(&scan);
    return (struct expected){scan.has_nul, scan.has_bare, scan.has_long_line};
}

/* shows: V26 */
TEST("what a body asks for is the same however its bytes are cut")
{
    char line[1100];
    memset(line, 'x', sizeof(line));
    memcpy(line + 998, "\r\n", 2);
    const struct {
        struct text bytes;
        struct expected expected;
    } rows[] = {
        {TEXT(""), {false, false, false}},
        {TEXT("a\r\n\r\nb\r\n"), {false, false, false}},
        {TEXT("a\nb"), {false, true, false}},
        {TEXT("\n"), {false, true, false}},
        {TEXT("a\rb\r\n"), {false, true, false}},
        {TEXT("a\r\r\n"), {false, true, false}},
        {TEXT("a\r"), {false, true, false}},
        {TEXT("a\r\n\n"), {false, true, false}},
        {TEXT("a\0b\r\n"), {true, false, false}},
        {text_of(line, 1000), {false, false, false}},
        {text_of(line + 1, 999), {false, false, false}},
        {text_of(line + 1001, 99), {false, false, false}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t piece = 1; piece < 6; piece++) {
            struct expected found = scan_in_pieces(rows[i].bytes, piece);
            if (memcmp(&found, &rows[i].expected, sizeof(found)) != 0)
                fail_msg("row %zu in pieces of %zu", i, piece);
        }
    memset(line, 'x', sizeof(line));
    EXPECT(scan_in_pieces(text_of(line, 999), 100).long_line);
    EXPECT(!scan_in_pieces(text_of(line, 998), 100).long_line);
}

TEST("8-bit bytes are found wherever they stand")
{
    char bytes[40] = {0};
    EXPECT(!body_has_8bit(text_of(bytes, sizeof(bytes))));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)0x80;
        EXPECT(body_has_8bit(text_of(bytes, sizeof(bytes))));
        bytes[i] = 0;
    }
}
