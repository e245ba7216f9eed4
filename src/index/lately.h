/* Values that were read from the engine lately, to be read again: what is sent is looked up when it
 * goes out, when it is reported, and when that is applied. So many of them, whatever they are of.
 * Included only from index/. */
#ifndef INDEX_LATELY_H
#define INDEX_LATELY_H

#include "base/text.h"

enum { LATELY_SLOTS = 1024, LATELY_BYTES_MAX = 1024 };

/* Key and value, in one allocation; NULL: empty. A key has one place, where the last one stays. */
struct lately {
    struct lately_slot {
        char *bytes;
        struct text key, value;
    } slots[LATELY_SLOTS];
};

void lately_finish(struct lately *lately);
/* False: it was not, or something else was since. The value is lent until the next call. */
bool lately_get(const struct lately *lately, struct text key, struct text *value);
/* Unless it is large. */
void lately_note(struct lately *lately, struct text key, struct text value);
/* The engine has another value now, or none. */
void lately_forget(struct lately *lately, struct text key);

#endif
