/* The active Sieve scripts of mailboxes' owners, and what answers while they are away
 * (account/absence.h), compiled, and who has neither: so that most mail
 * costs no look-up. The store tells of each change of an owner's values, and that owner is
 * forgotten. Included only from queue/. */
#ifndef QUEUE_FILTER_SCRIPTS_CACHE_H
#define QUEUE_FILTER_SCRIPTS_CACHE_H

#include "sieve/sieve.h"
#include "store/store.h"

struct scripts_cache;

/* Owners known, and bytes of scripts: beyond, all is forgotten. */
enum { SCRIPTS_CACHE_OWNERS = 100000, SCRIPTS_CACHE_BYTES = 32 << 20 };

struct cached_script {
    struct sieve_script *compiled;           /* NULL: there is none, or it does not compile */
    struct text name, error;                 /* owned; error says why */
    struct sieve_script *absence;            /* answers while the owner is away; or NULL */
    int64_t absent_from_ms, absent_until_ms; /* then: wall; 0: open */
};

struct scripts_cache *scripts_cache_new(void);
/* Accepts NULL. */
void scripts_cache_free(struct scripts_cache **cache);
/* NULL when the owner has no active script and is never away. Lent until the next yield. */
const struct cached_script *scripts_cache_find(struct scripts_cache *cache, struct store *store,
                                               struct text owner);
/* This value of the owner was changed. Does not yield. */
void scripts_cache_changed(struct scripts_cache *cache, struct text owner, struct text name);

#endif
