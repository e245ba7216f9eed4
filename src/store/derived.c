#include "store/derived.h"

#include "store/internal.h"

bool derived_get(struct store *store, uint64_t message, enum derived_kind kind, struct buffer *out)
{
    struct key key;
    return index_get(store->index, key_derived(&key, message, (uint8_t)kind), out);
}

static bool is_there(struct store *store, uint64_t message)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, CHANGE_OPERATIONS_MAX);
    bool found = index_get(store->index, key_message(&key, message), &value);
    buffer_finish(&value);
    return found;
}

/* It is no part of what records say, so the applied position stays. */
static void change_alone(struct store *store, struct text key, struct text value)
{
    struct index_batch *batch = index_batch_new(store->index);
    store->derived_changes++;
    if (text_is_empty(value))
        index_batch_delete(batch, key);
    else
        index_batch_put(batch, key, value);
    index_batch_apply(batch, index_applied(store->index));
    index_batch_free(&batch);
}

void derived_put(struct store *store, uint64_t message, enum derived_kind kind, struct text bytes)
{
    struct key key;
    if (bytes.length > DERIVED_BYTES_MAX || !is_there(store, message))
        return;
    change_alone(store, key_derived(&key, message, (uint8_t)kind), bytes);
}

void derived_forget(struct store *store, uint64_t message, enum derived_kind kind)
{
    struct key key;
    change_alone(store, key_derived(&key, message, (uint8_t)kind), TEXT(""));
}

void derived_drop(struct store *store, uint64_t message)
{
    struct key key;
    for (unsigned kind = 1; kind < DERIVED_KINDS; kind++)
        index_batch_delete(store->batch, key_derived(&key, message, (uint8_t)kind));
}
