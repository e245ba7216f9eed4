#include "mail/header.h"

#include <string.h>
#include <time.h>

#include "test.h"

static struct arena arena;

static const struct header_facts *facts_of(struct text message, size_t piece, size_t *taken)
{
    struct header_facts *facts = arena_alloc(&arena, sizeof(*facts));
    header_facts_init(facts);
    *taken = 0;
    for (size_t at = 0; at < message.length; at += piece)
        *taken += header_facts_feed(facts, text_head(text_from_position(message, at), piece));
    header_facts_end(facts);
    return facts;
}

static bool facts_agree(const struct header_facts *a, const struct header_facts *b)
{
    return a->received_count == b->received_count && a->has_date == b->has_date &&
           a->has_message_id == b->has_message_id && a->has_from == b->has_from &&
           a->ended == b->ended && a->has_8bit_header == b->has_8bit_header &&
           strcmp(a->message_id, b->message_id) == 0 && strcmp(a->subject, b->subject) == 0;
}

static struct text repeat(char c, size_t count)
{
    char *bytes = arena_alloc(&arena, count + 1);
    memset(bytes, c, count);
    return text_of(bytes, count);
}

static const char typical[] = "Received: from a\r\n\tby b\r\n"
                              "RECEIVED : from c\r\n"
                              "From: x@example.org\r\n"
                              "Subject: one\r\n two\r\n"
                              "Message-ID:\r\n  <1@example.org>  \r\n"
                              "Date: Fri, 20 Nov 2026 10:02:11 +0000\r\n"
                              "\r\n"
                              "Received: in the body\r\n";

TEST("fields are taken one by one with their folded lines")
{
    struct text rest = text_from(typical);
    struct header_field field;
    EXPECT(header_next(&rest, &field));
    EXPECT_TEXT(field.name, "Received");
    EXPECT_TEXT(field.body, " from a\r\n\tby b\r\n");
    EXPECT_TEXT(field.whole, "Received: from a\r\n\tby b\r\n");
    EXPECT(header_next(&rest, &field));
    EXPECT_TEXT(field.name, "RECEIVED");
    for (int i = 0; i < 4; i++)
        EXPECT(header_next(&rest, &field));
    EXPECT(!header_next(&rest, &field));
    EXPECT_TEXT(rest, "\r\nReceived: in the body\r\n");
}

TEST("the section ends before the blank line, whichever line ends are used")
{
    EXPECT(header_section(text_from(typical)).length == strlen(typical) - 25);
    EXPECT_TEXT(header_section(TEXT("A: b\n\nc")), "A: b\n");
    EXPECT_TEXT(header_section(TEXT("\r\nc")), "");
    EXPECT_TEXT(header_section(TEXT("A: b")), "A: b");
    EXPECT_TEXT(header_section((struct text){0}), "");
}

TEST("a line that is no field stops the walk but hides nothing from a search")
{
    struct text section = TEXT("From x Mon Nov 20 10:00:00\r\n folded\r\nA: b\r\n: no name\r\nC:d");
    struct text rest = section;
    struct header_field field;
    EXPECT(!header_next(&rest, &field));
    EXPECT(rest.length == section.length);
    EXPECT(header_find(section, TEXT("c"), &field));
    EXPECT_TEXT(field.body, "d");
    EXPECT(!header_find(section, TEXT("From"), &field));
}

TEST("an empty body stands behind its colon")
{
    struct text rest = TEXT("A:");
    struct header_field field;
    EXPECT(header_next(&rest, &field));
    EXPECT(field.body.length == 0 && field.body.data == field.whole.data + 2);
}

TEST("a field is not found behind the blank line")
{
    struct header_field field;
    EXPECT(!header_find(TEXT("A: b\r\n\r\nC: d\r\n"), TEXT("C"), &field));
}

TEST("unfolding takes out the line ends and nothing else")
{
    EXPECT_TEXT(header_unfold(TEXT(" a\r\n\tb\n c \r\n"), &arena), "a\tb c");
    EXPECT_TEXT(header_unfold(TEXT("\r\n"), &arena), "");
    EXPECT_TEXT(header_unfold(TEXT("a\rb"), &arena), "a\rb");
}

