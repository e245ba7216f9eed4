#include "mail/language.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

/* "tag=weight tag=weight" of what was read. */
static struct text list(const char *body)
{
    static char written[1000];
    struct language_range ranges[LANGUAGE_LIST_MAX];
    unsigned count = language_list_parse(text_from(body), ranges);
    int length = 0;
    written[0] = '\0';
    for (unsigned i = 0; i < count; i++)
        length += snprintf(written + length, sizeof(written) - (size_t)length, "%s%.*s=%u",
                           i > 0 ? " " : "", TEXT_ARG(ranges[i].tag), ranges[i].weight);
    return text_from(written);
}

TEST("the languages of a field come in the order of their weights")
{
    EXPECT_TEXT(list("de"), "de=1000");
    EXPECT_TEXT(list(" en-GB ,de;q=0.7, fr ; q=0.75 ,*;q=0.1\r\n"),
                "en-GB=1000 fr=750 de=700 *=100");
    EXPECT_TEXT(list("mi, en, de;q=1.000, x;q=0"), "mi=1000 en=1000 de=1000");
}

TEST("comments and folding may stand between the languages (RFC 3282)")
{
    EXPECT_TEXT(list("(Klingon (not \\) here)) de (German),\r\n fr (French); q=0.5"),
                "de=1000 fr=500");
}

TEST("a malformed list says nothing at all")
{
    static const char *const wrong[] = {"",       ",",        "de,",      "de fr",    "de;q",
                                        "de;q=2", "de;q=1.5", "de;x=1",   "d3",       "de-",
                                        "de--at", "-de",      "(de",      "de;q=.5",  "de;q=0.1234",
                                        "**",     "en_US",    "\xc3\xa9", "abcdefghi"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        EXPECT_TEXT(list(wrong[i]), "");
}

TEST("a long list is read up to its twentieth language, an endless field not at all")
{
    char body[1200];
    struct language_range ranges[LANGUAGE_LIST_MAX];
    EXPECT(language_list_parse(TEXT("de,de,de,de,de,de,de,de,de,de,de,de,de,de,de,de,de,de,de,de,"
                                    "en,en,en"),
                               ranges) == LANGUAGE_LIST_MAX);
    memset(body, ' ', sizeof(body));
    memcpy(body, "de", 2);
    EXPECT(language_list_parse(text_of(body, LANGUAGE_FIELD_MAX), ranges) == 1);
    EXPECT(language_list_parse(text_of(body, LANGUAGE_FIELD_MAX + 1), ranges) == 0);
}

TEST("a tag is made shorter by its last subtags, and not to a mark without a meaning")
{
    struct text range = TEXT("zh-Hant-x-chinese");
    EXPECT(language_shorten(&range));
    EXPECT_TEXT(range, "zh-Hant");
    EXPECT(language_shorten(&range));
    EXPECT_TEXT(range, "zh");
    EXPECT(!language_shorten(&range));
    EXPECT_TEXT(range, "zh");
}
