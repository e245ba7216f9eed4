/* Grams. Any bytes as an encoding: what is shown of it ascends, and "has" agrees with it. Any bytes
 * as a text: it has the grams of each of its parts, however it was cut. */
#include <string.h>

#include "base/check.h"
#include "mail/grams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct shown {
    bool has[GRAM_NUMBERS];
    int last;
};

static void show(void *context, uint16_t number)
{
    struct shown *shown = context;
    check(number > shown->last);
    shown->last = number;
    shown->has[number] = true;
}

static void read_encoding(struct text encoded)
{
    static struct shown shown;
    memset(&shown, 0, sizeof(shown));
    shown.last = -1;
    bool is_good = grams_each(encoded, show, &shown);
    for (unsigned i = 0; i < 64; i++) {
        uint16_t number = (uint16_t)(i * 1021);
        bool have = grams_have(encoded, &number, 1);
        check(is_good ? have == shown.has[number] : have || !shown.has[number]);
    }
}

static void read_text(struct text text, size_t cut, size_t part)
{
    struct grams *grams = grams_new();
    struct buffer encoded;
    uint16_t numbers[GRAMS_WANTED_MAX];
    buffer_init(&encoded, GRAMS_ENCODED_MAX);
    grams_feed(grams, text_head(text, cut));
    grams_feed(grams, text_from_position(text, cut));
    grams_encode(grams, &encoded);
    check(!encoded.overflowed);
    unsigned count = grams_of(text_from_position(text, part), numbers);
    check(grams_have(buffer_text(&encoded), numbers, count));
    buffer_finish(&encoded);
    grams_free(&grams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct text text = text_of(data + 2, size - 2);
    read_encoding(text);
    read_text(text, data[0] % text.length, data[1] % text.length);
    return 0;
}
