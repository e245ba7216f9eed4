/* Templates of addresses, as recipient policies have them: "%g.%s@example.org" makes
 * Anna.Berg@example.org of Anna Berg.
 *
 *   %m alias (what stands before @ in the user's own address)   %g given name   %i initials
 *   %s surname   %d display name   %1g, %3s: so many characters of it   %rxy: x becomes y from here
 *   on, and with %rxx x is left out   %%: a per cent sign
 *
 * "@example.org" is short for "%m@example.org". Pure. */
#ifndef SETTINGS_ADDRESS_TEMPLATE_H
#define SETTINGS_ADDRESS_TEMPLATE_H

#include "base/arena.h"
#include "base/status.h"

enum { ADDRESS_TEMPLATE_MAX = 200 };

struct address_parts {
    struct text alias, given, initials, surname, display; /* ASCII */
};

/* REFUSED with what is wrong. */
enum status address_template_check(struct text written);
/* What stands behind its last @. */
struct text address_template_domain(struct text written);
/* The local part, in arena: letters, digits and what else an unquoted one may hold; the rest is
 * left out. "" when nothing is left, or when a name that is asked for is not known. */
struct text address_template_expand(struct text written, const struct address_parts *parts,
                                    struct arena *arena);

#endif
