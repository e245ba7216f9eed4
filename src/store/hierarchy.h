/* The names of an owner's mailboxes: UTF-8, levels parted by "/". "INBOX" is always there. A name
 * above others that has no mailbox of its own ("a", when there is "a/b" alone) is no mailbox, but
 * it is a name that can be renamed, and made one.
 *
 * Names are changed by one task at a time, over the whole store. */
#ifndef STORE_HIERARCHY_H
#define STORE_HIERARCHY_H

#include "store/mailbox.h"

enum naming {
    NAMING_DONE,
    NAMING_EXISTS,       /* the new name, or one below it, is taken */
    NAMING_MISSING,      /* there is no such mailbox */
    NAMING_HAS_CHILDREN, /* it is no mailbox, but others lie below */
    NAMING_MALFORMED,    /* an empty level, a control character, no UTF-8, too long */
    NAMING_INBOX,        /* not with INBOX */
    NAMING_WITHIN,       /* a mailbox can't go below itself */
    NAMING_TOO_MANY,     /* mailboxes of the owner */
    NAMING_LATER,        /* fail_reason() */
};
enum { MAILBOXES_MOST = 10000 }; /* of one owner */

/* With all levels above that are missing. uses: mailbox_use bits of the mailbox itself. YIELDS. */
enum naming mailbox_create(struct store *store, struct text owner, struct text name, unsigned uses);
/* With what is in it. Those below stay. YIELDS. */
enum naming mailbox_delete(struct store *store, struct text owner, struct text name);
/* The same, with what compose adds to the last record: it must not YIELD. Values of the owner whose
 * names begin with "mailbox/ID/" (16 hex digits) go with the mailbox by themselves. YIELDS. */
typedef void mailbox_delete_compose(void *context, const struct mailbox *box,
                                    struct change *change);
enum naming mailbox_delete_with(struct store *store, struct text owner, struct text name,
                                mailbox_delete_compose *compose, void *context);
/* With all below. Of INBOX the messages go to a new mailbox, and nothing else (RFC 3501 6.3.5).
 * YIELDS. */
enum naming mailbox_rename(struct store *store, struct text owner, struct text from,
                           struct text to);

/* What a mailbox is for: mailbox_use bits. REFUSED: it is gone. YIELDS. */
enum status mailbox_set_uses(struct store *store, uint64_t id, unsigned uses);

/* A name that may be given to a mailbox. */
bool mailbox_name_is_valid(struct text owner, struct text name);
/* The mailboxes of an owner whose names begin with prefix, in bytewise order, until visit returns
 * false. It must not change names or YIELD. */
typedef bool mailbox_name_visit(void *context, struct text name, struct mailbox *box);
void mailbox_each_name(struct store *store, struct text owner, struct text prefix,
                       mailbox_name_visit *visit, void *context);

/* Everybody who has a mailbox, in bytewise order, until visit returns false. It must not YIELD. */
typedef bool mailbox_owner_visit(void *context, struct text owner);
void mailbox_each_owner(struct store *store, mailbox_owner_visit *visit, void *context);

/* INBOX, and at the owner's first time also what mail programs look for: Drafts, Sent, Trash, Junk
 * and Archive, subscribed. YIELDS. */
enum status mailboxes_begin(struct store *store, struct text owner);

/* Subscriptions are of names, and outlive the mailbox (RFC 9051 6.3.7). YIELDS. */
enum status mailbox_subscribe(struct store *store, struct text owner, struct text name, bool on);
bool mailbox_is_subscribed(struct store *store, struct text owner, struct text name);
/* In bytewise order. */
typedef bool mailbox_subscription_visit(void *context, struct text name);
void mailbox_each_subscription(struct store *store, struct text owner,
                               mailbox_subscription_visit *visit, void *context);

#endif
