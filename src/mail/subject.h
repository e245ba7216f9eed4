/* What a subject is about, without what replying and forwarding put around it (RFC 5256 2.1). */
#ifndef MAIL_SUBJECT_H
#define MAIL_SUBJECT_H

#include "base/arena.h"
#include "mail/charset.h"

/* The base subject of a field's unfolded value, decoded by mail_words_decode, in arena. is_reply:
 * "Re:", "Fwd:", "(fwd)" or "[fwd: ...]" was taken off. Linear in time. */
struct text mail_subject_base(struct text value, struct charset_guess *guess, struct arena *arena,
                              bool *is_reply);

#endif
