/* Sets of messages (RFC 9051 9, sequence-set): "1:3,5,8:*". */
#ifndef PROTO_IMAP_IMAP_SET_H
#define PROTO_IMAP_IMAP_SET_H

#include "proto/imap/imap_lex.h"
#include "store/view.h"

struct imap_range {
    uint32_t first, last;
};
/* Ranges ascend and neither touch nor overlap, once resolved. */
struct imap_set {
    struct imap_range *ranges; /* in an arena */
    unsigned count;
    bool is_saved; /* "$" was written: what the session saved */
};

/* As written: 0 stands for "*". */
void imap_lex_set(struct imap_lex *lex, struct imap_set *out);
/* Put a number in the place of "*", sort and join. star 0: there is no message, and ranges that
 * name nothing but "*" fall away. */
void imap_set_resolve(struct imap_set *set, uint32_t star);
/* Sort and join ranges in place. */
void imap_set_normalise(struct imap_set *set);

/* A set of numbers as a set of UIDs: a run of numbers is a run of UIDs. False when it names a
 * number that does not exist. Unresolved before, resolved after. */
bool imap_set_to_uids(struct imap_set *set, const struct view *view);

bool imap_set_has(const struct imap_set *set, uint32_t value);
/* The first entry the view knows with a UID above `after` that is in the set; NULL: no more. */
const struct mailbox_entry *imap_set_next(const struct imap_set *set, const struct view *view,
                                          uint32_t after);

/* A set being gathered from ascending values. */
struct imap_set_builder {
    struct arena *arena;
    struct imap_set set;
};
void imap_set_add(struct imap_set_builder *builder, uint32_t value);
void imap_set_add_range(struct imap_set_builder *builder, uint32_t first, uint32_t last);
/* "1:3,5" */
void imap_set_put(struct buffer *out, const struct imap_set *set);

#endif
