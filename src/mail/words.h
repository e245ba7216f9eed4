/* The words of header fields (RFC 2047): "=?charset?B?...?=" as a person reads them. */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "mail/charset.h"

enum {
    MAIL_WORDS_MAX = 1 << 20, /* of a longer value only so much is decoded */
    MAIL_WORDS_COLUMN_MAX = 40
};

/* An unfolded value as UTF-8, in arena. Tolerant: what looks like an encoded word and can't be
 * read stays as it is; raw 8-bit is read as text without a charset, by the guess, which may be NULL
 * (mail/charset.h). White space between two encoded words is not theirs (6.2). */
struct text mail_words_decode(struct text value, struct charset_guess *guess, struct arena *arena);
/* UTF-8 as encoded words of at most 75 bytes, folded, for a field whose line stands at column
 * (at most MAIL_WORDS_COLUMN_MAX). Control bytes become spaces, and what is no UTF-8 "?". */
void mail_words_encode(struct text value, size_t column, struct buffer *out);

#endif
