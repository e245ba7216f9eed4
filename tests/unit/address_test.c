#include "mail/address.h"

#include <string.h>

#include "test.h"

static struct arena arena;

static struct mail_address parsed(const char *text)
{
    struct mail_address address = {0};
    if (mail_address_parse(text_from(text), &arena, &address) != OK)
        print_error("%s: %s\n", text, fail_reason());
    return address;
}

static void expect_canonical(const char *text, const char *canonical)
{
    struct mail_address address = parsed(text);
    EXPECT_TEXT(mail_address_text(&address, &arena), canonical);
    struct mail_address again = parsed(canonical);
    EXPECT(text_equals(again.local_part, address.local_part));
    EXPECT(text_equals(again.domain, address.domain));
}

static void expect_refused(const char *text, const char *reason)
{
    struct mail_address address;
    EXPECT(mail_address_parse(text_from(text), &arena, &address) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), reason);
}

static struct text repeat(char c, size_t count)
{
    char *bytes = arena_alloc(&arena, count + 1);
    memset(bytes, c, count);
    return text_of(bytes, count);
}

TEST("an ordinary address is kept as written, its domain in lower case")
{
    struct mail_address address = parsed("Fred.O'Neil+list@Mail.Example.COM");
    EXPECT_TEXT(address.local_part, "Fred.O'Neil+list");
    EXPECT_TEXT(address.domain, "mail.example.com");
    EXPECT_TEXT(address.domain_ascii, "mail.example.com");
    EXPECT(!address.is_literal && !address.is_international);
    EXPECT_TEXT(mail_address_key(&address, &arena), "fred.o'neil+list@mail.example.com");
}

TEST("a quoted local part is unquoted, and quoted again only where it must be")
{
    EXPECT_TEXT(parsed("\"a b\\\"\\c\"@example.org").local_part, "a b\"c");
    expect_canonical("\"a b\\\"\\c\"@example.org", "\"a b\\\"c\"@example.org");
    expect_canonical("\"plain\"@example.org", "plain@example.org");
    expect_canonical("\"a..b\"@example.org", "\"a..b\"@example.org");
    expect_canonical("\"@<>\"@example.org", "\"@<>\"@example.org");
}

TEST("each thing wrong with a local part has its own reason")
{
    expect_refused("@example.org", "the local part is empty");
    expect_refused("\"\"@example.org", "the local part is empty");
    expect_refused(".a@example.org", "the local part begins with a dot");
    expect_refused("a.@example.org", "the local part ends with a dot");
    expect_refused("a..b@example.org", "the local part has two dots in a row");
    expect_refused("a b@example.org", "a space stands in the local part without quotes");
    expect_refused("a(b@example.org", "'(' stands in the local part without quotes");
    expect_refused("\"a@example.org", "the quoted local part does not end");
    expect_refused("\"a\\\"", "the quoted local part does not end");
    expect_refused("\"a\"b@example.org", "no '@' follows the quoted local part");
    expect_refused("\xff@example.org", "the local part is not well-formed UTF-8");
    expect_refused("a", "the address has no domain");
}

