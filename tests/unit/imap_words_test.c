/* The grammar of IMAP that needs no session: names, patterns, sets. */
#include "base/encoding.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/imap_set.h"
#include "proto/imap/imap_write.h"
#include "proto/imap/mailbox/imap_pattern.h"
#include "test.h"

static void expect_decoded(const char *wire, const char *name)
{
    struct arena arena;
    struct text decoded;
    struct buffer encoded;
    arena_init(&arena);
    buffer_init(&encoded, 1000);
    EXPECT(imap_utf7_decode(text_from(wire), &arena, &decoded));
    EXPECT_TEXT(decoded, name);
    imap_utf7_encode(decoded, &encoded);
    EXPECT_TEXT(buffer_text(&encoded), wire);
    buffer_finish(&encoded);
    arena_finish(&arena);
}

TEST("names in modified UTF-7 are UTF-8 inside, and the same again outside")
{
    expect_decoded("INBOX", "INBOX");
    expect_decoded("&-", "&");
    expect_decoded("a&-b&-", "a&b&");
    expect_decoded("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語");
    expect_decoded("&AOk-t&AOk-", "été");
    expect_decoded("&2D3cSw-", "\xf0\x9f\x91\x8b");
    expect_decoded("", "");
}

TEST("what no encoder of modified UTF-7 writes is no name")
{
    static const char *const wrong[] = {
        "&",          /* no end */
        "&Jjo",       /* no end */
        "&Jjo!-",     /* no digit */
        "&AGE-",      /* "a" can stand for itself */
        "&U,BTFx-",   /* bits are left over */
        "&2D0-",      /* half a surrogate pair */
        "&3Es-",      /* the other half */
        "&AOk-&AOk-", /* two runs that are one */
        "\xc3\xa9",   "a\tb",
    };
    struct arena arena;
    struct text decoded;
    arena_init(&arena);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (imap_utf7_decode(text_from(wrong[i]), &arena, &decoded))
            fail_msg("%s was taken", wrong[i]);
    arena_finish(&arena);
}

TEST("INBOX is INBOX in any case, as the first level too, and nowhere else")
{
    struct arena arena;
    struct text name;
    arena_init(&arena);
    EXPECT(imap_name_read(TEXT("inBox"), false, &arena, &name));
    EXPECT_TEXT(name, "INBOX");
    EXPECT(imap_name_read(TEXT("inbox/inbox"), false, &arena, &name));
    EXPECT_TEXT(name, "INBOX/inbox");
    EXPECT(imap_name_read(TEXT("inboxes"), false, &arena, &name));
    EXPECT_TEXT(name, "inboxes");
    EXPECT(!imap_name_read(TEXT("\xff"), true, &arena, &name));
    arena_finish(&arena);
}

TEST("a star matches anything, a percent sign anything within a level")
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        {"*", "a/b/c", true},
        {"%", "a/b", false},
        {"%", "a", true},
        {"%/%", "a/b", true},
        {"a*c", "a/b/c", true},
        {"a%c", "a/b/c", false},
        {"a%c", "abbbc", true},
        {"%*", "a/b", true},
        {"*%", "a/b", true},
        {"a", "ab", false},
        {"", "", true},
        {"", "a", false},
        {"**%%", "", true},
        {"*/%", "a/b/c", true},
        {"INBOX", "inbox", false},
        {"a/%", "a/", true},
        {"*b*b*b", "abxbyb", true},
        {"*b*b*b", "abxby", false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (imap_pattern_matches(text_from(cases[i].pattern), text_from(cases[i].name)) !=
            cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].name);
}

static void expect_set(struct imap_range *ranges, unsigned count, uint32_t star, const char *text)
{
    struct imap_set set = {ranges, count};
    struct buffer out;
    buffer_init(&out, 1000);
    imap_set_resolve(&set, star);
    imap_set_put(&out, &set);
    EXPECT_TEXT(buffer_text(&out), text);
    buffer_finish(&out);
}

TEST("a set is sorted and joined, and its star is the last message")
{
    expect_set((struct imap_range[]){{7, 9}, {1, 3}, {4, 4}, {8, 12}}, 4, 20, "1:4,7:12");
    expect_set((struct imap_range[]){{5, 0}}, 1, 3, "3:5");
    expect_set((struct imap_range[]){{0, 0}}, 1, 7, "7");
    expect_set((struct imap_range[]){{0, 0}}, 1, 0, "");
    expect_set((struct imap_range[]){{1, 0}}, 1, 0, "1");
    expect_set((struct imap_range[]){{UINT32_MAX, UINT32_MAX}, {1, UINT32_MAX}}, 2, 3,
               "1:4294967295");
}

TEST("a string is quoted when it can be, and a literal when not")
{
    struct buffer out;
    buffer_init(&out, 4000);
    imap_put_string(&out, TEXT("a \"b\" \\"));
    imap_put_string(&out, TEXT("a\r\nb"));
    imap_put_astring(&out, TEXT("atom]"));
    imap_put_astring(&out, TEXT(""));
    imap_put_astring(&out, TEXT("nil"));
    imap_put_nstring(&out, (struct text){NULL, 0});
    EXPECT_TEXT(buffer_text(&out), "\"a \\\"b\\\" \\\\\"{4}\r\na\r\nbatom]\"\"\"nil\"NIL");
    buffer_finish(&out);
}
