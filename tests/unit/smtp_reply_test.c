#include "base/random.h"
#include "proto/smtp/client/smtp_client_dots.h"
#include "proto/smtp/client/smtp_client_reply.h"
#include "test.h"

static enum smtp_reply_progress feed(struct smtp_reply *reply, struct text bytes)
{
    smtp_reply_reset(reply);
    return smtp_reply_feed(reply, &bytes);
}

static void expect_described(struct text bytes, const char *words, const char *enhanced)
{
    struct smtp_reply reply;
    struct buffer out;
    smtp_reply_init(&reply);
    buffer_init(&out, SMTP_REPLY_MAX_BYTES * 2);
    EXPECT(feed(&reply, bytes) == SMTP_REPLY_DONE);
    smtp_reply_describe(&reply, 100, &out);
    EXPECT_TEXT(buffer_text(&out), words);
    EXPECT_TEXT(text_from(reply.enhanced), enhanced);
    smtp_reply_finish(&reply);
    buffer_finish(&out);
}

TEST("a reply is known by its code, whatever else is there")
{
    expect_described(TEXT("250 2.0.0 Ok\r\n"), "250 2.0.0 Ok", "2.0.0");
    expect_described(TEXT("250\r\n"), "250", "");
    expect_described(TEXT("250 \n"), "250", "");
    expect_described(TEXT("250-mx\r\n250-SIZE 10\r\n250 DSN\r\n"), "250 mx SIZE 10 DSN", "");
    expect_described(TEXT("550-5.1.1 no\r\n550 5.1.1 user\r\n"), "550 5.1.1 no 5.1.1 user",
                     "5.1.1");
}

TEST("an enhanced code of another class or form is not believed")
{
    expect_described(TEXT("550 2.0.0 no\r\n"), "550 2.0.0 no", "");
    expect_described(TEXT("550 5.1.1234 no\r\n"), "550 5.1.1234 no", "");
    expect_described(TEXT("550 5.1 no\r\n"), "550 5.1 no", "");
    expect_described(TEXT("550 5.1.1x\r\n"), "550 5.1.1x", "");
    expect_described(TEXT("550 5\r\n"), "550 5", "");
    expect_described(TEXT("550 5.100.999\r\n"), "550 5.100.999", "5.100.999");
}

TEST("control bytes in a reply become question marks")
{
    expect_described(TEXT("550 a\0b\x1b[2J\rc\r\n"), "550 a?b?[2J?c", "");
}

TEST("what is no reply is garbage")
{
    static const struct text bad[] = {
        TEXT("\r\n"),       TEXT("hello\r\n"),  TEXT("25\r\n"),     TEXT("250x\r\n"),
        TEXT("150 no\r\n"), TEXT("650 no\r\n"), TEXT(" 250 a\r\n"), TEXT("250-a\r\nb\r\n"),
    };
    struct smtp_reply reply;
    smtp_reply_init(&reply);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT(feed(&reply, bad[i]) == SMTP_REPLY_GARBAGE);
    smtp_reply_finish(&reply);
}

TEST("a reply without end is garbage at 512 lines or 64 KiB")
{
    struct smtp_reply reply;
    smtp_reply_init(&reply);
    unsigned lines = 0;
    enum smtp_reply_progress progress = SMTP_REPLY_MORE;
    for (; progress == SMTP_REPLY_MORE; lines++) {
        struct text line = TEXT("250-more\r\n");
        progress = smtp_reply_feed(&reply, &line);
    }
    EXPECT(progress == SMTP_REPLY_GARBAGE && lines == SMTP_REPLY_MAX_LINES + 1);
    smtp_reply_reset(&reply);
    unsigned bytes = 0;
    for (progress = SMTP_REPLY_MORE; progress == SMTP_REPLY_MORE; bytes++) {
        struct text one = TEXT("2");
        progress = smtp_reply_feed(&reply, &one);
    }
    EXPECT(progress == SMTP_REPLY_GARBAGE && bytes == SMTP_REPLY_MAX_BYTES + 1);
    smtp_reply_finish(&reply);
}

TEST("two replies in one read are told apart")
{
    struct smtp_reply reply;
    smtp_reply_init(&reply);
    struct text bytes = TEXT("250 one\r\n550 two\r\n");
    EXPECT(smtp_reply_feed(&reply, &bytes) == SMTP_REPLY_DONE && reply.code == 250);
    EXPECT_TEXT(bytes, "550 two\r\n");
    smtp_reply_finish(&reply);
}

/* The message as DATA would carry it, fed in pieces of `cut` bytes. */
static void stuff(struct text message, size_t cut, struct buffer *out)
{
    struct smtp_dots dots = {0};
    buffer_reset(out, 0);
    while (!text_is_empty(message)) {
        struct text part = text_head(message, cut), piece;
        message = text_from_position(message, cut);
        while (smtp_dots_next(&dots, &part, &piece))
            buffer_append(out, piece);
    }
    buffer_append(out, smtp_dots_end(&dots));
}

static void expect_stuffed(struct text message, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    for (size_t cut = 1; cut <= message.length + 1; cut++) {
        stuff(message, cut, &out);
        EXPECT_TEXT(buffer_text(&out), expected);
    }
    buffer_finish(&out);
}

TEST("lines that begin with a dot get another, however the message is cut")
{
    expect_stuffed(TEXT("a\r\n.\r\n..b\r\n"), "a\r\n..\r\n...b\r\n.\r\n");
    expect_stuffed(TEXT(".a.\r\n"), "..a.\r\n.\r\n");
}

TEST("a message without a last line end gets one before the final dot")
{
    expect_stuffed(TEXT("a"), "a\r\n.\r\n");
    expect_stuffed(TEXT("a\r"), "a\r\n.\r\n");
    expect_stuffed(TEXT("a\r\n."), "a\r\n..\r\n.\r\n");
}

TEST("a bare LF leaves as CRLF, so that no receiver sees a dot line that we did not")
{
    expect_stuffed(TEXT("a\n.\nb\n"), "a\r\n..\r\nb\r\n.\r\n");
    expect_stuffed(TEXT("\n.\r\n"), "\r\n..\r\n.\r\n");
    expect_stuffed(TEXT("a\r\n\n.\n"), "a\r\n\r\n..\r\n.\r\n");
}