TEST("the local part may have 64 bytes as written, and no more")
{
    struct mail_address address;
    struct text most = arena_printf(&arena, "%.*s@x", TEXT_ARG(repeat('a', 64)));
    EXPECT(mail_address_parse(most, &arena, &address) == OK);
    struct text more = arena_printf(&arena, "%.*s@x", TEXT_ARG(repeat('a', 65)));
    EXPECT(mail_address_parse(more, &arena, &address) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the local part is longer than 64 bytes");
    struct text quoted = arena_printf(&arena, "\"%.*s\"@x", TEXT_ARG(repeat(' ', 63)));
    EXPECT(mail_address_parse(quoted, &arena, &address) == REFUSED);
}

TEST("each thing wrong with a domain has its own reason")
{
    expect_refused("a@", "the domain is empty");
    expect_refused("a@b..c", "a domain label is empty");
    expect_refused("a@b.c.", "a domain label is empty");
    expect_refused("a@.b", "a domain label is empty");
    expect_refused("a@-b.c", "a domain label begins or ends with a hyphen");
    expect_refused("a@b_c.d", "the domain holds '_'");
    expect_refused("a@b@c", "the domain holds '@'");
    expect_refused("a@b c", "the domain holds ' '");
    struct mail_address address;
    struct text label = arena_printf(&arena, "a@%.*s.org", TEXT_ARG(repeat('b', 64)));
    EXPECT(mail_address_parse(label, &arena, &address) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "a domain label is longer than 63 bytes");
    struct text part = repeat('b', 63);
    struct text domain = arena_printf(&arena, "a@%.*s.%.*s.%.*s.%.*s.c", TEXT_ARG(part),
                                      TEXT_ARG(part), TEXT_ARG(part), TEXT_ARG(part));
    EXPECT(mail_address_parse(domain, &arena, &address) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the domain is longer than 255 bytes");
}

TEST("NUL and control characters are refused even in quotes")
{
    struct mail_address address;
    EXPECT(mail_address_parse(TEXT("\"a\0b\"@example.org"), &arena, &address) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the address holds a control character");
    expect_refused("\"a\tb\"@example.org", "the address holds a control character");
    expect_refused("a\r\n@example.org", "the address holds a control character");
    expect_refused("a\xc2\x85@example.org", "the address holds a control character");
    expect_refused("a@b\x7f", "the address holds a control character");
}

TEST("address literals are checked and written in one way")
{
    expect_canonical("a@[192.0.2.1]", "a@[192.0.2.1]");
    expect_canonical("a@[ipv6:2001:DB8:0:0::1]", "a@[IPv6:2001:db8::1]");
    EXPECT(parsed("a@[192.0.2.1]").is_literal);
    expect_refused("a@[192.0.2.256]", "the address literal is neither IPv4 nor IPv6");
    expect_refused("a@[2001:db8::1]", "the address literal is neither IPv4 nor IPv6");
    expect_refused("a@[x:y]", "the address literal is neither IPv4 nor IPv6");
    expect_refused("a@[192.0.2.1", "the address literal does not end with ']'");
    expect_refused("a@[", "the address literal does not end with ']'");
}

TEST("an international address keeps its names and is compared by A-labels")
{
    struct mail_address address = parsed("J\xc3\xb6rg@B\xc3\x9c"
                                         "CHER.example");
    EXPECT_TEXT(address.local_part, "J\xc3\xb6rg");
    EXPECT_TEXT(address.domain, "b\xc3\xbc"
                                "cher.example");
    EXPECT_TEXT(address.domain_ascii, "xn--bcher-kva.example");
    EXPECT(address.is_international);
    EXPECT_TEXT(mail_address_key(&address, &arena), "j\xc3\xb6rg@xn--bcher-kva.example");
    /* UTS 46 non-transitional: sharp s is a letter of its own. */
    EXPECT_TEXT(parsed("a@fa\xc3\x9f.de").domain_ascii, "xn--fa-hia.de");
    /* Full-width letters and the ideographic full stop mean their ASCII counterparts. */
    EXPECT(!parsed("a@\xef\xbd\x81\xe3\x80\x82"
                   "b")
                .is_international);
    EXPECT_TEXT(parsed("a@\xef\xbd\x81\xe3\x80\x82"
                       "b")
                    .domain,
                "a.b");
    struct mail_address ignored;
    EXPECT(mail_address_parse(TEXT("a@\xc3.example"), &arena, &ignored) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the domain is not well-formed UTF-8");
    EXPECT(mail_address_parse(TEXT("a@\xe2\x80\xa8.example"), &arena, &ignored) == REFUSED);
    /* An A-label that stands for nothing, beside a U-label. */
    EXPECT(mail_address_parse(TEXT("a@xn--bmkeva.fa\xc3\x9f.de"), &arena, &ignored) == REFUSED);
}

TEST("a name written in A-labels or U-labels is the same to a look-up")
{
    struct mail_address ascii = parsed("A@XN--BCHER-KVA.example");
    struct mail_address unicode = parsed("a@b\xc3\xbc"
                                         "cher.example");
    EXPECT(!ascii.is_international && unicode.is_international);
    EXPECT(text_equals(mail_address_key(&ascii, &arena), mail_address_key(&unicode, &arena)));
}

TEST("a path ends at its bracket and leaves the parameters")
{
    struct text rest = TEXT("<\"a>\\\">\"@example.org> SIZE=1");
    struct mail_address address;
    bool is_null;
    EXPECT(mail_path_parse(&rest, &arena, &address, &is_null) == OK);
    EXPECT_TEXT(address.local_part, "a>\">");
    EXPECT_TEXT(rest, " SIZE=1");
    EXPECT(!is_null);
}

TEST("the null path and the bare postmaster are paths")
{
    struct text null = TEXT("<>"), postmaster = TEXT("<PostMaster>");
    struct mail_address address;
    bool is_null;
    EXPECT(mail_path_parse(&null, &arena, &address, &is_null) == OK && is_null);
    EXPECT_TEXT(mail_address_text(&address, &arena), "");
    EXPECT(mail_path_parse(&postmaster, &arena, &address, &is_null) == OK && !is_null);
    EXPECT_TEXT(address.domain, "");
    EXPECT_TEXT(mail_address_key(&address, &arena), "postmaster");
}

TEST("a source route is dropped, a broken one refused")
{
    struct text rest = TEXT("<@a.example,@b.example:c@d.example>");
    struct mail_address address;
    bool is_null;
    EXPECT(mail_path_parse(&rest, &arena, &address, &is_null) == OK);
    EXPECT_TEXT(mail_address_text(&address, &arena), "c@d.example");
    static const char *const broken[][2] = {
        {"<@a:>", "the local part is empty"},
        {"<@a,:b@c>", "the source route ends with a comma"},
        {"<@a,b:c@d>", "a source route hop does not begin with '@'"},
        {"<@a>", "the source route does not end with a colon"},
        {"<@a..b:c@d>", "source route: a domain label is empty"},
        {"a@b", "the path does not begin with '<'"},
        {"<a@b", "the path does not end with '>'"},
        {"<\"a@b>", "the path does not end with '>'"},
        {"< a@b>", "a space stands in the local part without quotes"},
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct text path = text_from(broken[i][0]);
        EXPECT(mail_path_parse(&path, &arena, &address, &is_null) == REFUSED);
        EXPECT_TEXT(text_from(fail_reason()), broken[i][1]);
        EXPECT_TEXT(path, broken[i][0]);
    }
}

TEST("a domain name is given in A-labels, a bare host name included")
{
    struct text out;
    EXPECT(mail_domain_to_ascii(TEXT("LocalHost"), &arena, &out));
    EXPECT_TEXT(out, "localhost");
    EXPECT(mail_domain_to_ascii(TEXT("m\xc3\xbcnchen.DE"), &arena, &out));
    EXPECT_TEXT(out, "xn--mnchen-3ya.de");
    EXPECT(!mail_domain_to_ascii(TEXT(""), &arena, &out));
    EXPECT(!mail_domain_to_ascii(TEXT("a..b"), &arena, &out));
    EXPECT(!mail_domain_to_ascii(TEXT("[192.0.2.1]"), &arena, &out));
    EXPECT(!mail_domain_to_ascii(TEXT("a\0.b"), &arena, &out));
}
