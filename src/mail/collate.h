/* The order in which people's texts are sorted, and when two are the same: i;unicode-casemap
 * (RFC 5051). For looking for text within text see fold.h. */
#ifndef MAIL_COLLATE_H
#define MAIL_COLLATE_H

#include "base/buffer.h"

/* Append the text's key: the bytewise order of keys is the order of texts, and equal texts have
 * equal keys. What is no UTF-8 stands for itself, byte by byte. */
void mail_collate(struct text text, struct buffer *out);

#endif
