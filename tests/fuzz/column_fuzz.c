/* A field of many messages in one piece. Any bytes as a column: who is found has a text that holds
 * what was wanted. The oracle of one that was made looks at each text by itself. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "mail/column.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS_MOST = 200 };

struct expected {
    struct text wanted;
    struct members found, skipped;
    unsigned last, count;
};

static void expect_one(struct expected *expected, unsigned member, struct text text)
{
    if (text.data == NULL)
        members_add(&expected->skipped, member);
    else if (text_find_text(text, expected->wanted) < text.length)
        members_add(&expected->found, member);
}

static void show(void *context, unsigned member, struct text text)
{
    struct expected *expected = context;
    check(member < BLOCK_MEMBERS && member >= expected->last);
    expected->last = member;
    expected->count++;
    expect_one(expected, member, text);
}

/* Finding tells what showing tells. */
static bool read_column(struct text encoded, struct expected *out)
{
    struct members found = {{0}}, skipped = {{0}};
    bool is_good = column_each(encoded, show, out);
    check(column_find(encoded, out->wanted, &found, &skipped) == is_good);
    check(memcmp(&found, &out->found, sizeof(found)) == 0);
    check(memcmp(&skipped, &out->skipped, sizeof(skipped)) == 0);
    return is_good;
}

/* Texts are what lies between bytes of 0, some of them left out; 1 makes it the same member's. */
static unsigned put(struct column *column, struct text text, struct expected *expected)
{
    unsigned member = 0, count = 0;
    while (text.length > 0 && count < TEXTS_MOST) {
        struct text one;
        text_split(&text, '\0', &one);
        bool is_left_out = one.length > COLUMN_TEXT_MAX || (one.length > 0 && one.data[0] == 2);
        member += one.length == 0 || one.data[0] != 1;
        if (is_left_out)
            column_skip(column, member);
        else
            column_add(column, member, one);
        expect_one(expected, member, is_left_out ? (struct text){NULL, 0} : one);
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct column column;
    struct buffer encoded;
    if (size < 2)
        return 0;
    size_t wanted_length = 1 + data[0] % 4;
    struct text rest = text_of(data + 1, size - 1), wanted = text_head(rest, wanted_length);
    struct expected made = {.wanted = wanted}, shown = {.wanted = wanted}, any = {.wanted = wanted};
    buffer_init(&encoded, COLUMN_ENCODED_MAX);
    column_init(&column);
    put(&column, text_from_position(rest, wanted_length), &made);
    column_encode(&column, &encoded);
    check(!encoded.overflowed && read_column(buffer_text(&encoded), &shown));
    check(memcmp(&made.found, &shown.found, sizeof(made.found)) == 0);
    check(memcmp(&made.skipped, &shown.skipped, sizeof(made.skipped)) == 0);
    read_column(text_from_position(rest, wanted_length), &any);
    column_finish(&column);
    buffer_finish(&encoded);
    return 0;
}
