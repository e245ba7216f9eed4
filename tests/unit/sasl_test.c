/* What logins compare: SASLprep's forms, and CRAM-MD5's answers. */
#include "sasl/cram.h"
#include "sasl/saslprep.h"
#include "test.h"

static void expect_prepared(struct text given, const char *wanted)
{
    struct buffer out;
    buffer_init(&out, 1000);
    EXPECT(saslprep(given, &out));
    EXPECT_TEXT(buffer_text(&out), wanted);
    buffer_finish(&out);
}

TEST("the examples of RFC 4013 are prepared as it says")
{
    expect_prepared(TEXT("I\xc2\xadX"), "IX");
    expect_prepared(TEXT("user"), "user");
    expect_prepared(TEXT("USER"), "USER");
    expect_prepared(TEXT("\xc2\xaa"), "a");
    expect_prepared(TEXT("\xe2\x85\xa8"), "IX");
    struct buffer out;
    buffer_init(&out, 1000);
    EXPECT(!saslprep(TEXT("\x07"), &out));         /* prohibited */
    EXPECT(!saslprep(TEXT("\xd8\xa7\x31"), &out)); /* ends without a right-to-left letter */
    buffer_finish(&out);
}

TEST("letters composed otherwise, and other spaces, are the same password")
{
    expect_prepared(TEXT("pa\xc2\xa0ss\xe3\x80\x80word"), "pa ss word");
    expect_prepared(TEXT("u\xcc\x88"), "\xc3\xbc");
    expect_prepared(TEXT("\xef\xbc\xa1"), "A");
    expect_prepared(TEXT("\xd7\x90\xd7\x91"), "\xd7\x90\xd7\x91");
}

TEST("what is not UTF-8, private, or mixes directions has no prepared form")
{
    static const char *const wrong[] = {
        "\xff",      "a\xc3",        "\xee\x80\x80",     "\xef\xbf\xbe",
        "\xd7\x90z", "\xe2\x80\xae", "\xf0\x9f\xbf\xbe",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buffer out;
        buffer_init(&out, 100);
        EXPECT(!saslprep(text_from(wrong[i]), &out));
        buffer_finish(&out);
    }
}

static void expect_answer(const char *password, const char *challenge, const char *wanted)
{
    struct cram_key key;
    char answer[CRAM_HEX_BYTES];
    cram_key_make(text_from(password), &key);
    cram_answer(&key, text_from(challenge), answer);
    EXPECT_TEXT(text_of(answer, sizeof(answer)), wanted);
}

TEST("a CRAM-MD5 key answers as RFC 2195 and RFC 2202 say")
{
    expect_answer("tanstaaftanstaaf", "<1896.697170952@postoffice.reston.mci.net>",
                  "b913a602c7eda7a495b4e6e7334d3890");
    expect_answer("Jefe", "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738");
    char long_key[81] = {0};
    for (unsigned i = 0; i < 80; i++)
        long_key[i] = (char)0xaa;
    expect_answer(long_key, "Test Using Larger Than Block-Size Key - Hash Key First",
                  "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}
