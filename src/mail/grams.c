#include "mail/grams.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/wire.h"

/* The version, for whom, then the distances from number to number, in 7 bits a byte, high
 * ones first. */
enum { WORD_BITS = 64, MORE = 0x80 };

struct grams {
    uint64_t words[GRAM_NUMBERS / WORD_BITS];
    unsigned char last[GRAM_BYTES - 1]; /* bytes before the next, and how many there are */
    unsigned held;
    uint64_t readers; /* charset_readers */
};

struct grams *grams_new(void)
{
    struct grams *grams = calloc(1, sizeof(*grams));
    check(grams != NULL);
    return grams;
}

void grams_free(struct grams **grams)
{
    free(*grams);
    *grams = NULL;
}

static uint16_t number_of(unsigned char a, unsigned char b, unsigned char c)
{
    /* Letters differ in few bits: an odd factor spreads them over the upper ones. */
    const uint32_t factor = 0x9e3779b1;
    uint32_t bytes = (uint32_t)a << 16 | (uint32_t)b << 8 | c;
    return (uint16_t)(bytes * factor >> 16);
}

static void add(void *grams, uint16_t number)
{
    ((struct grams *)grams)->words[number / WORD_BITS] |= UINT64_C(1) << (number % WORD_BITS);
}

void grams_feed(struct grams *grams, struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (grams->held == GRAM_BYTES - 1) {
            add(grams, number_of(grams->last[0], grams->last[1], byte));
            grams->last[0] = grams->last[1];
            grams->last[1] = byte;
        } else {
            grams->last[grams->held++] = byte;
        }
    }
}

void grams_break(struct grams *grams)
{
    grams->held = 0;
}

static void put_distance(struct buffer *out, unsigned distance)
{
    if (distance >= MORE * MORE)
        buffer_append_byte(out, (char)(MORE | distance >> 14));
    if (distance >= MORE)
        buffer_append_byte(out, (char)(MORE | (distance >> 7 & (MORE - 1))));
    buffer_append_byte(out, (char)(distance & (MORE - 1)));
}

void grams_set_readers(struct grams *grams, uint64_t readers)
{
    grams->readers |= readers;
}

void grams_encode(const struct grams *grams, struct buffer *out)
{
    unsigned next = 0;
    wire_put_u8(out, GRAMS_VERSION);
    wire_put_u64(out, grams->readers);
    for (unsigned i = 0; i < GRAM_NUMBERS / WORD_BITS; i++) {
        uint64_t word = grams->words[i];
        while (word != 0) {
            unsigned number = i * WORD_BITS + (unsigned)__builtin_ctzll(word);
            put_distance(out, number - next);
            next = number + 1;
            word &= word - 1;
        }
    }
}

static int compare_numbers(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

unsigned grams_of(struct text text, uint16_t numbers[GRAMS_WANTED_MAX])
{
    unsigned count = 0, kept = 0;
    const unsigned char *at = (const unsigned char *)text.data;
    for (size_t i = 0; i + GRAM_BYTES <= text.length && count < GRAMS_WANTED_MAX; i++)
        numbers[count++] = number_of(at[i], at[i + 1], at[i + 2]);
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    for (unsigned i = 0; i < count; i++)
        if (kept == 0 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    return kept;
}

struct walk {
    const unsigned char *at, *end;
    unsigned next;
    bool bad;
};

/* What stands before the distances, taken off. False: it is of another version. */
static bool take_head(struct text *encoded, uint64_t *readers)
{
    struct wire_reader in = wire_reader_of(*encoded);
    uint8_t version = wire_get_u8(&in);
    *readers = wire_get_u64(&in);
    *encoded = in.rest;
    return !in.bad && version == GRAMS_VERSION;
}

bool grams_are_for(struct text encoded, uint8_t charset)
{
    uint64_t readers;
    return take_head(&encoded, &readers) && charset_is_for(readers, charset);
}

uint64_t grams_readers(struct text encoded)
{
    uint64_t readers;
    return take_head(&encoded, &readers) ? readers : 0;
}

static bool walk_begin(struct text encoded, struct walk *walk)
{
    uint64_t readers;
    walk->bad = !take_head(&encoded, &readers);
    walk->at = (const unsigned char *)encoded.data;
    walk->end = walk->at + encoded.length;
    walk->next = 0;
    return !walk->bad;
}

/* False at the end, or where it is bad. */
static bool walk_next(struct walk *walk, uint16_t *number)
{
    unsigned distance = 0;
    if (walk->bad || walk->at == walk->end)
        return false;
    do {
        walk->bad = walk->at == walk->end || distance > GRAM_NUMBERS;
        if (walk->bad)
            return false;
        distance = distance << 7 | (*walk->at & (MORE - 1));
    } while ((*walk->at++ & MORE) != 0);
    walk->bad = distance >= GRAM_NUMBERS - walk->next;
    *number = (uint16_t)(walk->next + distance);
    walk->next += distance + 1;
    return !walk->bad;
}

bool grams_have(struct text encoded, const uint16_t *numbers, unsigned count)
{
    struct walk walk;
    uint16_t number;
    unsigned found = 0;
    if (!walk_begin(encoded, &walk))
        return true;
    while (found < count && walk_next(&walk, &number)) {
        if (number > numbers[found])
            return false;
        found += number == numbers[found];
    }
    return found == count || walk.bad;
}

bool grams_each(struct text encoded, grams_visit *visit, void *context)
{
    struct walk walk;
    uint16_t number;
    walk_begin(encoded, &walk);
    while (walk_next(&walk, &number))
        visit(context, number);
    return !walk.bad;
}

void grams_join(struct grams *grams, struct text encoded)
{
    if (grams_each(encoded, add, grams))
        grams->readers |= grams_readers(encoded);
}
