/* Entropy, injected: the kernel's in production, a seeded stream in tests and simulation. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t length);
/* Uniform in 0 .. bound-1; bound > 0. For choices, not for secrets. */
uint32_t random_below(uint32_t bound);
/* From now on a repeatable stream from this seed (tests and simulation only). */
void random_seed_for_test(uint64_t seed);

#endif
