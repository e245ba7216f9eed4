/* Encoding and strict decoding of directory records: a version byte, then the fields. */
#include "directory/record.h"

#include "base/encoding.h"
#include "base/wire.h"

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
    return kind == LIST_ALIAS || kind == LIST_GROUP;
}

bool directory_record_decode(uint16_t type, struct text bytes, struct directory_record *out)
{
    *out = (struct directory_record){.type = (enum directory_record_type)type};
    struct wire_reader in = wire_reader_of(bytes);
    if (bytes.length > DIRECTORY_RECORD_MAX || wire_get_u8(&in) != RECORD_VERSION)
        return false;
    out->key = wire_get_text(&in);
    if (!directory_key_is_valid(out->key))
        return false;
    bool good = type == RECORD_USER_GONE;
    if (type == RECORD_USER)
        good = decode_user(&in, out);
    if (type == RECORD_LIST)
        out->created_ms = (int64_t)wire_get_u64(&in);
    if (type == RECORD_LIST || type == RECORD_MEMBERS_GONE)
        good = decode_members(&in, out);
    return good && wire_end(&in);
}
