/* The purported responsible address of a message (RFC 4407): who, by its header, put it on its way
 * last. Pure. */
#ifndef MAIL_PRA_H
#define MAIL_PRA_H

#include "base/arena.h"

struct mail_pra {
    struct text field;   /* "From", as RFC 4407 calls it */
    struct text address; /* canonical */
    struct text domain;  /* A-labels */
};
/* Of a header section. False when there is none: a field is missing, or malformed, or stands there
 * too often. In arena. Linear in time. */
bool mail_pra_find(struct text section, struct arena *arena, struct mail_pra *out);

#endif
