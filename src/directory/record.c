/* Encoding and strict decoding of directory records: a version byte, then the fields. */
#include "directory/record.h"

#include "base/encoding.h"
#include "base/wire.h"
#include "directory/calls.h"
#include "sasl/scram.h"

enum { RECORD_VERSION = 1, LOCAL_PART_MAX = 64, DOMAIN_MAX = 255 };

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return utf8_is_valid(text);
}

bool directory_key_is_valid(struct text key)
{
    size_t at = text_find_last(key, '@');
    if (at == 0 || at > LOCAL_PART_MAX || at + 1 >= key.length)
        return false;
    if (key.length > DIRECTORY_KEY_MAX || key.length - at - 1 > DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < key.length; i++)
        if (key.data[i] >= 'A' && key.data[i] <= 'Z')
            return false;
    return is_printable(key);
}

void directory_record_put_member(struct buffer *members, struct text key, struct text address)
{
    wire_put_text(members, key);
    wire_put_text(members, address);
}

bool directory_record_member(struct text *members, struct text *key, struct text *address)
{
    struct wire_reader in = wire_reader_of(*members);
    *key = wire_get_text(&in);
    *address = wire_get_text(&in);
    *members = in.rest;
    return !in.bad;
}

void directory_record_put_key(struct buffer *keys, const struct login_key *key)
{
    wire_put_u8(keys, (uint8_t)key->kind);
    wire_put_u32(keys, key->iterations);
    wire_put_text(keys, key->salt);
    wire_put_text(keys, key->stored);
    wire_put_text(keys, key->server);
}

static void get_key(struct wire_reader *in, struct login_key *key)
{
    uint8_t kind = wire_get_u8(in);
    key->kind = (enum login_key_kind)kind;
    key->iterations = wire_get_u32(in);
    key->salt = wire_get_text(in);
    key->stored = wire_get_text(in);
    key->server = wire_get_text(in);
}

bool directory_record_key(struct text *keys, struct login_key *key)
{
    struct wire_reader in = wire_reader_of(*keys);
    get_key(&in, key);
    *keys = in.rest;
    return !in.bad;
}

void directory_record_encode(const struct directory_record *record, struct buffer *out)
{
    wire_put_u8(out, RECORD_VERSION);
    wire_put_text(out, record->key);
    switch (record->type) {
    case RECORD_USER:
        wire_put_text(out, record->hash);
        wire_put_text(out, record->name);
        wire_put_u8(out, record->enabled);
        wire_put_u64(out, (uint64_t)record->created_ms);
        break;
    case RECORD_USER_GONE:
        break;
    case RECORD_LIST:
        wire_put_u64(out, (uint64_t)record->created_ms);
        /* fall through */
    case RECORD_MEMBERS_GONE:
        wire_put_u8(out, (uint8_t)record->kind);
        wire_put_u32(out, record->member_count);
        buffer_append(out, record->members);
        break;
    case RECORD_KEYS:
        wire_put_text(out, record->made_for);
        wire_put_u32(out, record->key_count);
        buffer_append(out, record->keys);
        break;
    case RECORD_SECRET:
        wire_put_text(out, record->secret);
        break;
    case RECORD_NETWORK:
        wire_put_text(out, record->network);
        wire_put_text(out, record->forgets);
        wire_put_u64(out, (uint64_t)record->seen_ms);
        break;
    case RECORD_CERTIFICATE:
    case RECORD_CERTIFICATE_GONE:
        wire_put_text(out, record->digest);
        break;
    case RECORD_ATTRIBUTE:
        wire_put_text(out, record->attribute);
        wire_put_text(out, record->value);
        break;
    }
}

static bool decode_user(struct wire_reader *in, struct directory_record *out)
{
    out->hash = wire_get_text(in);
    out->name = wire_get_text(in);
    uint8_t enabled = wire_get_u8(in);
    out->enabled = enabled == 1;
    out->created_ms = (int64_t)wire_get_u64(in);
    return enabled <= 1 && out->hash.length <= DIRECTORY_HASH_MAX && is_printable(out->hash) &&
           out->name.length <= DIRECTORY_NAME_MAX && is_printable(out->name);
}

static bool decode_members(struct wire_reader *in, struct directory_record *out)
{
    uint8_t kind = wire_get_u8(in);
    out->kind = (enum directory_list_kind)kind;
    out->member_count = wire_get_u32(in);
    out->members = in->rest;
    for (uint32_t i = 0; i < out->member_count && !in->bad; i++) {
        struct text key = wire_get_text(in), address = wire_get_text(in);
        if (!directory_key_is_valid(key) || address.length > DIRECTORY_KEY_MAX + 2 ||
            !is_printable(address) || (out->type == RECORD_LIST && address.length == 0))
            return false;
    }
    return kind >= LIST_ALIAS && kind <= LIST_ADDRESS;
}

