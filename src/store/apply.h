/* One record being applied: what the files of the apply function share. Included only by them.
 *
 * The batch of the index is not readable before it is applied, so what several operations of a
 * record may touch (messages, values) is gathered here and put once, at the end. */
#ifndef STORE_APPLY_H
#define STORE_APPLY_H

#include "store/flag_row.h"
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
    struct list rows; /* of flags: apply_flags.c */
    struct map *rows_by_key;
    struct touched_row *row_last;
    struct map *touched_by_id; /* once there are many; else NULL */
    unsigned touched_count;
    struct operation_item *items;
    unsigned item_count;
    struct mailbox **boxes; /* that changed */
    unsigned box_count;
    bool has_fresh; /* entries came */
};

/* The message with what this record has changed of it so far; NULL when there is none. */
struct touched *apply_touch(struct apply *apply, uint64_t id);
/* This mailbox is to be put, and its sessions told. */
void apply_note_box(struct apply *apply, struct mailbox *box);
/* A new entry of a message; its reference is counted by the caller. */
void apply_put_entry(struct apply *apply, const struct message *message,
                     const struct message_entry *from);

/* The entry as this record has left it so far. box: its mailbox, or NULL when that is not known. */
bool apply_find_entry(struct apply *apply, struct mailbox *box, uint64_t mailbox, uint32_t uid,
                      struct mailbox_entry *out);
/* Whether the entries are there or not: what a record gave out is never given again. They may be
 * missing because their messages were written forward, to a place that replay comes to later. */
void apply_note_counters(struct apply *apply, struct mailbox *box, uint32_t uid_next,
                         uint64_t modseq);

/* apply_mailbox.c */
void apply_expunge(struct apply *apply, const struct operation_expunge *operation);
/* The message was written forward: an index that begins behind the changes of its flags has them
 * from there, with the entry. So has this one from now on. */
void apply_fold_flags(struct apply *apply, const struct message_entry *entry);
void apply_copy(struct apply *apply, const struct operation_copy *operation);
void apply_mailbox_delete(struct apply *apply, uint64_t id);
/* apply_flags.c */
void apply_flags(struct apply *apply, const struct operation_flags *operation);
/* The entry as its key says it gets the flags that it has by now. */
void apply_use_flags(struct apply *apply, uint64_t mailbox, struct mailbox_entry *entry);
/* Of an entry that went away, or whose key says them now. False: they had not changed. */
bool apply_forget_flags(struct apply *apply, uint64_t mailbox, uint32_t uid);
void apply_forget_all_flags(struct apply *apply, uint64_t mailbox);
void apply_put_flags(struct apply *apply);
/* value.c */
void apply_value(struct apply *apply, const struct operation_value *operation);
void apply_put_values(struct apply *apply);

#endif
