#include "directory/cache.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

/* More recipients than this are expanded by auth, which finds duplicates in linear time. */
enum { EXPAND_MOST = 16 };

struct directory_cache {
    struct map *answers; /* address key -> mailbox, NUL-ended; "" when only known to be taken */
    uint64_t clearings;
};

struct directory_cache *directory_cache_new(void)
{
    struct directory_cache *cache = calloc(1, sizeof(*cache));
    check(cache != NULL);
    cache->answers = map_new();
    return cache;
}

static void forget_all(struct directory_cache *cache)
{
    size_t position = 0;
    void *mailbox;
    while (map_next(cache->answers, &position, NULL, &mailbox))
        free(mailbox);
    map_free(&cache->answers);
}

void directory_cache_free(struct directory_cache **cache)
{
    if (*cache == NULL)
        return;
    forget_all(*cache);
    free(*cache);
    *cache = NULL;
}

void directory_cache_clear(struct directory_cache *cache)
{
    cache->clearings++;
    if (map_count(cache->answers) == 0)
        return;
    forget_all(cache);
    cache->answers = map_new();
}

static void keep(struct directory_cache *cache, struct text key, struct text mailbox)
{
    if (map_count(cache->answers) >= DIRECTORY_CACHE_MAX)
        directory_cache_clear(cache);
    free(map_put(cache->answers, key, text_to_string(mailbox)));
}

enum status directory_cache_check(struct directory_cache *cache, struct rpc_channel *auth,
                                  struct text address_key)
{
    if (map_get(cache->answers, address_key) != NULL)
        return OK;
    uint64_t clearings = cache->clearings;
    enum status status = directory_check(auth, address_key);
    /* A change told of while we waited may be newer than the answer. */
    if (status == OK && cache->clearings == clearings)
        keep(cache, address_key, TEXT(""));
    return status;
}

static bool has_target(const struct directory_target *targets, unsigned count, struct text address)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals(targets[i].address, address))
            return true;
    return false;
}

/* False when some key is not known. */
static bool expand_from_memory(const struct directory_cache *cache, const struct text *keys,
                               unsigned count, struct arena *arena,
                               struct directory_target *targets, unsigned *target_count)
{
    *target_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct text mailbox = text_from(map_get(cache->answers, keys[i]));
        if (text_is_empty(mailbox))
            return false;
        if (!has_target(targets, *target_count, mailbox))
            targets[(*target_count)++] =
                (struct directory_target){TARGET_MAILBOX, arena_copy(arena, mailbox), i};
    }
    return true;
}

/* Keep what was answered for keys that are one mailbox each: theirs alone, and asked about once. */
static void keep_expanded(struct directory_cache *cache, const struct text *keys, unsigned count,
                          const struct directory_target *targets, unsigned target_count)
{
    if (count == 1 && target_count == 1 && targets[0].kind == TARGET_MAILBOX)
        keep(cache, keys[0], targets[0].address);
}

enum status directory_cache_expand(struct directory_cache *cache, struct rpc_channel *auth,
                                   const struct text *keys, unsigned count, struct arena *arena,
                                   struct directory_target **targets, unsigned *target_count)
{
    if (count <= EXPAND_MOST) {
        *targets = arena_array(arena, count, sizeof(**targets));
        if (expand_from_memory(cache, keys, count, arena, *targets, target_count))
            return OK;
    }
    uint64_t clearings = cache->clearings;
    enum status status = directory_expand(auth, keys, count, arena, targets, target_count);
    if (status == OK && cache->clearings == clearings)
        keep_expanded(cache, keys, count, *targets, *target_count);
    return status;
}
