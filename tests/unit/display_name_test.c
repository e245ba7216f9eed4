#include "mail/display_name.h"

#include "test.h"

static struct arena arena;

static bool find(const char *section, struct display_name *out)
{
    return display_name_find(text_from(section), &arena, out);
}

TEST("the one author is found, with his name as people read it")
{
    struct display_name author;
    arena_init(&arena);
    EXPECT(
        find("To: x@y.example\r\nFrom: \"A. B\"\r\n <a@Example.org>\r\nSubject: s\r\n", &author));
    EXPECT_TEXT(author.name, "A. B");
    EXPECT_TEXT(author.address.domain_ascii, "example.org");
    EXPECT_TEXT(author.field.whole, "From: \"A. B\"\r\n <a@Example.org>\r\n");
    EXPECT(find("from : a@example.org\r\n", &author));
    EXPECT_TEXT(author.name, "");
    EXPECT(find("From: =?utf-8?Q?J=C3=B6rg?= <a@example.org>\r\n", &author));
    EXPECT_TEXT(author.name, "J\xc3\xb6rg");
    arena_finish(&arena);
}

TEST("none, several, and who has no address that mail could go to, are no author")
{
    struct display_name author;
    arena_init(&arena);
    EXPECT(!find("To: a@example.org\r\n", &author));
    EXPECT(!find("From: a@example.org\r\nFrom: b@example.org\r\n", &author));
    EXPECT(!find("From: a@example.org, b@example.org\r\n", &author));
    EXPECT(!find("From: list: a@example.org;\r\n", &author));
    EXPECT(!find("From: alice\r\n", &author));
    EXPECT(!find("From: <a@>\r\n", &author));
    EXPECT(!find("From:\r\n", &author));
    arena_finish(&arena);
}

static void expect_written(const char *name, const char *address)
{
    struct mail_address parsed;
    struct display_name read;
    struct buffer out;
    buffer_init(&out, 4000);
    EXPECT(mail_address_parse(text_from(address), &arena, &parsed) == OK);
    display_name_write(text_from(name), &parsed, &out);
    EXPECT(display_name_find(buffer_text(&out), &arena, &read));
    EXPECT_TEXT(read.name, name);
    EXPECT_TEXT(mail_address_text(&read.address, &arena), address);
    EXPECT(text_ends_with_nocase(buffer_text(&out), TEXT(">\r\n")));
    buffer_finish(&out);
}

TEST("a name that is written is read as the same, whatever is in it")
{
    arena_init(&arena);
    expect_written("Alice", "a@example.org");
    expect_written("Dr. \"A\" <b@c>, \\ (d)", "a@example.org");
    expect_written("J\xc3\xb6rg M\xc3\xbcller", "\"a b\"@example.org");
    expect_written("a very long name that is longer than what would fit on one line of a header",
                   "a@example.org");
    arena_finish(&arena);
}
