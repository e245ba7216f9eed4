/* URLs of messages (RFC 5092). */
#include "proto/imap/message/imap_url.h"
#include "test.h"

TEST("a URL names a mailbox, a message, a section and a part of it")
{
    struct arena arena;
    struct imap_url url;
    arena_init(&arena);
    EXPECT(
        imap_url_read(TEXT("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER"), &arena, &url));
    EXPECT_TEXT(url.mailbox, "Drafts");
    EXPECT(url.validity == 385759045 && url.uid == 20 && !url.is_partial);
    EXPECT_TEXT(url.section, "HEADER");
    EXPECT(imap_url_read(TEXT("/a/%c3%a9%3B/;UID=1/;PARTIAL=5"), &arena, &url));
    EXPECT_TEXT(url.mailbox, "a/\xc3\xa9;");
    EXPECT(url.is_partial && url.offset == 5 && url.length == UINT32_MAX);
    EXPECT_TEXT(url.section, "");
    EXPECT(imap_url_read(TEXT("/a/;UID=1/;SECTION=1.2/;PARTIAL=5.10"), &arena, &url));
    EXPECT(url.validity == 0 && url.length == 10);
    arena_finish(&arena);
}

TEST("what is no URL of a message here is not taken")
{
    static const char *const wrong[] = {
        "",
        "/",
        "/;UID=1",
        "/a",
        "/a/;UID=0",
        "/a/;UID=4294967296",
        "/a/;UID=1/",
        "/a/;UID=1/;SECTION=",
        "/a/;UID=1/;PARTIAL=1.0",
        "/a/;UID=1/;PARTIAL=",
        "/a/;UID=1/;PARTIAL=1/;SECTION=1",
        "/a/;UID=1;URLAUTH=anonymous",
        "/a;UIDVALIDITY=x/;UID=1",
        "/a;X=1/;UID=1",
        "/%0/;UID=1",
        "/%00/;UID=1",
        "imap://host/a/;UID=1",
        "a/;UID=1",
    };
    struct arena arena;
    struct imap_url url;
    arena_init(&arena);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (imap_url_read(text_from(wrong[i]), &arena, &url))
            fail_msg("%s was taken", wrong[i]);
    arena_finish(&arena);
}

TEST("a whole URL names a server and a user, and says who may follow it until when")
{
    struct arena arena;
    struct imap_full_url url;
    arena_init(&arena);
    EXPECT(imap_full_url_read(TEXT("imap://joe@example.com/INBOX/;uid=20/;section=1.2;"
                                   "urlauth=submit+fred:internal:91354a473744909de610943775f92038"),
                              &arena, &url));
    EXPECT_TEXT(url.host, "example.com");
    EXPECT_TEXT(url.user, "joe");
    EXPECT_TEXT(url.message.mailbox, "INBOX");
    EXPECT_TEXT(url.message.section, "1.2");
    EXPECT(url.access == IMAP_URL_ACCESS_SUBMIT && url.expires_ms == INT64_MAX);
    EXPECT_TEXT(url.access_user, "fred");
    EXPECT_TEXT(url.rump, "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred");
    EXPECT_TEXT(url.mechanism, "internal");
    EXPECT_TEXT(url.token, "91354a473744909de610943775f92038");
    EXPECT(imap_full_url_read(TEXT("IMAP://a%40b.test;AUTH=*@[::1]:143/x;UIDVALIDITY=7/;UID=1/"
                                   ";PARTIAL=1.2;EXPIRE=1970-01-01T00:00:02Z;URLAUTH=AuthUser"),
                              &arena, &url));
    EXPECT_TEXT(url.host, "[::1]:143");
    EXPECT_TEXT(url.user, "a@b.test");
    EXPECT(url.message.validity == 7 && url.message.length == 2 && url.expires_ms == 2000);
    EXPECT(url.access == IMAP_URL_ACCESS_AUTHUSER && url.mechanism.length == 0);
    EXPECT(imap_full_url_read(TEXT("imap://h/x/;UID=1"), &arena, &url));
    EXPECT(url.access == IMAP_URL_ACCESS_NONE && url.user.length == 0);
    EXPECT_TEXT(url.rump, "imap://h/x/;UID=1");
    arena_finish(&arena);
}

TEST("what is no whole URL of a message is not taken")
{
    static const char *const wrong[] = {
        "",
        "imap://",
        "imap:///x/;UID=1",
        "imap://joe@/x/;UID=1",
        "imap://joe@h h/x/;UID=1",
        "http://joe@h/x/;UID=1",
        "/x/;UID=1",
        "imap://h",
        "imap://h/",
        "imap://h/x",
        "imap://h/x?SUBJECT%20a",
        "imap://h/x;URLAUTH=anonymous",
        "imap://joe;X@h/x/;UID=1",
        "imap://joe;AUTH=@h/x/;UID=1",
        "imap://%00@h/x/;UID=1",
        "imap://h/x/;UID=1;EXPIRE=2030-01-01T00:00:00Z",
        "imap://h/x/;UID=1;EXPIRE=2030-01-01;URLAUTH=anonymous",
        "imap://h/x/;UID=1;URLAUTH=anonymous;EXPIRE=2030-01-01T00:00:00Z",
        "imap://h/x/;UID=1;URLAUTH=",
        "imap://h/x/;UID=1;URLAUTH=nobody",
        "imap://h/x/;UID=1;URLAUTH=anonymous+joe",
        "imap://h/x/;UID=1;URLAUTH=user+",
        "imap://h/x/;UID=1;URLAUTH=user+%4",
        "imap://h/x/;UID=1;URLAUTH=anonymous:",
        "imap://h/x/;UID=1;URLAUTH=anonymous:internal",
        "imap://h/x/;UID=1;URLAUTH=anonymous:internal:",
        "imap://h/x/;UID=1;URLAUTH=anonymous::00",
    };
    struct arena arena;
    struct imap_full_url url;
    arena_init(&arena);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (imap_full_url_read(text_from(wrong[i]), &arena, &url))
            fail_msg("%s was taken", wrong[i]);
    arena_finish(&arena);
}
