#include "queue/room_cache.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

struct room_cache {
    struct map *open; /* key of a recipient; the value says nothing */
    uint64_t clearings;
};

struct room_cache *room_cache_new(void)
{
    struct room_cache *cache = calloc(1, sizeof(*cache));
    check(cache != NULL);
    cache->open = map_new();
    return cache;
}

void room_cache_free(struct room_cache **cache)
{
    map_free(&(*cache)->open);
    free(*cache);
    *cache = NULL;
}

void room_cache_clear(struct room_cache *cache)
{
    cache->clearings++;
    if (map_count(cache->open) == 0)
        return;
    map_free(&cache->open);
    cache->open = map_new();
}

static void keep(struct room_cache *cache, struct text recipient)
{
    if (map_count(cache->open) >= ROOM_CACHE_MAX)
        room_cache_clear(cache);
    map_put(cache->open, recipient, cache);
}

enum status room_cache_ask(struct room_cache *cache, struct rpc_channel *store,
                           const struct queue_room_question *question, struct reason *reason)
{
    if (question->is_stranger && map_get(cache->open, question->recipient) != NULL)
        return OK;
    struct queue_room_answer answer;
    uint64_t clearings = cache->clearings;
    enum status status = queue_room(store, question, &answer);
    /* A change told of while we waited may be newer than the answer. */
    if (answer.is_open && cache->clearings == clearings)
        keep(cache, question->recipient);
    *reason = answer.reason;
    return status;
}
