#include "main/ticket_keys.h"

#include <string.h>

#include "base/random.h"

enum { SEALS, NEXT, BEFORE, LONG_BEFORE };

void ticket_keys_init(struct ticket_keys *keys)
{
    random_bytes(keys->keys, sizeof(keys->keys));
}

void ticket_keys_turn(struct ticket_keys *keys)
{
    memcpy(keys->keys[LONG_BEFORE], keys->keys[BEFORE], TLS_TICKET_KEY_BYTES);
    memcpy(keys->keys[BEFORE], keys->keys[SEALS], TLS_TICKET_KEY_BYTES);
    memcpy(keys->keys[SEALS], keys->keys[NEXT], TLS_TICKET_KEY_BYTES);
    random_bytes(keys->keys[NEXT], TLS_TICKET_KEY_BYTES);
}

struct text ticket_keys_text(const struct ticket_keys *keys)
{
    return text_of(keys->keys, sizeof(keys->keys));
}

void ticket_keys_forget(struct ticket_keys *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}
