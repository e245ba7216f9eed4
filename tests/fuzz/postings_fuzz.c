/* Lists of who has which grams. The oracle is a table: what was put in is shown, and nobody else.
 * Any bytes as a part: what is shown of it ascends, and who is kept agrees with it. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "mail/postings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PART = 7, GRAMS = GRAM_NUMBERS / POSTING_PARTS, FIRST_GRAM = PART * GRAMS };

struct shown {
    struct members of[GRAMS];
    int last; /* gram and member as one number */
};

static void show(void *context, uint16_t gram, unsigned member)
{
    struct shown *shown = context;
    int place = gram * BLOCK_MEMBERS + (int)member;
    check(postings_part(gram) == PART && member < BLOCK_MEMBERS && place > shown->last);
    shown->last = place;
    members_add(&shown->of[gram - FIRST_GRAM], member);
}

static bool is_same(const struct members *a, const struct members *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool read_part(struct text encoded, struct shown *shown)
{
    memset(shown, 0, sizeof(*shown));
    shown->last = -1;
    bool is_good = postings_each(encoded, PART, show, shown);
    for (unsigned gram = 0; gram < GRAMS; gram += 5) {
        struct members all, kept;
        memset(&all, 0xff, sizeof(all));
        kept = all;
        bool is_kept = postings_keep(encoded, (uint16_t)(FIRST_GRAM + gram), &kept);
        check(is_kept || is_same(&kept, &all));
        check(!is_good || (is_kept && is_same(&kept, &shown->of[gram])));
    }
    return is_good;
}

/* A gram and a step: all members that many apart have it. */
static void put(struct postings *postings, struct shown *table, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 3 <= size; i += 3) {
        unsigned step = 1 + data[i + 1], first = data[i + 2] * 4u;
        for (unsigned member = first; member < BLOCK_MEMBERS; member += step) {
            postings_add(postings, member, (uint16_t)(FIRST_GRAM + data[i]));
            members_add(&table->of[data[i]], member);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct shown shown, table;
    struct postings *postings = postings_new();
    struct buffer encoded;
    buffer_init(&encoded, POSTING_PART_MAX);
    memset(&table, 0, sizeof(table));
    put(postings, &table, data, size);
    postings_encode(postings, PART, &encoded);
    check(!encoded.overflowed && read_part(buffer_text(&encoded), &shown));
    check(memcmp(shown.of, table.of, sizeof(table.of)) == 0);
    buffer_reset(&encoded, POSTING_PART_MAX);
    postings_encode(postings, PART + 1, &encoded);
    check(encoded.length == 1);
    read_part(text_of(data, size), &shown);
    buffer_finish(&encoded);
    postings_free(&postings);
    return 0;
}
