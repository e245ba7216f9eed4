/* What mailboxes are for, by name (RFC 6154 2). */
#ifndef STORE_USES_H
#define STORE_USES_H

#include "store/mailbox.h"

enum { MAILBOX_USES = 7 };
struct mailbox_use_name {
    const char *name; /* "\Sent" */
    enum mailbox_use use;
};
extern const struct mailbox_use_name mailbox_use_names[MAILBOX_USES];

/* "\Sent", in any case of letters, as a mailbox_use bit; 0: none is called so. */
unsigned mailbox_use_named(struct text name);

#endif
