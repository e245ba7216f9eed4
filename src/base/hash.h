/* Hashes: one for integrity on disk, one keyed for maps. Neither is cryptographic. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/text.h"

/* XXH3, 64 bits: checksums of log records. Stable across machines and versions. */
uint64_t hash_checksum(struct text bytes);
/* The same chained over pieces: seed is the hash of what went before, 0 at first. */
uint64_t hash_checksum_more(uint64_t seed, struct text bytes);
enum { HASH_KEY_BYTES = 136 };
/* Keyed with HASH_KEY_BYTES random bytes. */
uint64_t hash_keyed(const char *key, struct text bytes);
/* Keyed with a random secret of this process; differs at every start. */
uint64_t hash_secret(struct text bytes);

#endif
