#include "mail/words.h"

#include "mail/charset.h"
#include "settings/charsets.h"
#include "test.h"

static void expect_decoded(const char *value, const char *expected)
{
    struct arena arena;
    arena_init(&arena);
    EXPECT_TEXT(mail_words_decode(text_from(value), NULL, &arena), expected);
    arena_finish(&arena);
}

TEST("the examples of RFC 2047 8 are read as it says")
{
    expect_decoded("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>",
                   "Keith Moore <moore@cs.utk.edu>");
    expect_decoded("=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard");
    expect_decoded("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?="
                   " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                   "If you can read this you understand the example.");
    expect_decoded("(=?ISO-8859-1?Q?a?=)", "(a)");
    expect_decoded("(=?ISO-8859-1?Q?a?= b)", "(a b)");
    expect_decoded("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)");
    expect_decoded("(=?ISO-8859-1?Q?a_b?=)", "(a b)");
    expect_decoded("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)");
}

TEST("a character cut between two words is whole again")
{
    expect_decoded("=?utf-8?B?w6HD?= =?utf-8?B?qQ==?=", "\xc3\xa1\xc3\xa9");
}

TEST("what is no encoded word stays as it is")
{
    expect_decoded("=?utf-8?Q?no end", "=?utf-8?Q?no end");
    expect_decoded("=?utf-8?X?a?=", "=?utf-8?X?a?=");
    expect_decoded("=?utf-8?B?!!!!?=", "=?utf-8?B?!!!!?=");
    expect_decoded("=?utf-8?Q?=zz?= x", "=?utf-8?Q?=zz?= x");
    expect_decoded("a =? b ?= c", "a =? b ?= c");
    expect_decoded("=?", "=?");
    expect_decoded("", "");
}

TEST("raw bytes are UTF-8 where they can be, else windows-1252")
{
    expect_decoded("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    expect_decoded("gr\xfc\xdf", "gr\xc3\xbc\xc3\x9f");
}

static void expect_utf8(const char *charset, const char *bytes, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    EXPECT(charset_to_utf8(text_from(charset), text_from(bytes), NULL, &out));
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
}

TEST("charsets of every family are converted")
{
    expect_utf8("koi8-r", "\xf0\xf2\xe9", "\xd0\x9f\xd0\xa0\xd0\x98");
    expect_utf8("Shift_JIS", "\x93\xfa\x96\x7b", "\xe6\x97\xa5\xe6\x9c\xac");
    expect_utf8("ISO-2022-JP", "\x1b$BF|K\\\x1b(B", "\xe6\x97\xa5\xe6\x9c\xac");
    expect_utf8("gb2312", "\xd6\xd0", "\xe4\xb8\xad");
    expect_utf8("euc-kr", "\xb0\xa1", "\xea\xb0\x80");
    expect_utf8("iso-8859-1", "\x80", "\xe2\x82\xac");
}

TEST("bytes that a charset has not are marked, and the rest is kept")
{
    expect_utf8("utf-8",
                "a\xff\xfe"
                "b",
                "a\xef\xbf\xbd"
                "b");
    expect_utf8("euc-jp", "ok\xff", "ok\xef\xbf\xbd");
}

TEST("a character that waits for what may combine with it is not lost at the end")
{
    expect_utf8("windows-1258", "ab", "ab");
    expect_utf8("windows-1255", "a\xe0", "a\xd7\x90");
    expect_utf8("big5-hkscs", "\x88\x66", "\xc3\x8a");
}

TEST("a number beyond the last of Unicode is marked, however UTF-8 once wrote it")
{
    expect_utf8("utf-8", "a\xf6\x9f\x98\x80 \xc3\xa9", "a\xef\xbf\xbd \xc3\xa9");
    expect_utf8("utf-8", "\xf4\x8f\xbf\xbf\xf4\x90\x80\x80\xff",
                "\xf4\x8f\xbf\xbf\xef\xbf\xbd\xef\xbf\xbd");
}

/* By one who guesses so; was it a guess? */
static bool is_guessed(const char *guessed, const char *charset, const char *bytes,
                       const char *expected)
{
    struct charset_guess guess = {.charset = charset_number(text_from(guessed))};
    struct buffer out;
    buffer_init(&out, 1000);
    EXPECT(charset_to_utf8(text_from(charset), text_from(bytes), &guess, &out));
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
    return guess.was_used;
}

TEST("a reader guesses the charset of text alone that names none and is no UTF-8")
{
    EXPECT(is_guessed("KOI8-R", "", "\xf0\xf2\xe9", "\xd0\x9f\xd0\xa0\xd0\x98"));
    EXPECT(is_guessed("KOI8-R", "us-ascii", "\xf0\xf2\xe9", "\xd0\x9f\xd0\xa0\xd0\x98"));
    EXPECT(is_guessed("koi8-r", "x-unknown", "\xf0\xf2\xe9", "\xd0\x9f\xd0\xa0\xd0\x98"));
    EXPECT(is_guessed("shift_jis", "", "\x93\xfa\x96\x7b", "\xe6\x97\xa5\xe6\x9c\xac"));
    EXPECT(is_guessed("", "", "\xfc", "\xc3\xbc"));
    EXPECT(!is_guessed("koi8-r", "", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"));
    EXPECT(!is_guessed("koi8-r", "", "plain", "plain"));
    EXPECT(!is_guessed("koi8-r", "iso-8859-1", "\xfc", "\xc3\xbc"));
    EXPECT(!is_guessed("koi8-r", "utf-8", "\xff", "\xef\xbf\xbd"));
}

TEST("a field's raw bytes are read by the guess, and its encoded words by their names")
{
    struct charset_guess guess = {.charset = charset_number(TEXT("koi8-r"))};
    struct arena arena;
    arena_init(&arena);
    EXPECT_TEXT(mail_words_decode(TEXT("=?iso-8859-1?Q?=FC?= \xc3\xbc"), &guess, &arena),
                "\xc3\xbc \xc3\xbc");
    EXPECT(!guess.was_used);
    EXPECT_TEXT(mail_words_decode(TEXT("Re: \xf0\xf2\xe9"), &guess, &arena),
                "Re: \xd0\x9f\xd0\xa0\xd0\x98");
    EXPECT(guess.was_used);
    arena_finish(&arena);
}

TEST("what is kept is for all when nothing was guessed, else for those who guess the same")
{
    uint8_t koi8 = charset_number(TEXT("koi8-r"));
    struct charset_guess guess = {.charset = koi8};
    EXPECT(charset_number(TEXT("latin1")) == 0 && charset_number(TEXT("windows-1252")) == 0);
    EXPECT(charset_number(TEXT("gb2312")) == charset_number(TEXT("GBK")));
    EXPECT(koi8 != 0 && koi8 != charset_number(TEXT("koi8-u")));
    EXPECT(charset_readers(&guess) == 0 && charset_is_for(0, koi8) && charset_is_for(0, 0));
    guess.was_used = true;
    EXPECT(charset_is_for(charset_readers(&guess), koi8));
    EXPECT(!charset_is_for(charset_readers(&guess), 0));
    guess.charset = 0;
    EXPECT(charset_readers(&guess) != 0 && charset_is_for(charset_readers(&guess), 0));
    EXPECT(!charset_is_for(charset_readers(&guess), koi8));
}

TEST("every charset that can be the default is known, and has ASCII in its place")
{
    char ascii[0x7f - 0x20 + 1] = "";
    for (int i = 0x20; i < 0x7f; i++)
        ascii[i - 0x20] = (char)i;
    for (unsigned i = 0; setting_charset_names[i] != NULL; i++) {
        EXPECT(charset_is_known(text_from(setting_charset_names[i])));
        expect_utf8(setting_charset_names[i], ascii, ascii);
    }
}

TEST("a charset's name can't carry orders to the converter")
{
    EXPECT(!charset_is_known(TEXT("iso-8859-2//TRANSLIT")));
    EXPECT(!charset_is_known(TEXT("../../x")));
    EXPECT(charset_is_known(TEXT("US-ASCII")));
    expect_utf8("x-unknown", "caf\xe9", "caf\xc3\xa9");
}

TEST("a limit is kept")
{
    struct buffer out;
    buffer_init(&out, 3);
    EXPECT(!charset_to_utf8(TEXT("utf-8"), TEXT("four"), NULL, &out));
    buffer_finish(&out);
}
