#include "mail/postings.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* A part: the version, then of each gram that somebody has its number in the part, a length, and so
 * many bytes: the distances from member to member, in 7 bits a byte, high ones first; or where that
 * is longer, a bit for each member. */
enum {
    VERSION = 1,
    WORD_BITS = 64,
    WORDS = BLOCK_MEMBERS / WORD_BITS,
    GRAMS = GRAM_NUMBERS / POSTING_PARTS,
    BITS_BYTES = BLOCK_MEMBERS / 8,
    MORE = 0x80,
};
_Static_assert(GRAMS == 256, "a gram's number in its part is a byte");
_Static_assert(BITS_BYTES == MORE, "lists are shorter");

void members_add(struct members *members, unsigned member)
{
    members->words[member / WORD_BITS] |= UINT64_C(1) << (member % WORD_BITS);
}

bool members_have(const struct members *members, unsigned member)
{
    return (members->words[member / WORD_BITS] >> (member % WORD_BITS) & 1) != 0;
}

unsigned members_count(const struct members *members)
{
    unsigned count = 0;
    for (unsigned i = 0; i < WORDS; i++)
        count += (unsigned)__builtin_popcountll(members->words[i]);
    return count;
}

void members_join(struct members *members, const struct members *more)
{
    for (unsigned i = 0; i < WORDS; i++)
        members->words[i] |= more->words[i];
}

/* Making */

struct postings {
    struct members lists[GRAM_NUMBERS];
};

struct postings *postings_new(void)
{
    struct postings *postings = calloc(1, sizeof(*postings));
    check(postings != NULL);
    return postings;
}

void postings_free(struct postings **postings)
{
    free(*postings);
    *postings = NULL;
}

void postings_add(struct postings *postings, unsigned member, uint16_t gram)
{
    check(member < BLOCK_MEMBERS);
    members_add(&postings->lists[gram], member);
}

/* How many bytes; BITS_BYTES: it would be no shorter. */
static unsigned put_distances(const struct members *members, char out[BITS_BYTES])
{
    unsigned next = 0, length = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        for (uint64_t word = members->words[i]; word != 0; word &= word - 1) {
            unsigned member = i * WORD_BITS + (unsigned)__builtin_ctzll(word);
            unsigned distance = member - next;
            if (length + 2 >= BITS_BYTES)
                return BITS_BYTES;
            if (distance >= MORE)
                out[length++] = (char)(MORE | distance >> 7);
            out[length++] = (char)(distance & (MORE - 1));
            next = member + 1;
        }
    }
    return length;
}

static void put_bits(const struct members *members, char out[BITS_BYTES])
{
    memset(out, 0, BITS_BYTES);
    for (unsigned member = 0; member < BLOCK_MEMBERS; member++)
        if (members_have(members, member))
            out[member / 8] = (char)(out[member / 8] | 1 << member % 8);
}

void postings_encode(const struct postings *postings, unsigned part, struct buffer *out)
{
    buffer_append_byte(out, VERSION);
    for (unsigned i = 0; i < GRAMS; i++) {
        char bytes[BITS_BYTES];
        const struct members *members = &postings->lists[part * GRAMS + i];
        unsigned length = put_distances(members, bytes);
        if (length == 0)
            continue;
        if (length == BITS_BYTES)
            put_bits(members, bytes);
        buffer_append_byte(out, (char)i);
        buffer_append_byte(out, (char)length);
        buffer_append(out, text_of(bytes, length));
    }
}

/* Reading */

unsigned postings_part(uint16_t gram)
{
    return gram / GRAMS;
}

static bool take_distances(struct text bytes, struct members *out)
{
    unsigned next = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned distance = (unsigned char)bytes.data[i];
        if (distance >= MORE && ++i == bytes.length)
            return false;
        if (distance >= MORE)
            distance = (distance & (MORE - 1)) << 7 | (unsigned char)bytes.data[i];
        if (distance >= BLOCK_MEMBERS - next)
            return false;
        members_add(out, next + distance);
        next += distance + 1;
    }
    return true;
}

static void take_bits(struct text bytes, struct members *out)
{
    for (unsigned member = 0; member < BLOCK_MEMBERS; member++)
        if ((bytes.data[member / 8] >> member % 8 & 1) != 0)
            members_add(out, member);
}

static bool begin(struct text *encoded)
{
    bool is_good = encoded->length > 0 && encoded->data[0] == VERSION;
    *encoded = text_from_position(*encoded, 1);
    return is_good;
}

/* The next list, not yet looked into. False at the end, or where it is bad, which *good says. */
static bool next_list(struct text *rest, int *gram, struct text *bytes, bool *good)
{
    if (rest->length == 0)
        return false;
    size_t length = rest->length > 1 ? (unsigned char)rest->data[1] : 0;
    int number = (unsigned char)rest->data[0];
    *good = number > *gram && length > 0 && length <= BITS_BYTES && rest->length >= 2 + length;
    *gram = number;
    *bytes = text_head(text_from_position(*rest, 2), length);
    *rest = text_from_position(*rest, 2 + length);
    return *good;
}

static bool take_list(struct text bytes, struct members *out)
{
    *out = (struct members){{0}};
    if (bytes.length < BITS_BYTES)
        return take_distances(bytes, out);
    take_bits(bytes, out);
    return true;
}

bool postings_keep(struct text encoded, uint16_t gram, struct members *members)
{
    struct text bytes;
    struct members having = {{0}};
    int at = -1, wanted = gram % GRAMS;
    bool good = begin(&encoded);
    while (good && at < wanted && next_list(&encoded, &at, &bytes, &good))
        if (at == wanted)
            good = take_list(bytes, &having);
    for (unsigned i = 0; good && i < WORDS; i++)
        members->words[i] &= having.words[i];
    return good;
}

bool postings_each(struct text encoded, unsigned part, postings_visit *visit, void *context)
{
    struct text bytes;
    int gram = -1;
    bool good = begin(&encoded);
    while (good && next_list(&encoded, &gram, &bytes, &good)) {
        struct members having;
        good = take_list(bytes, &having);
        for (unsigned member = 0; good && member < BLOCK_MEMBERS; member++)
            if (members_have(&having, member))
                visit(context, (uint16_t)(part * GRAMS + (unsigned)gram), member);
    }
    return good;
}
