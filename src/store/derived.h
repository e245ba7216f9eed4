/* What was made from a message's bytes and is kept beside it, so that they need not be read again:
 * a cache in the index, made when first asked for, lost with the index and with the message. What
 * the bytes mean is for those who derive them; each kind carries a version of its own if it may
 * change. */
#ifndef STORE_DERIVED_H
#define STORE_DERIVED_H

#include "store/store.h"

enum derived_kind {
    DERIVED_HEADER = 1,    /* envelope and common header fields: proto/imap */
    DERIVED_STRUCTURE = 2, /* the tree of parts: proto/imap */
    DERIVED_FACTS = 3,     /* what is sorted and threaded by: proto/imap */
    DERIVED_PREVIEW = 4,   /* the beginning of its text: proto/imap */
    DERIVED_GRAMS = 5,     /* what its text may hold (mail/grams.h): proto/imap */
    DERIVED_PLAIN = 6,     /* what is given of it without HTML: store/reduced */
    DERIVED_HTML = 7,      /* and with HTML alone */
    DERIVED_KINDS,
};
enum { DERIVED_BYTES_MAX = 1 << 20 };

/* Into out (reset first). False: it was not made yet. */
bool derived_get(struct store *store, uint64_t message, enum derived_kind kind, struct buffer *out);
/* Keep it. Larger ones, and those of a message that is gone meanwhile, are dropped. Does not
 * YIELD. */
void derived_put(struct store *store, uint64_t message, enum derived_kind kind, struct text bytes);
/* Forget it, so that it is made anew. Does not YIELD. */
void derived_forget(struct store *store, uint64_t message, enum derived_kind kind);

/* For who asks for the same kinds of many messages, mostly in the order of their ids: the values
 * behind the one asked for are read with it, as long as they turn out to be wanted too. */
struct derived_run;
struct derived_run *derived_run_new(struct store *store);
void derived_run_free(struct derived_run **run);
/* As derived_get. What was kept or forgotten meanwhile may be told as it was before; of a message
 * that is gone too. */
bool derived_run_get(struct derived_run *run, uint64_t message, enum derived_kind kind,
                     struct buffer *out);

#endif
