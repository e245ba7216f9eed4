/* Which three bytes stand beside each other in a text, roughly: each such gram is one of 65536
 * numbers. A text that holds another has all grams of it, so a text that lacks one of them need not
 * be looked at; that it has them all proves nothing. */
#ifndef MAIL_GRAMS_H
#define MAIL_GRAMS_H

#include "base/buffer.h"

enum {
    GRAM_BYTES = 3,
    GRAM_NUMBERS = 1 << 16,
    GRAMS_WANTED_MAX = 64,                    /* of a long text to be found these are enough */
    GRAMS_ENCODED_MAX = 2 * GRAM_NUMBERS + 8, /* bytes */
};

/* The grams of what is fed to it. */
struct grams;

struct grams *grams_new(void);
/* Accepts NULL. */
void grams_free(struct grams **grams);
/* Text that goes on where the last one ended. */
void grams_feed(struct grams *grams, struct text text);
/* What comes next stands elsewhere: no gram reaches over. */
void grams_break(struct grams *grams);
/* The version of what is encoded, not 0: another one when other text is fed for the same message,
 * or when text is made of bytes otherwise (charset_version). What was encoded begins with it. */
uint8_t grams_version(void);
/* Append them, in some bytes a gram. */
void grams_encode(const struct grams *grams, struct buffer *out);

/* What a text that is looked for has: ascending, none twice. 0: it is too short to have any. */
unsigned grams_of(struct text text, uint16_t numbers[GRAMS_WANTED_MAX]);
/* Has what was encoded all of these? Bytes that grams_encode did not make have everything. */
bool grams_have(struct text encoded, const uint16_t *numbers, unsigned count);
/* Was it encoded in this version? */
bool grams_are_of_today(struct text encoded);
/* Show each number of what was encoded, ascending. False: the bytes are malformed. */
typedef void grams_visit(void *context, uint16_t number);
bool grams_each(struct text encoded, grams_visit *visit, void *context);

#endif
