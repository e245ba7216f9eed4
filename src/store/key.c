#include "store/key.h"

#include <string.h>

static void begin(struct key *key, char letter)
{
    key->bytes[0] = letter;
    key->length = 1;
}

static void add_integer(struct key *key, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        key->bytes[key->length + i] = (char)(value >> (8 * (bytes - 1 - i)));
    key->length += bytes;
}

static struct text lend(const struct key *key)
{
    return text_of(key->bytes, key->length);
}

static struct text key_of(struct key *key, char letter, uint64_t first)
{
    begin(key, letter);
    add_integer(key, first, 8);
    return lend(key);
}

struct text key_message(struct key *key, uint64_t id)
{
    return key_of(key, 'm', id);
}

struct text key_messages(struct key *key)
{
    begin(key, 'm');
    return lend(key);
}

struct text key_reference(struct key *key, uint64_t id, uint64_t mailbox, uint32_t uid)
{
    key_of(key, 'r', id);
    add_integer(key, mailbox, 8);
    add_integer(key, uid, 4);
    return lend(key);
}

struct text key_references(struct key *key, uint64_t id)
{
    return key_of(key, 'r', id);
}

struct text key_item(struct key *key, uint64_t id, uint32_t number)
{
    key_of(key, 'q', id);
    add_integer(key, number, 4);
    return lend(key);
}

struct text key_items(struct key *key, uint64_t id)
{
    return key_of(key, 'q', id);
}

static struct text key_of_names(struct key *key, char letter, struct text owner, struct text name)
{
    if (owner.length + name.length + 2 > KEY_BYTES)
        return TEXT("");
    begin(key, letter);
    memcpy(key->bytes + 1, owner.data, owner.length);
    key->bytes[1 + owner.length] = '\0';
    memcpy(key->bytes + 2 + owner.length, name.data, name.length);
    key->length = (unsigned)(2 + owner.length + name.length);
    return lend(key);
}

struct text key_owner(struct key *key, struct text owner, struct text name)
{
    return key_of_names(key, 'b', owner, name);
}

struct text key_value(struct key *key, struct text owner, struct text name)
{
    return key_of_names(key, 'o', owner, name);
}

struct text key_traits(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'k', mailbox);
}

struct text key_form(struct key *key)
{
    begin(key, 'f');
    return lend(key);
}

struct text key_marks(struct key *key)
{
    begin(key, 'u');
    return lend(key);
}

struct text key_vanished(struct key *key, uint64_t mailbox, uint64_t modseq)
{
    key_of(key, 'v', mailbox);
    add_integer(key, modseq, 8);
    return lend(key);
}

struct text key_snapshot(struct key *key, uint64_t mailbox, uint32_t number)
{
    key_of(key, 'p', mailbox);
    add_integer(key, number, 4);
    return lend(key);
}

struct text key_flags(struct key *key, uint64_t mailbox, uint32_t number)
{
    key_of(key, 'g', mailbox);
    add_integer(key, number, 4);
    return lend(key);
}

struct text key_flags_all(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'g', mailbox);
}

struct text key_changed(struct key *key, uint64_t mailbox, uint64_t modseq)
{
    key_of(key, 'c', mailbox);
    add_integer(key, modseq, 8);
    return lend(key);
}

struct text key_changed_all(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'c', mailbox);
}

struct text key_vanished_all(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'v', mailbox);
}

struct text key_derived_all(struct key *key, uint8_t kind)
{
    begin(key, 'd');
    add_integer(key, kind, 1);
    return lend(key);
}

struct text key_derived(struct key *key, uint64_t id, uint8_t kind)
{
    key_derived_all(key, kind);
    add_integer(key, id, 8);
    return lend(key);
}

struct text key_block(struct key *key, uint64_t mailbox, uint32_t last, unsigned part)
{
    key_of(key, 'w', mailbox);
    add_integer(key, last, 4);
    add_integer(key, part, 2);
    return lend(key);
}

struct text key_blocks(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'w', mailbox);
}

struct text key_mailbox(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'B', mailbox);
}

struct text key_fresh_version(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'N', mailbox);
}

struct text key_fresh(struct key *key, uint64_t mailbox, uint32_t uid)
{
    key_of(key, 'n', mailbox);
    add_integer(key, uid, 4);
    return lend(key);
}

struct text key_entry(struct key *key, uint64_t mailbox, uint32_t uid)
{
    key_of(key, 'x', mailbox);
    add_integer(key, uid, 4);
    return lend(key);
}

struct text key_entries(struct key *key, uint64_t mailbox)
{
    return key_of(key, 'x', mailbox);
}

struct text key_story(struct key *key, uint64_t id, uint64_t record)
{
    key_of(key, 't', id);
    add_integer(key, record, 8);
    return lend(key);
}

struct text key_stories(struct key *key, uint64_t id)
{
    return key_of(key, 't', id);
}

struct text key_hash(struct key *key, uint64_t hash, uint64_t id)
{
    key_of(key, 'i', hash);
    add_integer(key, id, 8);
    return lend(key);
}

struct text key_hashes(struct key *key, uint64_t hash)
{
    return key_of(key, 'i', hash);
}

struct text key_segment(struct key *key, uint64_t segment)
{
    return key_of(key, 's', segment);
}

static uint64_t get_integer(struct text key, size_t skip, unsigned bytes)
{
    if (key.length < 1 + skip + bytes)
        return 0;
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)key.data[1 + skip + i];
    return value;
}

uint64_t key_get_u64(struct text key, size_t skip)
{
    return get_integer(key, skip, 8);
}

uint32_t key_get_u32(struct text key, size_t skip)
{
    return (uint32_t)get_integer(key, skip, 4);
}
