/* Encoding and decoding of requests to the directory and of its answers. */
#include "directory/calls.h"

#include <string.h>

#include "base/encoding.h"
#include "directory/record.h"

void directory_check_encode(struct text key, struct buffer *out)
{
    wire_put_text(out, key);
}

bool directory_check_decode(struct text bytes, struct text *key)
{
    struct wire_reader in = wire_reader_of(bytes);
    *key = wire_get_text(&in);
    return wire_end(&in) && directory_key_is_valid(*key);
}

void directory_login_encode(const struct directory_login *login, bool wants_session,
                            struct buffer *out)
{
    wire_put_u8(out, (uint8_t)login->service);
    wire_put_u8(out, wants_session);
    wire_put_u64(out, login->session);
    wire_put_text(out, login->user);
    wire_put_text(out, login->password);
    wire_put_text(out, login->peer);
}

static bool is_login_text(struct text text, size_t most)
{
    return text.length > 0 && text.length <= most && memchr(text.data, '\0', text.length) == NULL;
}

bool directory_login_decode(struct text bytes, struct directory_login *login, bool *wants_session)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t service = wire_get_u8(&in);
    uint8_t wants = wire_get_u8(&in);
    login->service = (enum service)service;
    *wants_session = wants == 1;
    login->session = wire_get_u64(&in);
    login->user = wire_get_text(&in);
    login->password = wire_get_text(&in);
    login->peer = wire_get_text(&in);
    /* A session is handed over for mailboxes alone, never for sending. */
    bool for_mailbox = service == SERVICE_POP3 || service == SERVICE_POP3S;
    return wire_end(&in) && service <= SERVICE_POP3S && wants <= 1 && (wants == 0 || for_mailbox) &&
           is_login_text(login->user, DIRECTORY_USER_MAX - 1) && utf8_is_valid(login->user) &&
           is_login_text(login->password, DIRECTORY_PASSWORD_MAX) &&
           is_login_text(login->peer, DIRECTORY_PEER_MAX) && utf8_is_valid(login->peer);
}

void directory_expand_encode(const struct text *keys, unsigned count, struct buffer *out)
{
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++)
        wire_put_text(out, keys[i]);
}

bool directory_expand_decode(struct text bytes, struct arena *arena, struct text **keys,
                             unsigned *count)
{
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    /* Each takes at least the four bytes of its length: a count that lies allocates nothing. */
    if (*count > DIRECTORY_TARGETS_MAX || *count > in.rest.length / 4)
        return false;
    *keys = arena_array(arena, *count, sizeof(**keys));
    for (unsigned i = 0; i < *count; i++) {
        (*keys)[i] = wire_get_text(&in);
        if (!directory_key_is_valid((*keys)[i]))
            return false;
    }
    return wire_end(&in);
}

void directory_targets_encode(const struct directory_target *targets, unsigned count,
                              struct buffer *out)
{
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++) {
        wire_put_u8(out, (uint8_t)targets[i].kind);
        wire_put_u32(out, targets[i].recipient);
        wire_put_text(out, targets[i].address);
    }
}

bool directory_targets_decode(struct text bytes, unsigned asked, struct arena *arena,
                              struct directory_target **targets, unsigned *count)
{
    enum { LEAST_BYTES = 9 }; /* of one target */
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    if (*count > DIRECTORY_TARGETS_MAX || *count > in.rest.length / LEAST_BYTES)
        return false;
    *targets = arena_array(arena, *count, sizeof(**targets));
    for (unsigned i = 0; i < *count; i++) {
        struct directory_target *target = &(*targets)[i];
        uint8_t kind = wire_get_u8(&in);
        target->kind = (enum directory_target_kind)kind;
        target->recipient = wire_get_u32(&in);
        target->address = wire_get_text(&in);
        if (kind > TARGET_LOOP || target->recipient >= asked || target->address.length == 0 ||
            target->address.length > DIRECTORY_KEY_MAX + 2)
            return false;
    }
    return wire_end(&in);
}
