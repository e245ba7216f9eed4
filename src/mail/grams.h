/* Which three bytes stand beside each other in a text, roughly: each such gram is one of 65536
 * numbers. A text that holds another has all grams of it, so a text that lacks one of them need not
 * be looked at; that it has them all proves nothing. */
#ifndef MAIL_GRAMS_H
#define MAIL_GRAMS_H

#include "base/buffer.h"
#include "mail/charset.h"

enum {
    /* The version of what is encoded, not 0: another one when other text is fed for the same
     * message. */
    GRAMS_VERSION = 3,
    GRAM_BYTES = 3,
    GRAM_NUMBERS = 1 << 16,
    GRAMS_WANTED_MAX = 64,                     /* of a long text to be found these are enough */
    GRAMS_ENCODED_MAX = 2 * GRAM_NUMBERS + 16, /* bytes */
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
/* What is fed is for these alone (charset_readers), not 0. */
void grams_set_readers(struct grams *grams, uint64_t readers);
/* Take in what was encoded of the same message before, for other readers; what is not of this
 * version, or malformed, is left out. */
void grams_join(struct grams *grams, struct text encoded);
/* Append them, in some bytes a gram. */
void grams_encode(const struct grams *grams, struct buffer *out);

/* What a text that is looked for has: ascending, none twice. 0: it is too short to have any. */
unsigned grams_of(struct text text, uint16_t numbers[GRAMS_WANTED_MAX]);
/* Has what was encoded all of these? Bytes that grams_encode did not make have everything. */
bool grams_have(struct text encoded, const uint16_t *numbers, unsigned count);
/* Was it encoded in this version, for one who guesses this charset among others? */
bool grams_are_for(struct text encoded, uint8_t charset);
/* Who was it encoded for (charset_readers)? 0, too, when it was not in this version. */
uint64_t grams_readers(struct text encoded);
/* Show each number of what was encoded, ascending. False: the bytes are malformed. */
typedef void grams_visit(void *context, uint16_t number);
bool grams_each(struct text encoded, grams_visit *visit, void *context);

#endif
