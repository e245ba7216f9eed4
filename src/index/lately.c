#include "index/lately.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

static size_t place_of(struct text key)
{
    return hash_checksum(key) % LATELY_SLOTS;
}

static void empty(struct lately_slot *slot)
{
    free(slot->bytes);
    *slot = (struct lately_slot){0};
}

void lately_finish(struct lately *lately)
{
    for (unsigned i = 0; i < LATELY_SLOTS; i++)
        empty(&lately->slots[i]);
}

bool lately_get(const struct lately *lately, struct text key, struct text *value)
{
    const struct lately_slot *slot = &lately->slots[place_of(key)];
    *value = slot->value;
    return slot->bytes != NULL && text_equals(slot->key, key);
}

void lately_note(struct lately *lately, struct text key, struct text value)
{
    if (key.length + value.length > LATELY_BYTES_MAX)
        return;
    struct lately_slot *slot = &lately->slots[place_of(key)];
    empty(slot);
    slot->bytes = malloc(key.length + value.length);
    check(slot->bytes != NULL);
    memcpy(slot->bytes, key.data, key.length);
    memcpy(slot->bytes + key.length, value.data, value.length);
    slot->key = text_of(slot->bytes, key.length);
    slot->value = text_of(slot->bytes + key.length, value.length);
}

void lately_forget(struct lately *lately, struct text key)
{
    struct lately_slot *slot = &lately->slots[place_of(key)];
    if (slot->bytes != NULL && text_equals(slot->key, key))
        empty(slot);
}