static bool is_key_sound(const struct login_key *key)
{
    enum { MD5_BYTES = 16, SHA_1_BYTES = 20, SHA_256_BYTES = 32 };
    static const size_t lengths[] = {[LOGIN_KEY_SCRAM_SHA_1] = SHA_1_BYTES,
                                     [LOGIN_KEY_SCRAM_SHA_256] = SHA_256_BYTES,
                                     [LOGIN_KEY_CRAM_MD5] = MD5_BYTES};
    bool is_scram = key->kind == LOGIN_KEY_SCRAM_SHA_1 || key->kind == LOGIN_KEY_SCRAM_SHA_256;
    if (is_scram != (key->salt.length > 0) || key->salt.length > DIRECTORY_SALT_MAX)
        return false;
    if (is_scram ? key->iterations < SCRAM_ITERATIONS_MIN || key->iterations > SCRAM_ITERATIONS_MAX
                 : key->iterations != 0)
        return false;
    if (key->kind == LOGIN_KEY_NTLM)
        return key->stored.length > 0 && key->stored.length <= DIRECTORY_PASSWORD_MAX &&
               key->server.length == 0;
    return key->stored.length == lengths[key->kind] && key->server.length == lengths[key->kind];
}

static bool decode_keys(struct wire_reader *in, struct directory_record *out)
{
    unsigned seen = 0;
    out->made_for = wire_get_text(in);
    out->key_count = wire_get_u32(in);
    out->keys = in->rest;
    for (uint32_t i = 0; i < out->key_count; i++) {
        struct login_key key;
        get_key(in, &key);
        if (in->bad || key.kind < LOGIN_KEY_SCRAM_SHA_1 || key.kind > LOGIN_KEY_NTLM ||
            (seen & 1U << key.kind) != 0 || !is_key_sound(&key))
            return false;
        seen |= 1U << key.kind;
    }
    return out->made_for.length == DIRECTORY_DIGEST_BYTES;
}

static bool decode_network(struct wire_reader *in, struct directory_record *out)
{
    out->network = wire_get_text(in);
    out->forgets = wire_get_text(in);
    out->seen_ms = (int64_t)wire_get_u64(in);
    return out->network.length > 0 && out->network.length <= DIRECTORY_NETWORK_MAX &&
           is_printable(out->network) && out->forgets.length <= DIRECTORY_NETWORK_MAX &&
           is_printable(out->forgets);
}

static bool decode_digest(struct wire_reader *in, struct text *digest)
{
    *digest = wire_get_text(in);
    return digest->length == DIRECTORY_DIGEST_BYTES;
}

static bool decode_attribute(struct wire_reader *in, struct directory_record *out)
{
    out->attribute = wire_get_text(in);
    out->value = wire_get_text(in);
    return out->attribute.length > 0 && out->attribute.length <= DIRECTORY_ATTRIBUTE_MAX &&
           is_printable(out->attribute) && out->value.length <= DIRECTORY_VALUE_MAX &&
           is_printable(out->value);
}

static bool decode_fields(struct wire_reader *in, struct directory_record *out)
{
    switch (out->type) {
    case RECORD_USER:
        return decode_user(in, out);
    case RECORD_USER_GONE:
        return true;
    case RECORD_LIST:
        out->created_ms = (int64_t)wire_get_u64(in);
        return decode_members(in, out);
    case RECORD_MEMBERS_GONE:
        return decode_members(in, out);
    case RECORD_KEYS:
        return decode_keys(in, out);
    case RECORD_SECRET:
        return decode_digest(in, &out->secret);
    case RECORD_NETWORK:
        return decode_network(in, out);
    case RECORD_CERTIFICATE:
    case RECORD_CERTIFICATE_GONE:
        return decode_digest(in, &out->digest);
    case RECORD_ATTRIBUTE:
        return decode_attribute(in, out);
    }
    return false;
}

bool directory_record_decode(uint16_t type, struct text bytes, struct directory_record *out)
{
    *out = (struct directory_record){.type = (enum directory_record_type)type};
    struct wire_reader in = wire_reader_of(bytes);
    if (bytes.length > DIRECTORY_RECORD_MAX || wire_get_u8(&in) != RECORD_VERSION)
        return false;
    out->key = wire_get_text(&in);
    bool has_key = type != RECORD_SECRET;
    if (has_key ? !directory_key_is_valid(out->key) : out->key.length > 0)
        return false;
    return decode_fields(&in, out) && wire_end(&in);
}
