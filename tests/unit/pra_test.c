/* The purported responsible address (RFC 4407), and the field Authentication-Results (RFC 8601). */
#include "mail/auth_results.h"
#include "mail/pra.h"
#include "test.h"

static struct arena arena;

static void expect_pra(const char *section, const char *field, const char *address)
{
    struct mail_pra pra;
    arena_init(&arena);
    if (!mail_pra_find(text_from(section), &arena, &pra))
        fail_msg("none in: %s", section);
    EXPECT_TEXT(pra.field, field);
    EXPECT_TEXT(pra.address, address);
    arena_finish(&arena);
}

static void expect_none(const char *section)
{
    struct mail_pra pra;
    arena_init(&arena);
    if (mail_pra_find(text_from(section), &arena, &pra))
        fail_msg("found in: %s", section);
    arena_finish(&arena);
}

TEST("the responsible address is that of From, unless there is a Sender")
{
    expect_pra("To: x@y.example\r\nFrom: Alice <alice@example.com>\r\nSubject: s\r\n", "From",
               "alice@example.com");
    expect_pra("From: a@example.com, b@example.com\r\nSender: b@example.com\r\n", "Sender",
               "b@example.com");
    expect_pra("Sender: \r\n\t \r\nFROM:\r\n \"Al (i) ce\" <alice@example.com> (me)\r\n", "From",
               "alice@example.com");
    expect_pra("From: \"a b\"@b\xc3\xbc"
               "cher.example\r\n",
               "From",
               "\"a b\"@b\xc3\xbc"
               "cher.example");
}

TEST("who sent it anew comes before who sent it first")
{
    expect_pra("Resent-Sender: s@r.example\r\nResent-From: f@r.example\r\nFrom: a@b.example\r\n",
               "Resent-Sender", "s@r.example");
    expect_pra("Resent-From: f@r.example\r\nResent-Sender: s@r.example\r\nFrom: a@b.example\r\n",
               "Resent-Sender", "s@r.example");
    expect_pra("Resent-From: f@r.example\r\nFrom: a@b.example\r\nSender: c@b.example\r\n",
               "Resent-From", "f@r.example");
    expect_pra("Resent-From: f1@r.example\r\nResent-From: f2@r.example\r\nFrom: a@b.example\r\n",
               "Resent-From", "f1@r.example");
}

TEST("a Resent-Sender behind a hop that Resent-From stands before is of an older sending")
{
    expect_pra("Resent-From: new@r.example\r\nReceived: by x\r\nResent-Sender: old@r.example\r\n"
               "From: a@b.example\r\n",
               "Resent-From", "new@r.example");
    expect_pra("Resent-From: new@r.example\r\nReturn-Path: <x@y>\r\n"
               "Resent-Sender: old@r.example\r\nFrom: a@b.example\r\n",
               "Resent-From", "new@r.example");
    expect_pra("Received: by x\r\nResent-From: f@r.example\r\nResent-Sender: s@r.example\r\n"
               "Received: by y\r\nFrom: a@b.example\r\n",
               "Resent-Sender", "s@r.example");
    /* An empty Resent-From is as if it were not there. */
    expect_pra("Resent-From:\r\nReceived: by x\r\nResent-Sender: s@r.example\r\n", "Resent-Sender",
               "s@r.example");
}

TEST("a header that names nobody, or two, has no responsible address")
{
    expect_none("");
    expect_none("Subject: s\r\n");
    expect_none("From:  \r\n");
    expect_none("From: a@b.example\r\nFrom: c@b.example\r\n");
    expect_none("Sender: a@b.example\r\nSender: a@b.example\r\nFrom: c@b.example\r\n");
    expect_none("From: a@b.example, c@b.example\r\n");
    expect_none("From: friends: a@b.example;\r\n");
    expect_none("From: postmaster\r\n");
    expect_none("From: a@[192.0.2.1]\r\n");
    expect_none("From: a@b..example\r\n");
    /* A malformed one is not skipped for the next: step 5. */
    expect_none("Sender: nobody\r\nFrom: c@b.example\r\n");
    expect_none("\r\nFrom: c@b.example\r\n");
}

TEST("results are written one a line, and an address that is no ASCII as its domain")
{
    const struct auth_result results[] = {
        {TEXT("spf"), TEXT("pass"), TEXT("smtp.mailfrom"), TEXT("a@example.com")},
        {TEXT("spf"), TEXT("none"), TEXT("smtp.helo"), TEXT("h.example")},
        {TEXT("sender-id"), TEXT("neutral"), TEXT("header.from"), TEXT("j\xc3\xb6rg@example.com")},
        {TEXT("sender-id"), TEXT("permerror"), TEXT(""), TEXT("")},
    };
    struct buffer out;
    buffer_init(&out, 1000);
    auth_results_write(TEXT("mx.example.org"), results, 4, &out);
    auth_results_write(TEXT("mx.example.org"), results, 0, &out);
    EXPECT_TEXT(buffer_text(&out), "Authentication-Results: mx.example.org;\r\n"
                                   "\tspf=pass smtp.mailfrom=a@example.com;\r\n"
                                   "\tspf=none smtp.helo=h.example;\r\n"
                                   "\tsender-id=neutral header.from=@example.com;\r\n"
                                   "\tsender-id=permerror\r\n"
                                   "Authentication-Results: mx.example.org; none\r\n");
    buffer_finish(&out);
}

TEST("a field that claims to be ours goes, however it is written, and all others stay")
{
    static const char section[] =
        "no field\r\n"
        "Authentication-Results: mx.example.org; spf=pass\r\n"
        "Authentication-Results: other.example.org; spf=pass\r\n"
        "authentication-results :\r\n\t(a (nested\\) one)) MX.Example.Org 1;\r\n"
        "\tdkim=pass\r\n"
        "Authentication-Results: \"mx.exa\\mple.org\"; spf=pass\r\n"
        "Authentication-Results: mx.example.org\r\n"
        "Authentication-Results: mx.example.org.evil.example; spf=pass\r\n"
        "X-Authentication-Results: mx.example.org; spf=pass\r\n"
        "another line\r\n\r\n";
    struct buffer out;
    buffer_init(&out, 1000);
    EXPECT(auth_results_strip(text_from(section), TEXT("mx.example.org"), &out) == 4);
    EXPECT_TEXT(buffer_text(&out),
                "no field\r\n"
                "Authentication-Results: other.example.org; spf=pass\r\n"
                "Authentication-Results: mx.example.org.evil.example; spf=pass\r\n"
                "X-Authentication-Results: mx.example.org; spf=pass\r\n"
                "another line\r\n\r\n");
    buffer_finish(&out);
}
