/* Which mailboxes are meant (RFC 5465 6, RFC 7377 2.2): "personal", "subtree (a b)" and the like.
 * A new one is a row in imap_filter.c. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_FILTER_H
#define PROTO_IMAP_MAILBOX_IMAP_FILTER_H

#include "proto/imap/imap_session.h"

enum imap_filter_kind {
    FILTER_SELECTED,
    FILTER_SELECTED_DELAYED,
    FILTER_PERSONAL,
    FILTER_SUBSCRIBED,
    FILTER_SUBTREE, /* the names, and all below */
    FILTER_SUBTREE_ONE,
    FILTER_MAILBOXES,
};

struct imap_filter {
    enum imap_filter_kind kind;
    struct text *names; /* in the arena given */
    unsigned count;
};
enum { IMAP_FILTER_NAMES_MAX = 1000 };

/* Read one. YIELDS. */
void imap_lex_filter(struct imap_session *session, struct arena *arena, struct imap_filter *out);
/* A mailbox that the session names so is meant; the selected one by its own kinds only. is_own: it
 * is the user's. */
bool imap_filter_has(struct imap_session *session, const struct imap_filter *filter,
                     struct text name, bool is_own);

/* It may mean mailboxes of others as well. */
bool imap_filter_leaves_own(const struct imap_session *session, const struct imap_filter *filter);

#endif
