/* SASLprep (RFC 4013): the form in which names and passwords are compared, so that one typed with
 * another keyboard or composed otherwise is the same. */
#ifndef SASL_SASLPREP_H
#define SASL_SASLPREP_H

#include "base/buffer.h"

/* Append the prepared form. ASCII without control bytes is its own. False: not UTF-8, or it has
 * characters that are not allowed. Unassigned code points are let through, as for queries. */
bool saslprep(struct text text, struct buffer *out);

#endif
