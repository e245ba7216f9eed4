/* Keys in order, with their values, in memory: a skip list. Included only from index/. */
#ifndef INDEX_SORTED_H
#define INDEX_SORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { SORTED_LEVELS = 12 };

/* Key and value stand behind it, in the same allocation. */
struct sorted_key {
    struct text key, value;
    uint64_t beginning; /* of the key: sorted_beginning */
    unsigned marks;     /* the owner's; 0 in a new one */
    unsigned level_count;
    struct sorted_key *next[];
};

struct sorted {
    struct sorted_key *head; /* has every level and no key */
    size_t count, bytes;     /* of all of them */
    uint64_t random;
};

void sorted_init(struct sorted *sorted);
void sorted_finish(struct sorted *sorted);
void sorted_clear(struct sorted *sorted);

/* Set. One that was there keeps its marks, and its address is another. Lent until it changes. */
struct sorted_key *sorted_put(struct sorted *sorted, struct text key, struct text value);
void sorted_remove(struct sorted *sorted, struct text key);
/* NULL: it is not there. */
struct sorted_key *sorted_find(const struct sorted *sorted, struct text key);
/* The first at or behind this key, or NULL; ->next[0] is the one after it. */
struct sorted_key *sorted_seek(const struct sorted *sorted, struct text key);

/* The first 8 bytes as a number, zeros behind a shorter key. Where these differ keys sort as they
 * do. */
uint64_t sorted_beginning(struct text key);

#endif
