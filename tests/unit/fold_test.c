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

/* As it is said: a byte at a time. */
static void fold_slowly(struct text text, struct buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (!is_space || out->length == 0 || out->data[out->length - 1] != ' ')
            buffer_append_byte(out, is_space               ? ' '
                                    : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a')
                                                           : c);
    }
}

TEST("every byte of ASCII is folded as it should, wherever it stands")
{
    static const char some[] = "aZ @[`{\t\r\n\x01\x7f\x1f!  ";
    uint32_t state = 1;
    for (unsigned round = 0; round < 20000; round++) {
        char bytes[40];
        struct buffer out, expected;
        size_t length = 1 + round % sizeof(bytes);
        for (size_t i = 0; i < length; i++) {
            state = state * 1664525 + 1013904223;
            bytes[i] = some[(state >> 16) % (sizeof(some) - 1)];
        }
        bytes[round % length] = (char)(round / length % 0x80);
        buffer_init(&out, sizeof(bytes));
        buffer_init(&expected, sizeof(bytes));
        mail_fold(text_of(bytes, length), &out);
        fold_slowly(text_of(bytes, length), &expected);
        EXPECT(text_equals(buffer_text(&out), buffer_text(&expected)));
        buffer_finish(&out);
        buffer_finish(&expected);
    }
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
