/* The SASL mechanisms (RFC 4422) that a server may offer: their names, what they need, and which
 * word of the settings turns them on. How they work is known in directory/ alone, in the auth role.
 */
#ifndef PROC_MECHANISMS_H
#define PROC_MECHANISMS_H

#include "base/buffer.h"

/* In the order in which they are offered: many clients take the first they know. Not on disk, not
 * between versions; between our own roles. */
enum mechanism {
    MECHANISM_PLAIN, /* RFC 4616 */
    MECHANISM_LOGIN, /* draft-murchison-sasl-login */
    MECHANISM_COUNT
};

enum mechanism_flags {
    MECHANISM_PLAIN_TEXT = 1,   /* the secret itself is sent: under TLS, unless told otherwise */
    MECHANISM_NEEDS_TLS = 2,    /* never without TLS */
    MECHANISM_BINDS = 4,        /* to the TLS channel (a -PLUS): only where it has a binding */
    MECHANISM_STANDARD = 8,     /* offered when the settings say nothing */
    MECHANISM_SERVER_FIRST = 16 /* the server speaks first: no response with the command */
};

struct mechanism_row {
    const char *name;
    const char *word; /* of the `login` setting; several mechanisms may share one */
    unsigned flags;
};

extern const struct mechanism_row mechanism_rows[MECHANISM_COUNT];

/* By name, any case; MECHANISM_COUNT when there is none. */
enum mechanism mechanism_find(struct text name);

/* The names of a set of MECHANISM_BITs, with a space between two. */
void mechanism_write(uint32_t set, struct buffer *out);

#define MECHANISM_BIT(mechanism) (UINT32_C(1) << (mechanism))

#endif
