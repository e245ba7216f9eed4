/* The display name of a message's author (RFC 5322 3.4): found in a header section, and written
 * anew. Pure. */
#ifndef MAIL_DISPLAY_NAME_H
#define MAIL_DISPLAY_NAME_H

#include "mail/address.h"
#include "mail/header.h"

struct display_name {
    struct header_field field; /* From, in the section */
    struct text name;          /* decoded; "" when there is none */
    struct mail_address address;
};
/* Of the one author. False: there is no From field or several, or it names nobody, several, or by
 * an address that is none of SMTP's. Texts live in arena or are lent by the section. */
bool display_name_find(struct text section, struct arena *arena, struct display_name *out);

/* A From field of that address with this name in UTF-8, which is not "", its end included. */
void display_name_write(struct text name, const struct mail_address *address, struct buffer *out);

#endif
