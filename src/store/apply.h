/* One record being applied: what the files of the apply function share. Included only by them.
 *
 * The batch of the index is not readable before it is applied, so what several operations of a
 * record may touch (messages, values) is gathered here and put once, at the end. */
#ifndef STORE_APPLY_H
#define STORE_APPLY_H

#include "store/internal.h"

struct touched {
    struct list link;
    struct message message;
    bool was_in_mailbox; /* and lost an entry */
};
struct touched_value {
    struct list link;
    struct text owner, name, value;
    uint64_t segment; /* where it stands; 0: it is not there */
    uint64_t bytes;   /* it counts for there */
};
struct told {
    struct list link;
    uint64_t id, hash;
    struct buffer events;
};
struct apply {
    struct store *store;
    struct arena *arena;
    log_number number;
    struct log_place body;
    uint32_t body_offset; /* within the payload */
    uint64_t segment;
    struct list touched, values, told;
    struct map *touched_by_id; /* once there are many; else NULL */
    unsigned touched_count;
    struct operation_item *items;
    unsigned item_count, item_capacity;
    struct mailbox **boxes; /* that changed */
    unsigned box_count, box_capacity;
    bool has_fresh; /* entries came */
};

/* The message with what this record has changed of it so far; NULL when there is none. */
struct touched *apply_touch(struct apply *apply, uint64_t id);
/* This mailbox is to be put, and its sessions told. */
void apply_note_box(struct apply *apply, struct mailbox *box);
/* A new entry of a message; its reference is counted by the caller. */
void apply_put_entry(struct apply *apply, const struct message *message,
                     const struct message_entry *from);

/* apply_mailbox.c */
void apply_expunge(struct apply *apply, const struct operation_expunge *operation);
void apply_flags(struct apply *apply, const struct operation_flags *operation);
void apply_copy(struct apply *apply, const struct operation_copy *operation);
void apply_mailbox_delete(struct apply *apply, uint64_t id);
/* value.c */
void apply_value(struct apply *apply, const struct operation_value *operation);
void apply_put_values(struct apply *apply);

#endif
