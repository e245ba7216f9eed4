/* A map of entries that are also in a list by last use. */
#include "directory/recent.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"

struct recent {
    struct map *entries;
    struct list by_use; /* the latest first */
    size_t limit, entry_bytes;
};

struct entry {
    struct list use;
    char *key;
    size_t key_length;
    alignas(max_align_t) char bytes[];
};

struct recent *recent_new(size_t limit, size_t entry_bytes)
{
    struct recent *recent = calloc(1, sizeof(*recent));
    check(recent != NULL && limit > 0);
    recent->entries = map_new();
    recent->limit = limit;
    recent->entry_bytes = entry_bytes;
    list_init(&recent->by_use);
    return recent;
}

static void entry_remove(struct recent *recent, struct entry *entry)
{
    map_remove(recent->entries, text_of(entry->key, entry->key_length));
    list_remove(&entry->use);
    free(entry->key);
    explicit_bzero(entry->bytes, recent->entry_bytes);
    free(entry);
}

void recent_free(struct recent **recent)
{
    if (*recent == NULL)
        return;
    list_each(link, &(*recent)->by_use) entry_remove(*recent, list_entry(link, struct entry, use));
    map_free(&(*recent)->entries);
    free(*recent);
    *recent = NULL;
}

void *recent_find(struct recent *recent, struct text key)
{
    struct entry *entry = map_get(recent->entries, key);
    if (entry == NULL)
        return NULL;
    list_remove(&entry->use);
    list_prepend(&recent->by_use, &entry->use);
    return entry->bytes;
}

void *recent_take(struct recent *recent, struct text key)
{
    void *found = recent_find(recent, key);
    if (found != NULL)
        return found;
    if (map_count(recent->entries) >= recent->limit)
        entry_remove(recent, list_entry(recent->by_use.previous, struct entry, use));
    struct entry *entry = calloc(1, sizeof(*entry) + recent->entry_bytes);
    check(entry != NULL);
    entry->key = text_to_string(key);
    entry->key_length = key.length;
    map_put(recent->entries, key, entry);
    list_prepend(&recent->by_use, &entry->use);
    return entry->bytes;
}

void recent_remove(struct recent *recent, struct text key)
{
    struct entry *entry = map_get(recent->entries, key);
    if (entry != NULL)
        entry_remove(recent, entry);
}

void recent_each(struct recent *recent, recent_visit *visit, void *context)
{
    list_each(link, &recent->by_use)
    {
        struct entry *entry = list_entry(link, struct entry, use);
        visit(context, text_of(entry->key, entry->key_length), entry->bytes);
    }
}
