#include "base/hash.h"

#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <xxhash.h>
#pragma GCC diagnostic pop

#include "base/random.h"

uint64_t hash_checksum(struct text bytes)
{
    return XXH3_64bits(bytes.data == NULL ? "" : bytes.data, bytes.length);
}

uint64_t hash_checksum_more(uint64_t seed, struct text bytes)
{
    return XXH3_64bits_withSeed(bytes.data == NULL ? "" : bytes.data, bytes.length, seed);
}

_Static_assert(HASH_KEY_BYTES >= XXH3_SECRET_SIZE_MIN, "XXH3 takes no shorter key");

uint64_t hash_keyed(const char *key, struct text bytes)
{
    return XXH3_64bits_withSecret(bytes.data == NULL ? "" : bytes.data, bytes.length, key,
                                  HASH_KEY_BYTES);
}

uint64_t hash_secret(struct text bytes)
{
    static char secret[HASH_KEY_BYTES];
    static bool ready;
    if (!ready) {
        random_bytes(secret, sizeof(secret));
        ready = true;
    }
    return hash_keyed(secret, bytes);
}
