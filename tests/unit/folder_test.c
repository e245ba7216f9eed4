#include "folder/line_ends.h"
#include "folder/message.h"
#include "mail/header.h"
#include "test.h"

struct reading {
    struct arena arena;
    struct folder_envelope envelope;
    struct buffer header;
    size_t used;
    enum status status;
};

static void read_message(struct reading *reading, const char *head)
{
    static const struct folder_origin origin = {.host = {"mx.example.test", 15},
                                                .domain = {"example.test", 12},
                                                .sender = {"postmaster", 10},
                                                .id = 1,
                                                .uid = 7,
                                                .now_ms = 1764201600000};
    *reading = (struct reading){0};
    arena_init(&reading->arena);
    buffer_init(&reading->header, 1 << 20);
    reading->status = folder_message_read(text_from(head), &origin, &reading->arena,
                                          &reading->envelope, &reading->header, &reading->used);
}

static void reading_finish(struct reading *reading)
{
    buffer_finish(&reading->header);
    arena_finish(&reading->arena);
}

static bool header_has(const struct reading *reading, const char *line)
{
    return text_find_text(buffer_text(&reading->header), text_from(line)) < reading->header.length;
}

/* shows: T12 */
TEST("without lines of an envelope Sender sends, and To, Cc and Bcc get it; Bcc is not shown")
{
    struct reading reading;
    const char *head = "Sender: desk@example.test\r\nFrom: a@b.example\r\n"
                       "To: One <one@x.example>, staff: two@x.example;\r\n"
                       "Cc: three@x.example\r\nBcc: four@x.example,\r\n five@x.example\r\n\r\nbody";
    read_message(&reading, head);
    EXPECT(reading.status == OK);
    EXPECT_TEXT(reading.envelope.sender, "desk@example.test");
    EXPECT(reading.envelope.receiver_count == 5);
    EXPECT_TEXT(reading.envelope.receivers[4].address, "five@x.example");
    EXPECT(!header_has(&reading, "four@") && !header_has(&reading, "five@"));
    EXPECT(header_has(&reading, "staff: two@x.example;"));
    EXPECT_TEXT(text_from(head + reading.used), "body");
    reading_finish(&reading);
}

TEST("lines of an envelope count more than the header")
{
    struct reading reading;
    read_message(&reading,
                 "X-Sender: a@b.example RET=HDRS ENVID=q+2B1\r\n"
                 "x-receiver: <c@d.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;c@d.example\r\n"
                 "x-receiver: \"e f\"@d.example\r\nx-receiver: root\r\n"
                 "From: x@y.example\r\nTo: nobody@y.example\r\nBcc: h@y.example\r\n\r\n");
    EXPECT(reading.status == OK);
    EXPECT_TEXT(reading.envelope.sender, "a@b.example");
    EXPECT(reading.envelope.return_headers_only);
    EXPECT_TEXT(reading.envelope.envelope_id, "q+1");
    EXPECT(reading.envelope.receiver_count == 3);
    EXPECT_TEXT(reading.envelope.receivers[0].notify, "FAILURE,DELAY");
    EXPECT_TEXT(reading.envelope.receivers[0].original_recipient, "rfc822;c@d.example");
    EXPECT_TEXT(reading.envelope.receivers[1].address, "\"e f\"@d.example");
    EXPECT_TEXT(reading.envelope.receivers[2].address, "root@example.test");
    EXPECT(!header_has(&reading, "x-receiver") && !header_has(&reading, "h@y.example"));
    reading_finish(&reading);
}

TEST("an empty x-sender is the null path")
{
    struct reading reading;
    read_message(&reading, "x-sender: <>\r\nx-receiver: a@b.example\r\nSubject: x\r\n\r\n");
    EXPECT(reading.status == OK);
    EXPECT(reading.envelope.has_sender && reading.envelope.sender.length == 0);
    EXPECT(header_has(&reading, "From: <postmaster@example.test>\r\n"));
    reading_finish(&reading);
}

