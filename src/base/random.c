#include "base/random.h"

#include <string.h>
#include <sys/random.h>

#include "base/check.h"

static uint64_t test_state;

void random_seed_for_test(uint64_t seed)
{
    test_state = seed == 0 ? 1 : seed;
}

/* splitmix64, public domain by S. Vigna: for repeatable tests, not for secrets. */
static uint64_t test_next(void)
{
    uint64_t z = (test_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_bytes(void *out, size_t length)
{
    char *at = out;
    while (length > 0) {
        uint64_t word = 0;
        size_t part = length < sizeof(word) ? length : sizeof(word);
        if (test_state != 0) {
            word = test_next();
            memcpy(at, &word, part);
        } else {
            part = length < 256 ? length : 256;
            check(getrandom(at, part, 0) == (ssize_t)part);
        }
        at += part;
        length -= part;
    }
}

/* The kernel is asked for many at once, which then lie here. */
static uint32_t next_word(void)
{
    enum { WORDS = 64 };
    static _Thread_local uint32_t words[WORDS];
    static _Thread_local unsigned left;
    if (test_state != 0) {
        random_bytes(words, sizeof(*words)); /* a new seed begins anew */
        left = 0;
        return words[0];
    }
    if (left == 0) {
        random_bytes(words, sizeof(words));
        left = WORDS;
    }
    return words[--left];
}

uint32_t random_below(uint32_t bound)
{
    check(bound > 0);
    uint32_t floor = -bound % bound; /* reject the uneven low part */
    uint32_t value;
    do
        value = next_word();
    while (value < floor);
    return value % bound;
}
