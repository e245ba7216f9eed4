/* What is known of many texts together: who has which grams, and their fields in a row. */
#include <string.h>

#include "mail/column.h"
#include "test.h"

enum { GRAM = 0x1234, NEXT_GRAM = 0x1235 };

static bool keeps(struct text encoded, uint16_t gram, unsigned member)
{
    struct members members;
    memset(&members, 0xff, sizeof(members));
    EXPECT(postings_keep(encoded, gram, &members));
    return members_have(&members, member);
}

TEST("who has a gram is told, be they few or nearly all")
{
    struct postings *postings = postings_new();
    struct buffer encoded;
    buffer_init(&encoded, POSTING_PART_MAX);
    postings_add(postings, 0, GRAM);
    postings_add(postings, BLOCK_MEMBERS - 1, GRAM);
    for (unsigned i = 0; i < BLOCK_MEMBERS; i++)
        if (i != 77)
            postings_add(postings, i, NEXT_GRAM);
    postings_encode(postings, postings_part(GRAM), &encoded);
    struct text bytes = buffer_text(&encoded);
    EXPECT(keeps(bytes, GRAM, 0) && keeps(bytes, GRAM, BLOCK_MEMBERS - 1));
    EXPECT(!keeps(bytes, GRAM, 1) && !keeps(bytes, GRAM, BLOCK_MEMBERS - 2));
    EXPECT(keeps(bytes, NEXT_GRAM, 76) && !keeps(bytes, NEXT_GRAM, 77));
    EXPECT(!keeps(bytes, GRAM - 1, 0) && !keeps(bytes, NEXT_GRAM + 1, 0));
    EXPECT(encoded.length < 2 * BLOCK_MEMBERS / 8);
    postings_free(&postings);
    buffer_finish(&encoded);
}

TEST("lists that are malformed take nobody out")
{
    static const char *const bad[] = {
        "", "\x02", "\x01\x34", "\x01\x34\x02\x01", "\x01\x34\x01\x88", "\x01\x34\x02\xff\x7f"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct members members = {{5}};
        EXPECT(!postings_keep(text_from(bad[i]), GRAM, &members));
        EXPECT(members_count(&members) == 2);
    }
}

static bool is_found(struct text encoded, const char *wanted, unsigned member)
{
    struct members found = {{0}}, skipped = {{0}};
    EXPECT(column_find(encoded, text_from(wanted), &found, &skipped));
    EXPECT(members_count(&skipped) == 1 && members_have(&skipped, 9));
    return members_have(&found, member);
}

TEST("a text is found in the rows that hold it, and not across two of them")
{
    static char large[COLUMN_TEXT_MAX + 1];
    struct column column;
    struct buffer encoded;
    buffer_init(&encoded, COLUMN_ENCODED_MAX);
    column_init(&column);
    column_add(&column, 2, TEXT("about a"));
    column_add(&column, 3, TEXT(""));
    column_add(&column, 4, TEXT("bout"));
    column_add(&column, 4, TEXT("another about"));
    memset(large, 'b', sizeof(large));
    column_add(&column, 9, text_of(large, sizeof(large)));
    column_encode(&column, &encoded);
    struct text bytes = buffer_text(&encoded);
    EXPECT(is_found(bytes, "about", 2) && is_found(bytes, "about", 4));
    EXPECT(is_found(bytes, "ab", 2) && !is_found(bytes, "about a", 4) && !is_found(bytes, "ab", 3));
    EXPECT(!is_found(bytes,
                     "a"
                     "bouta",
                     4) &&
           !is_found(bytes, "tano", 4));
    EXPECT(!is_found(bytes, "bb", 9));
    column_finish(&column);
    buffer_finish(&encoded);
}

TEST("with more texts than there is room for, somebody is left out and not forgotten")
{
    struct column column;
    struct buffer encoded;
    struct members found = {{0}}, skipped = {{0}};
    buffer_init(&encoded, COLUMN_ENCODED_MAX);
    column_init(&column);
    for (unsigned i = 0; i < BLOCK_MEMBERS; i++)
        for (unsigned times = 0; times < 10; times++)
            column_add(&column, i, times < 9 ? TEXT("a") : TEXT("z"));
    column_encode(&column, &encoded);
    EXPECT(!encoded.overflowed);
    EXPECT(column_find(buffer_text(&encoded), TEXT("z"), &found, &skipped));
    EXPECT(members_count(&found) > BLOCK_MEMBERS / 2 && members_count(&skipped) > 0);
    members_join(&found, &skipped);
    EXPECT(members_count(&found) == BLOCK_MEMBERS);
    column_finish(&column);
    buffer_finish(&encoded);
}
