/* Folding: what makes no difference to a search. */
#include "base/encoding.h"
#include "mail/fold.h"
#include "test.h"

static void expect_folded(const char *text, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1024);
    mail_fold(text_from(text), &out);
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
}

TEST("case makes no difference, nor do compatible forms of a character")
{
    expect_folded("Some PLAIN Words", "some plain words");
    expect_folded("GR\xc3\x9c\xc3\x9f"
                  "E and \xef\xac\x81nd",
                  "gru\xcc\x88sse and find");
    expect_folded("plain \xc3\x84 Plain", "plain a\xcc\x88 plain");
}

TEST("white space is one space, wherever plain text and other text meet")
{
    expect_folded(" \r\n\t a  b\r\n", " a b ");
    expect_folded("a \t\xc3\xa9  \r\n b", "a e\xcc\x81 b");
    expect_folded("\xc3\xa9 \xc3\xa9", "e\xcc\x81 e\xcc\x81");
}

TEST("what is no UTF-8 keeps its bytes, up to the next white space")
{
    expect_folded("AB\xff"
                  "CD \xc3\xa9",
                  "ab\xff"
                  "cd e\xcc\x81");
    expect_folded("\xc3", "\xc3");
}

TEST("a space that folding made is not doubled by the next one")
{
    expect_folded("a\xc2\xa0 b", "a b");
}

TEST("the plain beginning of a text is found wherever it ends")
{
    char bytes[40];
    for (unsigned length = 0; length < sizeof(bytes); length++) {
        for (unsigned i = 0; i < sizeof(bytes); i++)
            bytes[i] = i == length ? (char)0x80 : 'a';
        EXPECT(ascii_length(text_of(bytes, sizeof(bytes))) == length);
        EXPECT(ascii_length(text_of(bytes, length)) == length);
        EXPECT(!utf8_is_valid(text_of(bytes, sizeof(bytes))));
        EXPECT(utf8_is_valid(text_of(bytes, length)));
    }
}
