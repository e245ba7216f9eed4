/* Messages in an mbox: quoting that can be undone, flags in fields, dates of many programs. */
#include <string.h>

#include "base/clock.h"
#include "mail/mbox.h"
#include "test.h"

static struct text write_one(struct arena *arena, const char *message, const char *flags)
{
    struct mbox_writer writer;
    struct buffer out;
    buffer_init(&out, 1 << 16);
    mbox_writer_init(&writer, text_from(flags));
    mbox_write(&writer, text_from(message), &out);
    mbox_write_end(&writer, &out);
    struct text written = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return written;
}

static struct text read_one(struct arena *arena, struct text file, struct text *flags)
{
    struct mbox_reader reader;
    struct buffer out;
    struct text line;
    buffer_init(&out, 1 << 16);
    mbox_reader_init(&reader, arena);
    while (text_split(&file, '\n', &line))
        mbox_read(&reader, text_of(line.data, line.length + 1), false, &out);
    *flags = mbox_read_flags(&reader);
    struct text read = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return read;
}

TEST("lines that look like the beginning of a message are quoted, and that is undone")
{
    struct arena arena;
    struct text flags;
    const char *message = "Subject: x\r\n\r\nFrom a\r\n>From b\r\n>>From c\r\n>x\r\nFrom\r\n\r\n";
    arena_init(&arena);
    struct text file = write_one(&arena, message, "");
    EXPECT_TEXT(file, "Subject: x\nStatus: O\nX-Status: \nX-Keywords:\n\n>From a\n>>From b\n"
                      ">>>From c\n>x\nFrom\n\n\n");
    EXPECT_TEXT(read_one(&arena, file, &flags), message);
    EXPECT_TEXT(flags, "");
    arena_finish(&arena);
}

TEST("flags and keywords go by fields of the file, which a message can't bring itself")
{
    struct arena arena;
    struct text flags;
    const char *message = "Status: RO\r\nsubject: x\r\nX-Keywords: forged\r\n more\r\nTo: y\r\n\r\n"
                          "Status: text\r\n";
    arena_init(&arena);
    struct text file = write_one(&arena, message, "\\Flagged work \\Seen $Other \\Draft");
    EXPECT_TEXT(file, "subject: x\nTo: y\nStatus: RO\nX-Status: FT\nX-Keywords: work $Other\n\n"
                      "Status: text\n\n");
    EXPECT_TEXT(read_one(&arena, file, &flags), "subject: x\r\nTo: y\r\n\r\nStatus: text\r\n");
    EXPECT_TEXT(flags, "\\Seen \\Flagged \\Draft work $Other");
    arena_finish(&arena);
}

TEST("a message without a body, and one without a last line end, are read whole")
{
    struct arena arena;
    struct text flags;
    arena_init(&arena);
    EXPECT_TEXT(read_one(&arena, write_one(&arena, "A: b\r\n", "\\Seen"), &flags), "A: b\r\n");
    EXPECT_TEXT(flags, "\\Seen");
    EXPECT_TEXT(read_one(&arena, write_one(&arena, "A: b\r\n\r\n", ""), &flags), "A: b\r\n\r\n");
    EXPECT_TEXT(read_one(&arena, write_one(&arena, "A: b\r\n\r\n>", ""), &flags),
                "A: b\r\n\r\n>\r\n");
    arena_finish(&arena);
}

TEST("the dates of many programs are read, and text that only begins so is none")
{
    static const struct {
        const char *line;
        int64_t seconds;
    } cases[] = {
        {"From a@b Fri Jul 17 09:44:25 2020", 1594979065},
        {"From a@b Fri Jul 17 09:44:25 2020 +0200", 1594971865},
        {"From a@b Fri Jul 17 09:44:25 +0200 2020", 1594971865},
        {"From MAILER-DAEMON Wed Jul  1 09:44:00 2020", 1593596640},
        {"From \"a b\"@c  Wed Jul 1 09:44:00 GMT 2020 remote from x", 1593596640},
        {"From - Thu Jan 01 00:00:00 1970", 0},
        {"From here it went on", -1},
        {"From 10:00 to 11:00 2020", -1},
        {"From a@b Fri Foo 17 09:44:25 2020", -1},
        {"From ", -1},
        {"from a@b Fri Jul 17 09:44:25 2020", -1},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t date_ms = -SECOND;
        bool is_one = mbox_is_from(text_from(cases[i].line), &date_ms);
        EXPECT(is_one == (cases[i].seconds >= 0));
        EXPECT(!is_one || date_ms == cases[i].seconds * SECOND);
    }
}

