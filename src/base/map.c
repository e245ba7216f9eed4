/* Open addressing with linear probing and backward-shift deletion. A key that is no longer than a
 * pointer stands in its slot, so that integers cost no allocation. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

struct slot {
    uint64_t hash; /* 0: free */
    union {
        char *far;
        char near[sizeof(char *)];
    } key;
    size_t key_length;
    void *value;
};

static bool is_near(const struct slot *slot)
{
    return slot->key_length <= sizeof(slot->key.near);
}

static struct text slot_key(const struct slot *slot)
{
    return text_of(is_near(slot) ? slot->key.near : slot->key.far, slot->key_length);
}

static void slot_set_key(struct slot *slot, struct text key)
{
    slot->key_length = key.length;
    if (!is_near(slot))
        slot->key.far = text_to_string(key);
    else if (key.length > 0)
        memcpy(slot->key.near, key.data, key.length);
}

static void slot_drop_key(struct slot *slot)
{
    if (!is_near(slot))
        free(slot->key.far);
}

struct map {
    struct slot *slots;
    size_t capacity; /* a power of two */
    size_t count;
};

enum { FIRST_SLOTS = 8 };

static struct slot *slots_new(size_t count)
{
    struct slot *slots = calloc(count, sizeof(*slots));
    check(slots != NULL);
    memory_draw(count * sizeof(*slots));
    return slots;
}

static void slots_free(struct slot *slots, size_t count)
{
    memory_give_back(count * sizeof(*slots));
    free(slots);
}

struct map *map_new(void)
{
    struct map *map = calloc(1, sizeof(*map));
    check(map != NULL);
    map->capacity = FIRST_SLOTS;
    map->slots = slots_new(map->capacity);
    return map;
}

void map_free(struct map **map)
{
    if (*map == NULL)
        return;
    for (size_t i = 0; i < (*map)->capacity; i++)
        slot_drop_key(&(*map)->slots[i]);
    slots_free((*map)->slots, (*map)->capacity);
    free(*map);
    *map = NULL;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

static uint64_t key_hash(struct text key)
{
    uint64_t hash = hash_secret(key);
    return hash == 0 ? 1 : hash;
}

/* The slot that holds key, or the free one where it belongs. */
static struct slot *slot_for(const struct map *map, struct text key, uint64_t hash)
{
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct slot *slot = &map->slots[i];
        if (slot->hash == 0 || (slot->hash == hash && text_equals(slot_key(slot), key)))
            return slot;
    }
}

void *map_get(const struct map *map, struct text key)
{
    return slot_for(map, key, key_hash(key))->value;
}

static void grow(struct map *map)
{
    struct slot *old = map->slots;
    size_t old_capacity = map->capacity;
    map->capacity *= 2;
    map->slots = slots_new(map->capacity);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].hash != 0)
            *slot_for(map, slot_key(&old[i]), old[i].hash) = old[i];
    slots_free(old, old_capacity);
}

void *map_put(struct map *map, struct text key, void *value)
{
    check(value != NULL);
    if (map->count * 4 >= map->capacity * 3)
        grow(map);
    uint64_t hash = key_hash(key);
    struct slot *slot = slot_for(map, key, hash);
    void *before = slot->value;
    if (slot->hash == 0) {
        *slot = (struct slot){.hash = hash};
        slot_set_key(slot, key);
        map->count++;
    }
    slot->value = value;
    return before;
}

/* Move later members of the probe run back so that no look-up stops early at the hole. */
static void close_gap(struct map *map, size_t hole)
{
    size_t mask = map->capacity - 1;
    for (size_t i = (hole + 1) & mask; map->slots[i].hash != 0; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct slot){0};
}

void *map_remove(struct map *map, struct text key)
{
    struct slot *slot = slot_for(map, key, key_hash(key));
    void *value = slot->value;
    if (slot->hash == 0)
        return NULL;
    slot_drop_key(slot);
    close_gap(map, (size_t)(slot - map->slots));
    map->count--;
    return value;
}

bool map_next(const struct map *map, size_t *position, struct text *key, void **value)
{
    for (; *position < map->capacity; (*position)++) {
        const struct slot *slot = &map->slots[*position];
        if (slot->hash == 0)
            continue;
        if (key != NULL)
            *key = slot_key(slot);
        *value = slot->value;
        (*position)++;
        return true;
    }
    return false;
}
