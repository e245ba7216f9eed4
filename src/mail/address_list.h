/* The address lists of header fields (RFC 5322 3.4, obsolete forms included): From, To, Cc ...
 * Tolerant: a header field is what somebody wrote, and what can't be read is given as far as it
 * can. Linear in time. For paths of SMTP, which are strict, see address.h. */
#ifndef MAIL_ADDRESS_LIST_H
#define MAIL_ADDRESS_LIST_H

#include "base/arena.h"

enum mail_entry_kind { MAIL_ENTRY_ADDRESS, MAIL_ENTRY_GROUP, MAIL_ENTRY_GROUP_END };

struct mail_entry {
    enum mail_entry_kind kind;
    /* Display name, or of the group: unquoted, not decoded (words.h); the last comment where there
     * is none. */
    struct text name;
    struct text route;      /* "@a,@b" of an obsolete source route, or "" */
    struct text local_part; /* unquoted */
    struct text domain; /* as written, without white space and comments; "" when it is missing */
};

/* Take the next entry off *rest, an unfolded field. False at the end. Texts live in arena. */
bool mail_entry_next(struct text *rest, struct arena *arena, struct mail_entry *out);

#endif
