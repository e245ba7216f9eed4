/* A part of what was found (RFC 9394): places, from the beginning or from the end. */
#ifndef PROTO_IMAP_IMAP_PARTIAL_H
#define PROTO_IMAP_IMAP_PARTIAL_H

#include "proto/imap/imap_set.h"

struct imap_partial {
    int64_t first, last; /* 1: the first; -1: the last */
};

/* " 1:10", " -1:-10", after the word. */
void imap_lex_partial(struct imap_lex *lex, struct imap_partial *out);
/* The places of `count` as [first, end), the first being 0. */
void imap_partial_bounds(const struct imap_partial *partial, uint32_t count, uint32_t *first,
                         uint32_t *end);
/* Add to `out` what stands at these places of `count` values, in their order. */
void imap_partial_take(const struct imap_partial *partial, const struct imap_set *of,
                       uint32_t count, struct imap_set_builder *out);

#endif
