/* Where a name leads (RFC 2342): to the user's own mailboxes, to another user's, or to the public
 * ones.
 *
 *     Work                              the user's own
 *     Other Users/bob@example.org/Work  bob's, if he shared it
 *     Public/News                       the site's
 *
 * The names of others are as they are for their owner behind the prefix, INBOX too. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_PLACE_H
#define PROTO_IMAP_MAILBOX_IMAP_PLACE_H

#include "proto/imap/imap_session.h"

#define IMAP_OTHERS "Other Users/"
#define IMAP_PUBLIC "Public/"

struct imap_place {
    struct text owner, name;
};
/* Borrows from name, which is decoded. What leads nowhere is a name that no mailbox has. */
struct imap_place imap_place_of(const struct imap_session *session, struct text name);
/* The same for what this user means by it. */
struct imap_place imap_place_for(struct text user, struct text name);
/* How the session names it. */
struct text imap_shown_name(const struct imap_session *session, const struct mailbox *box,
                            struct arena *arena);
/* That, as an astring, appended to session->out. */
void imap_put_mailbox_name(struct imap_session *session, const struct mailbox *box);
/* The mailbox of this name, or the first above it that there is; NULL: none. */
struct mailbox *imap_find_above(const struct imap_session *session, const struct imap_place *place);

#endif
