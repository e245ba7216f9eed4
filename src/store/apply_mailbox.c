/* Applying what happens to mailbox entries. */
#include "base/array.h"
#include "base/check.h"
#include "store/apply.h"

static void put_entry(struct store *store, uint64_t mailbox, const struct mailbox_entry *entry)
{
    struct key key;
    struct buffer value;
    buffer_init(&value, 256);
    entry_encode(entry, &value);
    index_batch_put(store->batch, key_entry(&key, mailbox, entry->uid), buffer_text(&value));
    buffer_finish(&value);
}

void apply_put_entry(struct apply *apply, const struct message *message,
                     const struct message_entry *from)
{
    struct store *store = apply->store;
    struct mailbox_entry entry = {.message = message->id,
                                  .modseq = from->modseq,
                                  .date_ms = from->date_ms,
                                  .size = message->size + mailbox_prefix_bytes(message),
                                  .flags = from->flags,
                                  .uid = from->uid,
                                  .saved_s = from->saved_s};
    struct key key;
    put_entry(store, from->mailbox, &entry);
    index_batch_put(store->batch, key_reference(&key, message->id, from->mailbox, from->uid),
                    TEXT("1"));
    index_batch_put(store->batch, key_fresh(&key, from->mailbox, from->uid), TEXT("1"));
    apply->has_fresh = true;
    /* NULL while an index is made anew from a log whose head, with the mailbox, was rewritten
     * forward: its record comes later and has counters beyond these. */
    struct mailbox *box = mailbox_by_id(store, from->mailbox);
    if (box == NULL)
        return;
    mailbox_apply_entry(box, &entry);
    apply_note_box(apply, box);
}

/* Of a mailbox in memory its own array has it; it says what the index says. */
bool apply_find_entry(struct apply *apply, struct mailbox *box, uint64_t mailbox, uint32_t uid,
                      struct mailbox_entry *out)
{
    if (box != NULL && box->loaded) {
        const struct mailbox_entry *entry = mailbox_entry_find(box, uid);
        if (entry != NULL)
            *out = *entry;
        return entry != NULL;
    }
    struct key key;
    struct buffer value;
    buffer_init(&value, 256);
    bool found = index_get(apply->store->index, key_entry(&key, mailbox, uid), &value) &&
                 entry_decode(buffer_text(&value), out);
    buffer_finish(&value);
    if (found)
        apply_use_flags(apply, mailbox, out);
    return found;
}

void apply_fold_flags(struct apply *apply, const struct message_entry *place)
{
    struct mailbox *box = mailbox_by_id(apply->store, place->mailbox);
    struct mailbox_entry entry;
    if (apply_find_entry(apply, box, place->mailbox, place->uid, &entry) &&
        apply_forget_flags(apply, place->mailbox, place->uid))
        put_entry(apply->store, place->mailbox, &entry);
}

static void drop_entry(struct apply *apply, uint64_t mailbox, const struct mailbox_entry *entry)
{
    struct index_batch *batch = apply->store->batch;
    struct key key;
    index_batch_delete(batch, key_entry(&key, mailbox, entry->uid));
    index_batch_delete(batch, key_reference(&key, entry->message, mailbox, entry->uid));
    index_batch_delete(batch, key_fresh(&key, mailbox, entry->uid));
    struct touched *touched = apply_touch(apply, entry->message);
    if (touched == NULL)
        return;
    touched->was_in_mailbox = true;
    if (touched->message.references > 0)
        touched->message.references--;
}

void apply_note_counters(struct apply *apply, struct mailbox *box, uint32_t uid_next,
                         uint64_t modseq)
{
    mailbox_raise_counters(box, uid_next, modseq);
    apply_note_box(apply, box);
}

void apply_expunge(struct apply *apply, const struct operation_expunge *operation)
{
    struct store *store = apply->store;
    struct mailbox *box = mailbox_by_id(store, operation->mailbox);
    uint32_t *gone = arena_array(apply->arena, operation->uid_count, sizeof(*gone));
    unsigned gone_count = 0;
    for (unsigned i = 0; i < operation->uid_count; i++) {
        struct mailbox_entry entry;
        uint32_t uid = operation->uids[i];
        if ((i > 0 && uid <= operation->uids[i - 1]) ||
            !apply_find_entry(apply, box, operation->mailbox, uid, &entry))
            continue;
        drop_entry(apply, operation->mailbox, &entry);
        apply_forget_flags(apply, operation->mailbox, uid);
        if (box != NULL)
            mailbox_sum(box, &entry, -1);
        gone[gone_count++] = uid;
    }
    vanished_put(store, operation->mailbox, operation->modseq, gone, gone_count);
    if (box == NULL)
        return;
    mailbox_apply_expunge(box, gone, gone_count);
    apply_note_counters(apply, box, 1, operation->modseq);
}

void apply_copy(struct apply *apply, const struct operation_copy *operation)
{
    for (unsigned i = 0; i < operation->entry_count; i++) {
        const struct copied_entry *copied = &operation->entries[i];
        struct touched *touched = apply_touch(apply, copied->message);
        struct mailbox *box = mailbox_by_id(apply->store, operation->mailbox);
        if (box != NULL)
            apply_note_counters(apply, box, copied->uid + 1, operation->modseq);
        if (touched == NULL)
            continue;
        struct message_entry entry = {.mailbox = operation->mailbox,
                                      .flags = copied->flags,
                                      .modseq = operation->modseq,
                                      .date_ms = copied->date_ms,
                                      .uid = copied->uid,
                                      .saved_s = copied->saved_s};
        touched->message.references++;
        apply_put_entry(apply, &touched->message, &entry);
    }
}

/* Left in a mailbox that goes away. */
struct leftovers {
    struct apply *apply;
    struct mailbox *box; /* NULL when it is not known */
    uint64_t mailbox;
    uint32_t *uids;
    unsigned count;
};

static bool drop_leftover(void *context, const struct mailbox_entry *entry)
{
    struct leftovers *left = context;
    left->uids = arena_grow(left->apply->arena, left->uids, left->count, sizeof(*left->uids));
    left->uids[left->count++] = entry->uid;
    if (left->box != NULL)
        mailbox_sum(left->box, entry, -1);
    drop_entry(left->apply, left->mailbox, entry);
    return true;
}

void apply_mailbox_delete(struct apply *apply, uint64_t id)
{
    struct store *store = apply->store;
    struct mailbox *box = mailbox_by_id(store, id);
    struct leftovers left = {.apply = apply, .box = box, .mailbox = id};
    struct key key;
    entry_scan(store, id, 0, drop_leftover, &left);
    apply_forget_all_flags(apply, id);
    vanished_drop(store, id);
    snapshot_drop(store, id);
    blocks_drop(store, id);
    index_batch_delete(store->batch, key_fresh_version(&key, id));
    if (box == NULL)
        return;
    mailbox_apply_expunge(box, left.uids, left.count);
    apply_note_box(apply, box);
    mailbox_apply_delete(box);
}