TEST("the line before a message is read as it was written")
{
    struct buffer out;
    int64_t date_ms;
    buffer_init(&out, 1024);
    mbox_put_from(&out, TEXT("a b@c\r\n"), 1594979065LL * SECOND + 7);
    EXPECT_TEXT(buffer_text(&out), "From ab@c Fri Jul 17 09:44:25 2020\n");
    EXPECT(mbox_is_from(text_trim(buffer_text(&out)), &date_ms));
    EXPECT(date_ms == 1594979065LL * SECOND);
    buffer_reset(&out, 1024);
    mbox_put_from(&out, TEXT(""), -5);
    EXPECT_TEXT(buffer_text(&out), "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n");
    buffer_finish(&out);
}

TEST("a date that no program writes is the first of all")
{
    struct buffer out;
    buffer_init(&out, 1024);
    mbox_put_from(&out, TEXT("a@b"), INT64_C(253402300799000));
    EXPECT_TEXT(buffer_text(&out), "From a@b Fri Dec 31 23:59:59 9999\n");
    buffer_reset(&out, 1024);
    mbox_put_from(&out, TEXT("a@b"), INT64_C(253402300800000));
    EXPECT_TEXT(buffer_text(&out), "From a@b Thu Jan  1 00:00:00 1970\n");
    buffer_reset(&out, 1024);
    mbox_put_from(&out, TEXT("a@b"), INT64_MAX);
    EXPECT_TEXT(buffer_text(&out), "From a@b Thu Jan  1 00:00:00 1970\n");
    buffer_finish(&out);
}

TEST("a line that begins as that before a message, but with words without end, is text")
{
    char line[400] = "From a@b Fri Jul ";
    int64_t date_ms;
    memset(line + strlen(line), '1', 200);
    strcat(line, " 09:44:25 2020");
    EXPECT(!mbox_is_from(text_from(line), &date_ms));
}

TEST("a return at the very end of a message is one of its bytes")
{
    struct arena arena;
    struct text flags;
    arena_init(&arena);
    struct text file = write_one(&arena, "Subject: x\r\n\r\nend\r", "");
    EXPECT_TEXT(file, "Subject: x\nStatus: O\nX-Status: \nX-Keywords:\n\nend\r\n\n");
    EXPECT_TEXT(read_one(&arena, file, &flags), "Subject: x\r\n\r\nend\r\n");
    arena_finish(&arena);
}

TEST("keywords are as many as there is room for, and none looks like a flag of ours")
{
    struct mbox_reader reader;
    struct buffer out, line;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&out, 1 << 16);
    buffer_init(&line, 1 << 16);
    mbox_reader_init(&reader, &arena);
    buffer_append(&line, TEXT("X-Keywords: \\Deleted"));
    for (unsigned i = 0; i < 3000; i++)
        buffer_printf(&line, " keyword%u", i);
    buffer_append_byte(&line, '\n');
    mbox_read(&reader, buffer_text(&line), false, &out);
    struct text flags = mbox_read_flags(&reader);
    EXPECT(flags.length <= MBOX_KEYWORDS_BYTES && flags.length > MBOX_KEYWORDS_BYTES - 20);
    EXPECT(text_starts_with(flags, TEXT("keyword0 keyword1 ")));
    EXPECT(out.length == 0);
    buffer_finish(&line);
    buffer_finish(&out);
    arena_finish(&arena);
}

TEST("a long line comes in pieces, and one of the file's own is left out whole")
{
    static const struct {
        const char *bytes;
        bool is_begun;
    } pieces[] = {{"Subject: ", false}, {"long", true}, {" still\n", true}, {"Status: ", false},
                  {"RO", true},         {" x\n", true}, {"\n", false},      {"", false},
                  {"body", true},       {"\n", true}};
    struct mbox_reader reader;
    struct buffer out;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&out, 1 << 16);
    mbox_reader_init(&reader, &arena);
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
        mbox_read(&reader, text_from(pieces[i].bytes), pieces[i].is_begun, &out);
    EXPECT_TEXT(buffer_text(&out), "Subject: long still\r\n\r\nbody\r\n");
    buffer_finish(&out);
    arena_finish(&arena);
}
