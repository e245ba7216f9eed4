/* Comparing values with keys (RFC 5228 2.7, relational RFC 5231, regex). Included only from
 * sieve/. */
#ifndef SIEVE_MATCH_H
#define SIEVE_MATCH_H

#include "sieve/run.h"

/* Is what the node says of comparator and match type possible? extensions are those required. */
bool match_check(const struct sieve_node *node, uint64_t extensions, const char **why);

/* One test: keys, and values one after the other. */
struct matching {
    struct sieve_run *run;
    const struct sieve_node *node;
    const struct text *keys;
    unsigned key_count;
    uint64_t values; /* so far, for :count */
    bool holds;
};
/* keys: the node's argument with the list of keys. */
void match_begin(struct matching *matching, struct sieve_run *run, const struct sieve_node *node,
                 const struct sieve_argument *keys);
/* True when the test is decided: nothing more need be shown. */
bool match_value(struct matching *matching, struct text value);
/* All values were shown. */
bool match_end(struct matching *matching);

#endif
