/* A hash map from bytes to a pointer. Keys are copied; values are borrowed. The hash is keyed with
 * a secret of the process, so a stranger cannot choose colliding keys. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/text.h"

struct map;

struct map *map_new(void);
void map_free(struct map **map);
size_t map_count(const struct map *map);
/* NULL when absent. */
void *map_get(const struct map *map, struct text key);
/* Set; returns the value that was there, or NULL. value must not be NULL. */
void *map_put(struct map *map, struct text key, void *value);
/* Returns the removed value, or NULL. */
void *map_remove(struct map *map, struct text key);

/* Walk in no order: start with position 0; false at the end. Do not change the map meanwhile.
 * key may be NULL. */
bool map_next(const struct map *map, size_t *position, struct text *key, void **value);

/* An integer as a key. */
#define MAP_KEY(integer) text_of(&(integer), sizeof(integer))

#endif
