/* The entries of the index: their keys, and what each record means for them. */
#include <string.h>

#include "base/check.h"
#include "base/wire.h"
#include "directory/state.h"

struct text directory_local_part(struct text key)
{
    return text_head(key, text_find_last(key, '@'));
}

struct text directory_domain(struct text key)
{
    return text_from_position(key, text_find_last(key, '@') + 1);
}

void directory_index_key(struct buffer *out, char prefix, struct text key)
{
    buffer_append_byte(out, prefix);
    buffer_append(out, directory_domain(key));
    buffer_append_byte(out, '\0');
    buffer_append(out, directory_local_part(key));
}

void directory_index_domain(struct buffer *out, char prefix, struct text domain)
{
    buffer_append_byte(out, prefix);
    buffer_append(out, domain);
    if (domain.length > 0)
        buffer_append_byte(out, '\0');
}

bool directory_index_find(struct directory *directory, char prefix, struct text key,
                          struct buffer *value, struct directory_record *record)
{
    if (directory->index == NULL)
        return false;
    struct buffer index_key;
    buffer_init(&index_key, INDEX_KEY_MAX);
    directory_index_key(&index_key, prefix, key);
    bool found = index_get(directory->index, buffer_text(&index_key), value);
    buffer_finish(&index_key);
    uint16_t type = prefix == INDEX_USER   ? RECORD_USER
                    : prefix == INDEX_KEYS ? RECORD_KEYS
                                           : RECORD_LIST;
    return found && directory_record_decode(type, buffer_text(value), record);
}

void directory_index_network(struct buffer *out, struct text user, struct text network)
{
    directory_index_key(out, INDEX_NETWORK, user);
    buffer_append_byte(out, '\0');
    buffer_append(out, network);
}

void directory_index_certificate(struct buffer *out, struct text digest)
{
    buffer_append_byte(out, INDEX_CERTIFICATE);
    buffer_append(out, digest);
}

void directory_index_attribute(struct buffer *out, struct text key, struct text attribute)
{
    directory_index_key(out, INDEX_ATTRIBUTE, key);
    buffer_append_byte(out, '\0');
    buffer_append(out, attribute);
}

bool directory_index_attribute_owner(struct text index_key, struct arena *arena, struct text *key)
{
    struct text rest = text_from_position(index_key, 1);
    struct text domain = text_before(rest, '\0'), behind = text_after(rest, '\0');
    struct text local_part = text_before(behind, '\0');
    *key = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(local_part), TEXT_ARG(domain));
    return index_key.length > 0 && domain.length > 0 && local_part.length > 0;
}

static void member_key(struct buffer *out, struct text list, struct text member)
{
    buffer_reset(out, INDEX_KEY_MAX);
    directory_index_key(out, INDEX_MEMBER, list);
    buffer_append_byte(out, '\0');
    buffer_append(out, member);
}

static bool delete_entry(void *batch, struct text key, struct text value)
{
    unused(value);
    index_batch_delete(batch, key);
    return true;
}

static void apply_members(struct index *index, struct index_batch *batch,
                          const struct directory_record *record)
{
    struct buffer key;
    buffer_init(&key, INDEX_KEY_MAX);
    struct text members = record->members, member, address;
    for (uint32_t i = 0; i < record->member_count; i++) {
        check(directory_record_member(&members, &member, &address));
        member_key(&key, record->key, member);
        if (record->type == RECORD_LIST)
            index_batch_put(batch, buffer_text(&key), address);
        else
            index_batch_delete(batch, buffer_text(&key));
    }
    if (record->type == RECORD_MEMBERS_GONE && record->member_count == 0) {
        member_key(&key, record->key, TEXT(""));
        index_scan(index, buffer_text(&key), TEXT(""), delete_entry, batch);
    }
    buffer_finish(&key);
}

static void put_record(struct index_batch *batch, struct text key,
                       const struct directory_record *record)
{
    struct buffer value;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    directory_record_encode(record, &value);
    index_batch_put(batch, key, buffer_text(&value));
    buffer_forget(&value);
}

static void delete_attributes(struct index *index, struct index_batch *batch, struct text key)
{
    struct buffer prefix;
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_attribute(&prefix, key, TEXT(""));
    index_scan(index, buffer_text(&prefix), TEXT(""), delete_entry, batch);
    buffer_finish(&prefix);
}

