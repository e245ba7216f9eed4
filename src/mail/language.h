/* Which languages a message speaks of: Content-Language and Accept-Language (RFC 3282), tags of
 * RFC 5646, and finding one that is there (lookup, RFC 4647 3.4). Pure, linear, bounded. */
#ifndef MAIL_LANGUAGE_H
#define MAIL_LANGUAGE_H

#include "base/text.h"

enum {
    LANGUAGE_TAG_MAX = 35,     /* RFC 5646 4.4.1 */
    LANGUAGE_LIST_MAX = 20,    /* of a longer list the rest does not count */
    LANGUAGE_FIELD_MAX = 1000, /* a longer field is not read at all */
    LANGUAGE_WEIGHT_MAX = 1000
};

/* One to eight letters, then subtags of one to eight letters or digits, joined by "-". */
bool language_tag_is_valid(struct text tag);

struct language_range {
    struct text tag; /* a tag, or "*"; borrowed, in any case */
    unsigned weight; /* thousandths, 1 to LANGUAGE_WEIGHT_MAX */
};

/* The ranges of a field's body (folding and comments may be in it), the dearest first and otherwise
 * in their order; those with q=0 are left out. Returns how many; 0 too when the body is malformed
 * or longer than LANGUAGE_FIELD_MAX. */
unsigned language_list_parse(struct text body, struct language_range out[LANGUAGE_LIST_MAX]);

/* RFC 4647 3.4: the range as it is, then ever shorter ("zh-Hant-TW", "zh-Hant", "zh"). False, and
 * *range stays, when it can be no shorter. */
bool language_shorten(struct text *range);

#endif
