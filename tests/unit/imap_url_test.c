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