static void apply_attribute(struct index_batch *batch, const struct directory_record *record,
                            struct buffer *key)
{
    directory_index_attribute(key, record->key, record->attribute);
    if (record->value.length > 0)
        index_batch_put(batch, buffer_text(key), record->value);
    else
        index_batch_delete(batch, buffer_text(key));
}

static void apply_list(struct index *index, struct index_batch *batch,
                       const struct directory_record *record, struct text key)
{
    struct directory_record head = *record;
    head.member_count = 0;
    head.members = TEXT("");
    if (record->type == RECORD_LIST) {
        put_record(batch, key, &head);
    } else if (record->member_count == 0) {
        index_batch_delete(batch, key);
        delete_attributes(index, batch, record->key);
    }
    apply_members(index, batch, record);
}

struct certificates_of {
    struct index_batch *batch;
    struct text user;
};

static bool delete_certificate(void *context, struct text key, struct text value)
{
    const struct certificates_of *of = context;
    if (text_equals(value, of->user))
        index_batch_delete(of->batch, key);
    return true;
}

/* With the user goes all by which he could log in. */
static void apply_user_gone(struct index *index, struct index_batch *batch,
                            const struct directory_record *record, struct buffer *key)
{
    index_batch_delete(batch, buffer_text(key));
    buffer_reset(key, INDEX_KEY_MAX);
    directory_index_key(key, INDEX_KEYS, record->key);
    index_batch_delete(batch, buffer_text(key));
    buffer_reset(key, INDEX_KEY_MAX);
    directory_index_network(key, record->key, TEXT(""));
    index_scan(index, buffer_text(key), TEXT(""), delete_entry, batch);
    delete_attributes(index, batch, record->key);
    struct certificates_of of = {batch, record->key};
    char prefix = INDEX_CERTIFICATE;
    index_scan(index, text_of(&prefix, 1), TEXT(""), delete_certificate, &of);
}

static void apply_network(struct index_batch *batch, const struct directory_record *record,
                          struct buffer *key)
{
    struct buffer seen;
    buffer_init(&seen, sizeof(uint64_t));
    wire_put_u64(&seen, (uint64_t)record->seen_ms);
    if (record->forgets.length > 0) {
        directory_index_network(key, record->key, record->forgets);
        index_batch_delete(batch, buffer_text(key));
        buffer_reset(key, INDEX_KEY_MAX);
    }
    directory_index_network(key, record->key, record->network);
    index_batch_put(batch, buffer_text(key), buffer_text(&seen));
    buffer_finish(&seen);
}

static void apply_certificate(struct index_batch *batch, const struct directory_record *record,
                              struct buffer *key)
{
    directory_index_certificate(key, record->digest);
    if (record->type == RECORD_CERTIFICATE)
        index_batch_put(batch, buffer_text(key), record->key);
    else
        index_batch_delete(batch, buffer_text(key));
}

/* The same live and at replay. */
enum status directory_apply(struct index *index, const struct directory_record *record,
                            log_number number)
{
    struct buffer key;
    buffer_init(&key, INDEX_KEY_MAX);
    struct index_batch *batch = index_batch_new(index);
    switch (record->type) {
    case RECORD_USER:
        directory_index_key(&key, INDEX_USER, record->key);
        put_record(batch, buffer_text(&key), record);
        break;
    case RECORD_USER_GONE:
        directory_index_key(&key, INDEX_USER, record->key);
        apply_user_gone(index, batch, record, &key);
        break;
    case RECORD_LIST:
    case RECORD_MEMBERS_GONE:
        directory_index_key(&key, INDEX_LIST, record->key);
        apply_list(index, batch, record, buffer_text(&key));
        break;
    case RECORD_KEYS:
        directory_index_key(&key, INDEX_KEYS, record->key);
        put_record(batch, buffer_text(&key), record);
        break;
    case RECORD_SECRET:
        buffer_append_byte(&key, INDEX_SECRET);
        index_batch_put(batch, buffer_text(&key), record->secret);
        break;
    case RECORD_NETWORK:
        apply_network(batch, record, &key);
        break;
    case RECORD_CERTIFICATE:
    case RECORD_CERTIFICATE_GONE:
        apply_certificate(batch, record, &key);
        break;
    case RECORD_ATTRIBUTE:
        apply_attribute(batch, record, &key);
        break;
    }
    enum status status = index_batch_apply(batch, number);
    index_batch_free(&batch);
    buffer_finish(&key);
    return status;
}
