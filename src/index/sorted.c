#include "index/sorted.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"

uint64_t sorted_beginning(struct text key)
{
    uint64_t beginning = 0;
    memcpy(&beginning, key.data, key.length < sizeof(beginning) ? key.length : sizeof(beginning));
    return be64toh(beginning);
}

static size_t size_of(const struct sorted_key *key)
{
    return sizeof(*key) + key->level_count * sizeof(key->next[0]) + key->key.length +
           key->value.length;
}

static struct sorted_key *key_new(unsigned level_count, struct text key, struct text value)
{
    size_t head_bytes = sizeof(struct sorted_key) + level_count * sizeof(struct sorted_key *);
    struct sorted_key *made = malloc(head_bytes + key.length + value.length);
    check(made != NULL);
    char *bytes = (char *)made + head_bytes;
    memcpy(bytes, key.data, key.length);
    memcpy(bytes + key.length, value.data, value.length);
    *made = (struct sorted_key){.key = text_of(bytes, key.length),
                                .value = text_of(bytes + key.length, value.length),
                                .beginning = sorted_beginning(key),
                                .level_count = level_count};
    memset(made->next, 0, level_count * sizeof(struct sorted_key *));
    return made;
}

void sorted_init(struct sorted *sorted)
{
    *sorted = (struct sorted){.head = key_new(SORTED_LEVELS, TEXT(""), TEXT(""))};
    random_bytes(&sorted->random, sizeof(sorted->random));
    sorted->random |= 1;
}

void sorted_clear(struct sorted *sorted)
{
    for (struct sorted_key *key = sorted->head->next[0], *next; key != NULL; key = next) {
        next = key->next[0];
        free(key);
    }
    memset(sorted->head->next, 0, SORTED_LEVELS * sizeof(struct sorted_key *));
    sorted->count = sorted->bytes = 0;
}

void sorted_finish(struct sorted *sorted)
{
    sorted_clear(sorted);
    free(sorted->head);
}

/* A step of xorshift (Marsaglia): one more level for each pair of bits that is 0. */
static unsigned random_levels(struct sorted *sorted)
{
    uint64_t x = sorted->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    sorted->random = x;
    unsigned level_count = 1;
    for (x >>= 32; level_count < SORTED_LEVELS && (x & 3) == 0; x >>= 2)
        level_count++;
    return level_count;
}

static bool stands_before(const struct sorted_key *one, uint64_t beginning, struct text key)
{
    return one->beginning != beginning ? one->beginning < beginning
                                       : text_compare(one->key, key) < 0;
}

/* The last one before key on each level; returns the first at or behind it. */
static struct sorted_key *seek(const struct sorted *sorted, struct text key,
                               struct sorted_key *path[SORTED_LEVELS])
{
    uint64_t beginning = sorted_beginning(key);
    struct sorted_key *at = sorted->head;
    for (unsigned level = SORTED_LEVELS; level-- > 0;) {
        while (at->next[level] != NULL && stands_before(at->next[level], beginning, key))
            at = at->next[level];
        path[level] = at;
    }
    return at->next[0];
}

struct sorted_key *sorted_seek(const struct sorted *sorted, struct text key)
{
    struct sorted_key *path[SORTED_LEVELS];
    return seek(sorted, key, path);
}

struct sorted_key *sorted_find(const struct sorted *sorted, struct text key)
{
    struct sorted_key *found = sorted_seek(sorted, key);
    return found != NULL && text_equals(found->key, key) ? found : NULL;
}

static void unlink_key(struct sorted *sorted, struct sorted_key *key,
                       struct sorted_key *path[SORTED_LEVELS])
{
    for (unsigned level = 0; level < key->level_count; level++)
        path[level]->next[level] = key->next[level];
    sorted->count--;
    sorted->bytes -= size_of(key);
    free(key);
}

struct sorted_key *sorted_put(struct sorted *sorted, struct text key, struct text value)
{
    struct sorted_key *path[SORTED_LEVELS];
    struct sorted_key *old = seek(sorted, key, path);
    struct sorted_key *made;
    if (old != NULL && text_equals(old->key, key)) {
        made = key_new(old->level_count, key, value);
        made->marks = old->marks;
        unlink_key(sorted, old, path);
    } else {
        made = key_new(random_levels(sorted), key, value);
    }
    for (unsigned level = 0; level < made->level_count; level++) {
        made->next[level] = path[level]->next[level];
        path[level]->next[level] = made;
    }
    sorted->count++;
    sorted->bytes += size_of(made);
    return made;
}

void sorted_remove(struct sorted *sorted, struct text key)
{
    struct sorted_key *path[SORTED_LEVELS];
    struct sorted_key *found = seek(sorted, key, path);
    if (found != NULL && text_equals(found->key, key))
        unlink_key(sorted, found, path);
}
