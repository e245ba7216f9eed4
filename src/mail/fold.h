/* Text in the form in which it is searched: case, compatible forms of a character, and how much
 * white space there is make no difference (close to i;unicode-casemap, RFC 5051). */
#ifndef MAIL_FOLD_H
#define MAIL_FOLD_H

#include "base/buffer.h"

/* Append the folded text; every run of white space is one space. What is no UTF-8 stays as it is.
 * Folding pieces that are cut at white space, and joining them, is folding the whole. */
void mail_fold(struct text text, struct buffer *out);

#endif