TEST("what the header lacks is completed, and addresses without a domain get ours")
{
    struct reading reading;
    read_message(&reading, "From: root (Cron Daemon)\r\nTo: bob, \"B. C.\" <carol>,\r\n"
                           " dave@x.example\r\nReturn-Path: <z@x.example>\r\n\r\n");
    EXPECT(reading.status == OK);
    EXPECT(header_has(&reading, "From: Cron Daemon <root@example.test>\r\n"));
    EXPECT(header_has(&reading, "To: <bob@example.test>, \"B. C.\" <carol@example.test>, "
                                "<dave@x.example>\r\n"));
    EXPECT(header_has(&reading, "Date: Thu, 27 Nov 2025 00:00:00 +0000\r\n"));
    EXPECT(header_has(&reading, "@mx.example.test>\r\n"));
    EXPECT(header_has(&reading, "from uid 7)"));
    EXPECT(!header_has(&reading, "Return-Path"));
    reading_finish(&reading);
}

TEST("of a message that is sent on the Resent fields count")
{
    struct reading reading;
    read_message(&reading,
                 "Resent-From: me@x.example\r\nResent-To: you@x.example\r\n"
                 "From: a@x.example\r\nTo: b@x.example\r\nResent-Bcc: c@x.example\r\n\r\n");
    EXPECT(reading.status == OK);
    EXPECT_TEXT(reading.envelope.sender, "me@x.example");
    EXPECT(reading.envelope.receiver_count == 2);
    EXPECT_TEXT(reading.envelope.receivers[1].address, "c@x.example");
    reading_finish(&reading);
}

TEST("a first line that is no field begins the body")
{
    struct reading reading;
    const char *head = "x-receiver: a@b.example\r\nFrom nobody Thu Nov 27\r\nSubject: x\r\n"
                       "and so on\r\n";
    read_message(&reading, head);
    EXPECT(reading.status == OK);
    EXPECT_TEXT(text_from(head + reading.used), "and so on\r\n");
    EXPECT(!header_has(&reading, "nobody"));
    reading_finish(&reading);
}

TEST("what can't be sent is refused with the reason")
{
    static const struct {
        const char *head, *reason;
    } cases[] = {
        {"Subject: x\r\n\r\n", "it names no recipient"},
        {"x-sender: a@b.example\r\nx-sender: c@d.example\r\n", "there are two x-sender lines"},
        {"x-receiver:\r\n\r\n", "an x-receiver line names nobody"},
        {"x-receiver: a@b.example NOTIFY=NEVER,DELAY\r\n",
         "x-receiver: NOTIFY=NEVER,DELAY is not understood"},
        {"x-receiver: a@b.example WISH=1\r\n", "x-receiver: WISH=1 is not understood"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading reading;
        read_message(&reading, cases[i].head);
        EXPECT(reading.status == REFUSED);
        EXPECT_TEXT(text_from(fail_reason()), cases[i].reason);
        reading_finish(&reading);
    }
}

TEST("lines of an envelope are read back as they were written")
{
    struct arena arena;
    struct buffer lines;
    struct folder_envelope written = {.has_sender = true, .envelope_id = TEXT("a b")}, read;
    arena_init(&arena);
    buffer_init(&lines, 4096);
    struct folder_receiver receiver = {.address = TEXT("\"a b\"@c.example"),
                                       .notify = TEXT("NEVER")};
    EXPECT(folder_envelope_add(&written, &arena, &receiver) == OK);
    folder_envelope_write(&written, &lines);
    struct text rest = buffer_text(&lines);
    EXPECT(folder_envelope_read(&rest, &arena, &read) == OK);
    EXPECT(rest.length == 0 && read.has_sender && read.sender.length == 0);
    EXPECT_TEXT(read.envelope_id, "a b");
    EXPECT_TEXT(read.receivers[0].address, "\"a b\"@c.example");
    EXPECT_TEXT(read.receivers[0].notify, "NEVER");
    buffer_finish(&lines);
    arena_finish(&arena);
}

TEST("lines of every ending come out with CRLF, whatever way they are cut")
{
    const struct text mixed = TEXT("a\nb\r\nc\rd\r\r\n\n\re");
    for (size_t cut = 0; cut <= mixed.length; cut++) {
        struct line_ends ends = {0};
        struct buffer out;
        buffer_init(&out, 100);
        line_ends_feed(&ends, text_head(mixed, cut), &out);
        line_ends_feed(&ends, text_from_position(mixed, cut), &out);
        line_ends_end(&ends, &out);
        EXPECT_TEXT(buffer_text(&out), "a\r\nb\r\nc\r\nd\r\n\r\n\r\ne\r\n");
        buffer_finish(&out);
    }
}
