/* Notes on mailboxes and on the server (RFC 5464): "/private/comment" is each user's own,
 * "/shared/comment" everybody's. They go with the mailbox, whatever it is named, and end with it.
 */
#ifndef ACCOUNT_ANNOTATION_H
#define ACCOUNT_ANNOTATION_H

#include "account/account.h"
#include "store/mailbox.h"

enum {
    ANNOTATION_NAME_MAX = 200,
    ANNOTATION_VALUE_MAX = 64 << 10,
    ANNOTATIONS_MAX = 100, /* of one user on one mailbox; as many shared ones */
};

/* Whose notes on what. */
struct annotation_scope {
    struct store *store;
    const struct mailbox *box; /* NULL: the server */
    struct text user;
};

/* An entry's name in the form it is kept in (lower case), in arena. False: it can't be one. */
bool annotation_name(struct text written, struct arena *arena, struct text *out);
bool annotation_is_private(struct text name);

/* The entry itself, then those below it, in bytewise order, until visit returns false. "/private"
 * and
 * "/shared" are no entries, but all lie below them. */
typedef bool annotation_visit(void *context, struct text name, struct text value);
void annotation_each(const struct annotation_scope *scope, struct text name,
                     annotation_visit *visit, void *context);

struct annotation {
    struct text name;
    struct text value; /* data NULL: to be removed */
};
enum annotating {
    ANNOTATING_DONE,
    ANNOTATING_TOO_MANY,
    ANNOTATING_TOO_LARGE, /* a value */
    ANNOTATING_GONE,      /* the mailbox is */
    ANNOTATING_LATER,     /* fail_reason() */
};
/* Set all of them or none. The mailbox is looked up anew by its id (0: the server). YIELDS. */
enum annotating annotation_set(struct store *store, uint64_t mailbox, struct text user,
                               const struct annotation *annotations, unsigned count);

#endif
