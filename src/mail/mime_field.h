/* Structured MIME fields: "value; name=value; ..." as in Content-Type and Content-Disposition
 * (RFC 2045 5.1, RFC 2183), with the continuations and charsets of RFC 2231. Tolerant: what cannot
 * be read is left out. */
#ifndef MAIL_MIME_FIELD_H
#define MAIL_MIME_FIELD_H

#include "base/arena.h"

/* Of a longer field the rest is ignored, and so are parameters past the limit. */
enum { MIME_FIELD_MAX = 16384, MIME_PARAMETERS_MAX = 64 };

struct mime_parameter {
    struct mime_parameter *next;
    struct text name;    /* lower case, without the marks of RFC 2231 */
    struct text value;   /* unquoted, continuations joined, percent-decoded; may hold any byte */
    struct text charset; /* of value, as RFC 2231 gave it, lower case; "" when not given */
};

struct mime_field {
    struct text value;   /* lower case: "text" or "inline"; "" when there is none */
    struct text subtype; /* what stands after "/", lower case; "" when there is none */
    struct mime_parameter *parameters; /* in order of appearance, one of a name */
};

/* body as header_next gives it. All that is found lives in arena. */
void mime_field_parse(struct text body, struct arena *arena, struct mime_field *out);
/* Value of the parameter with this name, or NULL. */
const struct mime_parameter *mime_parameter_find(const struct mime_field *field, struct text name);

#endif
