/* The keys of the index, all of them. Integers are big-endian, so keys sort by number.
 *
 *     m id                     message: facts, extents, how many references it has
 *     r id mailbox uid         a mailbox entry refers to this message
 *     q id number              queue item of this message (opaque here)
 *     b owner NUL name         mailbox id
 *     B mailbox                mailbox: owner, name, UIDVALIDITY, UIDNEXT, highest modseq, totals
 *     k mailbox                mailbox: special uses, keywords
 *     f                        the form of this index: what these keys and their values say
 *     u                        highest mailbox id and UIDVALIDITY ever given out
 *     x mailbox uid            mailbox entry, with the flags it came with
 *     g mailbox number         flags that changed since, of 64 UIDs in a row (flag_row.h)
 *     v mailbox modseq         UIDs that went away with this modseq
 *     p mailbox number         the entries of a large mailbox as they once were (snapshot.c); cache
 *     c mailbox modseq         UIDs whose flags changed since with this modseq
 *     o owner NUL name         value of an owner, and where its record stands
 *     d kind id                what was derived of a message's bytes, opaque here; cache. By kind
 *                              first: a listing reads one kind of many messages
 *     w mailbox uid part       what was derived of the entries up to this one together (block.h);
 *                              cache
 *     n mailbox uid            mailbox entry that was not looked through yet (fresh.h); cache
 *     N mailbox                how its others were looked through (fresh.h); cache
 *     t id record              story events that this log record told of this id
 *     i hash id                a message whose Message-ID has this hash
 *     s segment                bytes in this log segment that are still needed
 */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include "base/text.h"

enum { KEY_BYTES = 640 };
struct key {
    unsigned length;
    char bytes[KEY_BYTES];
};

/* Each writes the key and lends it. */
struct text key_message(struct key *key, uint64_t id);
struct text key_messages(struct key *key);
struct text key_reference(struct key *key, uint64_t id, uint64_t mailbox, uint32_t uid);
struct text key_references(struct key *key, uint64_t id);
struct text key_item(struct key *key, uint64_t id, uint32_t number);
struct text key_items(struct key *key, uint64_t id);
/* Empty when owner and name are too long together. */
struct text key_owner(struct key *key, struct text owner, struct text name);
struct text key_mailbox(struct key *key, uint64_t mailbox);
struct text key_traits(struct key *key, uint64_t mailbox);
struct text key_marks(struct key *key);
struct text key_form(struct key *key);
struct text key_vanished(struct key *key, uint64_t mailbox, uint64_t modseq);
struct text key_snapshot(struct key *key, uint64_t mailbox, uint32_t number);
struct text key_flags(struct key *key, uint64_t mailbox, uint32_t number);
struct text key_flags_all(struct key *key, uint64_t mailbox);
struct text key_changed(struct key *key, uint64_t mailbox, uint64_t modseq);
struct text key_changed_all(struct key *key, uint64_t mailbox);
struct text key_vanished_all(struct key *key, uint64_t mailbox);
/* Empty when owner and name are too long together. name "": the beginning of all. */
struct text key_value(struct key *key, struct text owner, struct text name);
struct text key_derived_all(struct key *key, uint8_t kind);
struct text key_derived(struct key *key, uint64_t id, uint8_t kind);
struct text key_block(struct key *key, uint64_t mailbox, uint32_t last, unsigned part);
struct text key_blocks(struct key *key, uint64_t mailbox);
struct text key_fresh(struct key *key, uint64_t mailbox, uint32_t uid);
struct text key_fresh_version(struct key *key, uint64_t mailbox);
struct text key_entry(struct key *key, uint64_t mailbox, uint32_t uid);
struct text key_entries(struct key *key, uint64_t mailbox);
struct text key_story(struct key *key, uint64_t id, uint64_t record);
struct text key_stories(struct key *key, uint64_t id);
struct text key_hash(struct key *key, uint64_t hash, uint64_t id);
struct text key_hashes(struct key *key, uint64_t hash);
struct text key_segment(struct key *key, uint64_t segment);

/* Integers of a key, after its letter and `skip` bytes. 0 when the key is too short. */
uint64_t key_get_u64(struct text key, size_t skip);
uint32_t key_get_u32(struct text key, size_t skip);

#endif
