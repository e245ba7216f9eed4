#include "mail/answer.h"

#include "mail/words.h"
#include "test.h"

static struct text composed(const struct answer *answer, struct arena *arena)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    EXPECT(answer_compose(answer, &out));
    struct text text = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

static bool has(struct text text, const char *part)
{
    return text_find_text(text, text_from(part)) < text.length;
}

static const struct answer plain = {.from = {"alice@local.test", 16},
                                    .to = {"bob@far.test", 12},
                                    .subject = {"Away", 4},
                                    .text = {"Until May.", 10},
                                    .submitted = "auto-replied",
                                    .host = {"mx.local.test", 13},
                                    .id = 1};

TEST("an answer of ASCII goes as it is")
{
    struct arena arena;
    arena_init(&arena);
    EXPECT_TEXT(composed(&plain, &arena),
                "From: alice@local.test\r\nTo: bob@far.test\r\nSubject: Away\r\n"
                "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"
                "Message-ID: <0000000000001@mx.local.test>\r\nAuto-Submitted: auto-replied\r\n"
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: 7bit\r\n\r\nUntil May.\r\n");
    arena_finish(&arena);
}

TEST("nothing in a subject ends its line, whatever a script puts there")
{
    struct arena arena;
    arena_init(&arena);
    struct answer answer = plain;
    answer.subject = TEXT("a\r\nBcc: x@far.test\r\n\r\nb");
    EXPECT(has(composed(&answer, &arena), "Subject: a Bcc: x@far.test b\r\nDate:"));
    answer.subject = TEXT("\xc3\xa4\r\nBcc: x@far.test");
    EXPECT(!has(composed(&answer, &arena), "\nBcc"));
    arena_finish(&arena);
}

TEST("of an entity's header only what tells of its content goes in")
{
    struct arena arena;
    arena_init(&arena);
    struct answer answer = plain;
    answer.is_mime = true;
    answer.text = TEXT("From: boss@local.test\r\nContent-Type: text/html\r\n\r\n<p>Away");
    struct text text = composed(&answer, &arena);
    EXPECT(has(text, "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<p>Away\r\n"));
    EXPECT(!has(text, "boss"));
    arena_finish(&arena);
}

TEST("long threads keep their last messages, each line short")
{
    struct arena arena;
    arena_init(&arena);
    struct answer answer = plain;
    struct buffer references;
    buffer_init(&references, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buffer_printf(&references, "<%d@far.test> ", i);
    answer.references = buffer_text(&references);
    answer.in_reply_to = TEXT("<last@far.test>");
    struct text text = composed(&answer, &arena), line;
    EXPECT(has(text, "<999@far.test>") && has(text, "<last@far.test>") && !has(text, "<10@far"));
    while (text_split(&text, '\n', &line))
        EXPECT(line.length <= 79);
    buffer_finish(&references);
    arena_finish(&arena);
}

TEST("encoded words read back, are short and end between characters")
{
    struct arena arena;
    struct buffer value, out;
    arena_init(&arena);
    buffer_init(&value, 4096);
    buffer_init(&out, 1 << 16);
    for (int i = 0; i < 100; i++)
        buffer_append(&value, i % 3 == 0 ? TEXT("\xe2\x82\xac") : TEXT("\xf0\x9f\x98\x80 "));
    mail_words_encode(buffer_text(&value), 9, &out);
    struct text rest = buffer_text(&out), line;
    EXPECT(text_equals(mail_words_decode(rest, NULL, &arena), buffer_text(&value)));
    for (size_t column = 9; text_split(&rest, '\n', &line); column = 0)
        EXPECT(column + text_trim(line).length <= 76);
    buffer_finish(&value);
    buffer_finish(&out);
    arena_finish(&arena);
}