TEST("the facts of a header section are the same however it is cut")
{
    size_t taken;
    for (size_t piece = 1; piece <= sizeof(typical); piece++) {
        const struct header_facts *facts = facts_of(text_from(typical), piece, &taken);
        EXPECT(facts->received_count == 2 && facts->has_from && facts->has_date && facts->ended);
        EXPECT_TEXT(text_from(facts->subject), "one two");
        EXPECT_TEXT(text_from(facts->message_id), "<1@example.org>");
        EXPECT(!facts->has_8bit_header);
        EXPECT(taken == strlen(typical) - 23);
    }
}

TEST("only the header section counts for 8-bit bytes")
{
    size_t taken;
    EXPECT(!facts_of(TEXT("A: b\r\n\r\ngr\xc3\xbc\xc3\x9f"), 100, &taken)->has_8bit_header);
    EXPECT(facts_of(TEXT("A: 01234567\xc3\xbc\r\n\r\nb"), 100, &taken)->has_8bit_header);
}

TEST("a message without blank line, or without header, is all header section")
{
    size_t taken;
    const struct header_facts *facts = facts_of(TEXT("Date: x\r\nSubject: last"), 3, &taken);
    EXPECT(!facts->ended && facts->has_date && taken == 22);
    EXPECT_TEXT(text_from(facts->subject), "last");
    facts = facts_of(TEXT("Dear all,\nno header here\n"), 4, &taken);
    EXPECT(!facts->ended && !facts->has_date && taken == 25);
    facts = facts_of(TEXT("no field\nReceived: x\n\nReceived: y\n"), 5, &taken);
    EXPECT(facts->ended && facts->received_count == 1);
}

TEST("a carriage return alone is no blank line")
{
    size_t taken;
    EXPECT(!facts_of(TEXT("A: b\r\n\r"), 1, &taken)->ended);
    EXPECT(!facts_of(TEXT("A: b\r\n\r\r\nDate: x\r\n"), 1, &taken)->ended);
}

TEST("a message id that is too long is none, and the first of two is taken")
{
    size_t taken;
    struct text longest = arena_printf(&arena, "Message-ID: %.*s\r\n", TEXT_ARG(repeat('x', 255)));
    EXPECT(strlen(facts_of(longest, 7, &taken)->message_id) == 255);
    struct text longer = arena_printf(&arena, "Message-ID: %.*s\r\n", TEXT_ARG(repeat('x', 256)));
    EXPECT_TEXT(text_from(facts_of(longer, 7, &taken)->message_id), "");
    struct text line = arena_printf(&arena, "Message-ID: a%.*sb\r\n", TEXT_ARG(repeat(' ', 600)));
    const struct header_facts *facts = facts_of(line, 7, &taken);
    EXPECT(facts->has_message_id && facts->message_id[0] == '\0');
    facts = facts_of(TEXT("Message-Id: <a>\r\nMessage-ID: <b>\r\n c\r\n"), 100, &taken);
    EXPECT_TEXT(text_from(facts->message_id), "<a>");
}

TEST("a subject is cut to what fits and holds no control byte")
{
    size_t taken;
    struct text subject = arena_printf(&arena, "Subject: a\tb%.*s\r\n", TEXT_ARG(repeat('x', 900)));
    const struct header_facts *facts = facts_of(subject, 1000, &taken);
    EXPECT(strlen(facts->subject) == 127 && strncmp(facts->subject, "a bx", 4) == 0);
}

TEST("a field of a megabyte costs a pass and not more")
{
    struct text huge =
        arena_printf(&arena, "Subject: %.*s\r\nDate: x\r\n\r\n", TEXT_ARG(repeat('y', 1 << 20)));
    char *folded = arena_alloc(&arena, 3 << 19);
    for (size_t i = 0; i < 3 << 19; i += 3)
        memcpy(folded + i, i == 0 ? "A:\n" : " b\n", 3);
    size_t whole, cut, taken;
    clock_t start = clock(); /* of the processor, however many share it */
    const struct header_facts *once = facts_of(huge, huge.length, &whole);
    const struct header_facts *pieces = facts_of(huge, 1000, &cut);
    EXPECT(facts_agree(once, pieces) && once->has_date && once->ended && whole == cut);
    struct text rest = text_of(folded, 3 << 19);
    struct header_field field;
    facts_of(rest, 4096, &taken);
    EXPECT(header_next(&rest, &field) && rest.length == 0);
    EXPECT(header_unfold(field.body, &arena).length == (3 << 20) / 3 - 3);
    EXPECT(clock() - start < 10 * CLOCKS_PER_SEC);
}
