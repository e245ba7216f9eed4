#include "store/block.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/internal.h"

/* In place of a block that ends at UID 0: the highest UID so far. */
enum { HEAD = 0, HEAD_MAX = 1 << 20, END_UID = 0 };

struct finding {
    struct buffer *out;
    uint32_t last;
    bool found;
};

/* What stands at the place of a head is one, or nothing of use. */
static bool take_head(void *context, struct text key, struct text value)
{
    struct finding *finding = context;
    finding->last = key_get_u32(key, 8);
    finding->found = buffer_append(finding->out, value);
    return false;
}

bool block_find(struct store *store, uint64_t mailbox, uint32_t uid, uint32_t *last,
                struct buffer *out)
{
    struct finding finding = {.out = out};
    struct key prefix, from;
    buffer_reset(out, HEAD_MAX);
    index_scan(store->index, key_blocks(&prefix, mailbox), key_block(&from, mailbox, uid, HEAD),
               take_head, &finding);
    *last = finding.last;
    return finding.found;
}

bool block_part(struct store *store, uint64_t mailbox, uint32_t last, unsigned part,
                struct buffer *out)
{
    struct key key;
    return index_get(store->index, key_block(&key, mailbox, last, part), out);
}

uint32_t blocks_end(struct store *store, uint64_t mailbox)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, HEAD_MAX);
    index_get(store->index, key_block(&key, mailbox, END_UID, HEAD), &value);
    struct wire_reader in = wire_reader_of(buffer_text(&value));
    uint32_t end = wire_get_u32(&in);
    buffer_finish(&value);
    return end;
}

static void put_end(struct index_batch *batch, uint64_t mailbox, uint32_t last)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, HEAD_MAX);
    wire_put_u32(&value, last);
    index_batch_put(batch, key_block(&key, mailbox, END_UID, HEAD), buffer_text(&value));
    buffer_finish(&value);
}

/* Making. All is kept aside up to the end: the store may get another index meanwhile. */

struct piece {
    unsigned part;
    size_t start, length;
};

struct replaced {
    struct replaced *next;
    uint64_t message; /* 0: it is a block */
    enum derived_kind kind;
    uint32_t last;
};

struct block {
    struct store *store;
    uint64_t mailbox;
    uint64_t forgotten; /* the store's count when it was begun */
    struct buffer bytes;
    struct piece pieces[BLOCK_PARTS_MAX];
    unsigned count;
    struct arena arena;
    struct replaced *replaced;
};

struct block *block_new(struct store *store, uint64_t mailbox)
{
    struct block *block = calloc(1, sizeof(*block));
    check(block != NULL);
    block->store = store;
    block->mailbox = mailbox;
    block->forgotten = store->blocks_forgotten;
    buffer_init(&block->bytes, BLOCK_BYTES_MAX);
    arena_init(&block->arena);
    return block;
}

void block_free(struct block **freed)
{
    struct block *block = *freed;
    *freed = NULL;
    if (block == NULL)
        return;
    buffer_finish(&block->bytes);
    arena_finish(&block->arena);
    free(block);
}

void block_put(struct block *block, unsigned part, struct text bytes)
{
    check(part < BLOCK_PARTS_MAX && block->count < BLOCK_PARTS_MAX);
    block->pieces[block->count++] = (struct piece){part, block->bytes.length, bytes.length};
    check(buffer_append(&block->bytes, bytes));
}

static struct replaced *replace(struct block *block)
{
    struct replaced *replaced = arena_alloc(&block->arena, sizeof(*replaced));
    replaced->next = block->replaced;
    block->replaced = replaced;
    return replaced;
}

void block_replace(struct block *block, uint32_t last)
{
    replace(block)->last = last;
}

static bool is_ours_alone(struct store *store, uint64_t id)
{
    struct arena arena;
    struct message message;
    arena_init(&arena);
    bool is_ours = store_message(store, id, &arena, &message) && message.references == 1;
    arena_finish(&arena);
    return is_ours;
}

void block_replace_derived(struct block *block, uint64_t message, enum derived_kind kind)
{
    if (!is_ours_alone(block->store, message))
        return;
    struct replaced *replaced = replace(block);
    replaced->message = message;
    replaced->kind = kind;
}

static void delete_parts(struct index_batch *batch, uint64_t mailbox, uint32_t last)
{
    struct key key;
    for (unsigned part = 0; part < BLOCK_PARTS_MAX; part++)
        index_batch_delete(batch, key_block(&key, mailbox, last, part));
}

static void delete_replaced(const struct block *block, struct index_batch *batch)
{
    struct key key;
    for (const struct replaced *at = block->replaced; at != NULL; at = at->next) {
        if (at->message == 0)
            delete_parts(batch, block->mailbox, at->last);
        else
            index_batch_delete(batch, key_derived(&key, at->message, (uint8_t)at->kind));
    }
}

/* It is no part of what records say, so the applied position stays. */
static void apply_alone(struct store *store, struct index_batch **batch)
{
    index_batch_apply(*batch, index_applied(store->index));
    index_batch_free(batch);
}

bool block_write(struct block *block, uint32_t last)
{
    struct store *store = block->store;
    if (store->blocks_forgotten != block->forgotten ||
        mailbox_find_id(store, block->mailbox) == NULL)
        return false;
    struct index_batch *batch = index_batch_new(store->index);
    struct key key;
    delete_replaced(block, batch);
    store->derived_changes++;
    for (unsigned i = 0; i < block->count; i++) {
        const struct piece *piece = &block->pieces[i];
        struct text bytes = text_from_position(buffer_text(&block->bytes), piece->start);
        index_batch_put(batch, key_block(&key, block->mailbox, last, piece->part),
                        text_head(bytes, piece->length));
    }
    if (last > blocks_end(store, block->mailbox))
        put_end(batch, block->mailbox, last);
    apply_alone(store, &batch);
    return true;
}

/* Removing */

static void delete_all(struct store *store, uint64_t mailbox, struct index_batch *batch)
{
    struct buffer head;
    struct key key;
    uint32_t last, uid = END_UID + 1;
    buffer_init(&head, HEAD_MAX);
    index_batch_delete(batch, key_block(&key, mailbox, END_UID, HEAD));
    while (block_find(store, mailbox, uid, &last, &head)) {
        delete_parts(batch, mailbox, last);
        uid = last + 1; /* no UID is the highest number */
    }
    buffer_finish(&head);
}

void block_remove(struct store *store, uint64_t mailbox, uint32_t last)
{
    struct index_batch *batch = index_batch_new(store->index);
    delete_parts(batch, mailbox, last);
    apply_alone(store, &batch);
}

void blocks_forget(struct store *store, uint64_t mailbox)
{
    struct index_batch *batch = index_batch_new(store->index);
    delete_all(store, mailbox, batch);
    store->blocks_forgotten++;
    apply_alone(store, &batch);
}

void blocks_drop(struct store *store, uint64_t mailbox)
{
    delete_all(store, mailbox, store->batch);
}
