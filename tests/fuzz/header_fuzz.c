/* Header sections: any cutting of the input gives the same facts, the facts agree with a walk over
 * the fields, and the fields lie inside the section in order. The first byte chooses the cuts. */
#include <string.h>

#include "base/check.h"
#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As much of a line as header.c looks at when the line is very long. */
enum { SEEN_OF_LINE = 512 };

static size_t gather(struct header_facts *facts, struct text message, unsigned seed)
{
    size_t taken = 0;
    header_facts_init(facts);
    while (message.length > 0) {
        seed = seed * 1103515245u + 12345u;
        struct text piece = text_head(message, seed == 12345u ? message.length : seed >> 16 & 31);
        taken += header_facts_feed(facts, piece);
        message = text_from_position(message, piece.length);
    }
    header_facts_end(facts);
    return taken;
}

static void expect_same(const struct header_facts *a, const struct header_facts *b)
{
    check(a->received_count == b->received_count);
    check(a->has_date == b->has_date && a->has_from == b->has_from);
    check(a->has_message_id == b->has_message_id && a->ended == b->ended);
    check(a->has_8bit_header == b->has_8bit_header);
    check(strcmp(a->message_id, b->message_id) == 0);
    check(strcmp(a->subject, b->subject) == 0);
}

static void expect_walk_agrees(const struct header_facts *facts, struct text section)
{
    struct text rest = section;
    struct header_field field;
    const char *end = section.data;
    unsigned received = 0;
    bool has_date = false, is_clear = true;
    while (header_next_valid(&rest, &field)) {
        check(field.whole.data >= end && field.name.data == field.whole.data);
        check(field.body.data == field.whole.data + field.whole.length - field.body.length);
        check(field.body.data[-1] == ':' && field.name.length < field.whole.length);
        end = field.whole.data + field.whole.length;
        check(end <= section.data + section.length);
        check(rest.length == 0 || rest.data == end);
        received += text_equals_nocase(field.name, TEXT("received"));
        has_date = has_date || text_equals_nocase(field.name, TEXT("date"));
        is_clear = is_clear && field.whole.length - field.body.length < SEEN_OF_LINE;
    }
    if (!is_clear)
        return;
    check(received == facts->received_count && has_date == facts->has_date);
    check(has_date == header_find(section, TEXT("DATE"), &field));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct text message = text_of(data + 1, size - 1);
    struct header_facts whole, cut;
    size_t taken = gather(&whole, message, 0);
    check(gather(&cut, message, data[0] + 1u) == taken);
    expect_same(&whole, &cut);
    struct text section = header_section(message);
    check(whole.ended == (section.length < message.length));
    check(taken >= section.length && taken - section.length <= 2);
    check(whole.ended || taken == message.length);
    expect_walk_agrees(&whole, section);

    struct arena arena;
    arena_init(&arena);
    struct text unfolded = header_unfold(section, &arena);
    check(unfolded.length <= section.length && text_find(unfolded, '\n') == unfolded.length);
    arena_finish(&arena);
    return 0;
}
