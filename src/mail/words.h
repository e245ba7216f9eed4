/* The words of header fields (RFC 2047): "=?charset?B?...?=" as a person reads them. */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include "base/arena.h"

enum { MAIL_WORDS_MAX = 1 << 20 }; /* of a longer value only so much is decoded */

/* An unfolded value as UTF-8, in arena. Tolerant: what looks like an encoded word and can't be
 * read stays as it is; raw 8-bit is UTF-8 or, failing that, windows-1252. White space between two
 * encoded words is not theirs (6.2). */
struct text mail_words_decode(struct text value, struct arena *arena);

#endif
