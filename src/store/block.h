/* Blocks: what was derived of a range of a mailbox's entries together. A block is known by its last
 * UID and consists of numbered parts, part 0 being its head; what they say is for those who derive
 * it. Blocks of a mailbox don't overlap. Like all that is derived they are a cache in the index,
 * and go away with it and with their mailbox. Entries that went away stay in their block. */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "store/derived.h"
#include "store/mailbox.h"

enum { BLOCK_PARTS_MAX = 288, BLOCK_BYTES_MAX = 64 << 20 };

/* The first block of the mailbox whose last UID is this one, not 0, or a higher one: the UID, and
 * its head into out (reset first). False: there is none. Does not YIELD. */
bool block_find(struct store *store, uint64_t mailbox, uint32_t uid, uint32_t *last,
                struct buffer *out);
/* One part into out (reset first). False: there is no such part, or no such block any more. */
bool block_part(struct store *store, uint64_t mailbox, uint32_t last, unsigned part,
                struct buffer *out);

/* The highest UID that a block was ever written for; 0: none. */
uint32_t blocks_end(struct store *store, uint64_t mailbox);

/* A block while it is put together; nothing of it is there before block_write. */
struct block;
struct block *block_new(struct store *store, uint64_t mailbox);
/* Accepts NULL. */
void block_free(struct block **block);
/* All parts together have at most BLOCK_BYTES_MAX. */
void block_put(struct block *block, unsigned part, struct text bytes);
/* When it is written these go: another block; */
void block_replace(struct block *block, uint32_t last);
/* and what was derived of a message, unless the message is in another mailbox or the queue now. */
void block_replace_derived(struct block *block, uint64_t message, enum derived_kind kind);
/* Write it under its last UID. False: the mailbox is gone, or its blocks were forgotten since
 * block_new, and nothing was written. Does not YIELD. */
bool block_write(struct block *block, uint32_t last);
/* Remove one block. Does not YIELD. */
void block_remove(struct store *store, uint64_t mailbox, uint32_t last);
/* Remove those of a mailbox; those that are being put together come to nothing. Does not YIELD. */
void blocks_forget(struct store *store, uint64_t mailbox);

#endif
