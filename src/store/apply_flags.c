/* Applying what becomes of flags. A row is read once and put once for each record. */
#include "base/check.h"
#include "store/apply.h"

struct touched_row {
    struct list link;
    uint64_t mailbox;
    uint32_t number;
    bool is_changed;
    struct flag_row row;
};

/* is_whole: nothing it says is needed, all that is there of its UIDs is about to be set. */
static struct touched_row *touch_row(struct apply *apply, uint64_t mailbox, uint32_t number,
                                     bool is_whole)
{
    struct touched_row *touched = apply->row_last;
    struct key key;
    if (touched != NULL && touched->mailbox == mailbox && touched->number == number)
        return touched;
    if (apply->rows_by_key == NULL)
        apply->rows_by_key = map_new();
    struct text at = key_flags(&key, mailbox, number);
    touched = map_get(apply->rows_by_key, at);
    if (touched == NULL) {
        touched = arena_alloc(apply->arena, sizeof(*touched));
        touched->mailbox = mailbox;
        touched->number = number;
        if (!is_whole)
            flag_row_get(apply->store, at, &touched->row);
        list_append(&apply->rows, &touched->link);
        map_put(apply->rows_by_key, at, touched);
    }
    return apply->row_last = touched;
}

static struct touched_row *touch(struct apply *apply, uint64_t mailbox, uint32_t uid)
{
    return touch_row(apply, mailbox, flag_row_number(uid), false);
}

void apply_use_flags(struct apply *apply, uint64_t mailbox, struct mailbox_entry *entry)
{
    flag_row_use(&touch(apply, mailbox, entry->uid)->row, entry);
}

bool apply_forget_flags(struct apply *apply, uint64_t mailbox, uint32_t uid)
{
    struct touched_row *touched = touch(apply, mailbox, uid);
    bool had_some = flag_row_clear(&touched->row, uid);
    touched->is_changed |= had_some;
    return had_some;
}

static bool drop_one(void *context, struct text key, struct text value)
{
    struct apply *apply = context;
    unused(value);
    index_batch_delete(apply->store->batch, key);
    return true;
}

void apply_forget_all_flags(struct apply *apply, uint64_t mailbox)
{
    struct key key;
    index_scan(apply->store->index, key_flags_all(&key, mailbox), TEXT(""), drop_one, apply);
    list_each(link, &apply->rows)
    {
        struct touched_row *touched = list_entry(link, struct touched_row, link);
        if (touched->mailbox != mailbox)
            continue;
        touched->row = (struct flag_row){0};
        touched->is_changed = true;
    }
}

/* Changing the flags of a range. */
struct changing {
    struct apply *apply;
    const struct operation_flags *operation;
    struct mailbox *box; /* NULL when it is not known */
    const struct uid_range *range;
};

static bool is_whole(const struct changing *changing, uint32_t number)
{
    const struct uid_range *range = changing->range;
    uint32_t first = number * FLAG_ROW_UIDS;
    return range->first <= first && range->last >= first + FLAG_ROW_UIDS - 1;
}

static void change_one(const struct changing *changing, struct mailbox_entry *entry)
{
    const struct operation_flags *operation = changing->operation;
    uint32_t number = flag_row_number(entry->uid);
    struct touched_row *touched =
        touch_row(changing->apply, operation->mailbox, number, is_whole(changing, number));
    uint64_t flags_before = entry->flags;
    entry->flags = (entry->flags & ~operation->remove) | operation->add;
    entry->modseq = operation->modseq;
    flag_row_set(&touched->row, entry);
    touched->is_changed = true;
    if (changing->box == NULL)
        return;
    mailbox_sum_flags(changing->box, entry, flags_before);
    changing->box->unsaved++;
}

static bool change_in_index(void *context, struct text key, struct text value)
{
    const struct changing *changing = context;
    struct mailbox_entry entry;
    unused(key);
    if (!entry_decode(value, &entry))
        return true;
    if (entry.uid > changing->range->last)
        return false;
    apply_use_flags(changing->apply, changing->operation->mailbox, &entry);
    change_one(changing, &entry);
    return true;
}

static void change_in_memory(struct changing *changing)
{
    struct mailbox *box = changing->box;
    for (unsigned at = mailbox_place(box, changing->range->first);
         at < box->count && box->entries[at].uid <= changing->range->last; at++)
        change_one(changing, &box->entries[at]);
}

static void change_range(struct changing *changing)
{
    const struct uid_range *range = changing->range;
    uint64_t mailbox = changing->operation->mailbox;
    struct mailbox_entry entry;
    struct key prefix, from;
    if (changing->box != NULL && changing->box->loaded) {
        change_in_memory(changing);
    } else if (range->first < range->last) {
        index_scan(changing->apply->store->index, key_entries(&prefix, mailbox),
                   key_entry(&from, mailbox, range->first), change_in_index, changing);
    } else if (apply_find_entry(changing->apply, changing->box, mailbox, range->first, &entry)) {
        change_one(changing, &entry);
    }
}

void apply_flags(struct apply *apply, const struct operation_flags *operation)
{
    struct mailbox *box = mailbox_by_id(apply->store, operation->mailbox);
    struct changing changing = {.apply = apply, .operation = operation, .box = box};
    if (box != NULL)
        snapshot_note_flags(box, operation);
    for (unsigned i = 0; i < operation->range_count; i++) {
        changing.range = &operation->ranges[i];
        change_range(&changing);
    }
    if (box != NULL)
        apply_note_counters(apply, box, 1, operation->modseq);
}

void apply_put_flags(struct apply *apply)
{
    struct index_batch *batch = apply->store->batch;
    struct buffer value;
    struct key key;
    buffer_init(&value, FLAG_ROW_BYTES_MAX);
    list_each(link, &apply->rows)
    {
        const struct touched_row *touched = list_entry(link, struct touched_row, link);
        if (!touched->is_changed)
            continue;
        struct text at = key_flags(&key, touched->mailbox, touched->number);
        buffer_reset(&value, FLAG_ROW_BYTES_MAX);
        flag_row_encode(&touched->row, &value);
        if (value.length > 0)
            index_batch_put(batch, at, buffer_text(&value));
        else
            index_batch_delete(batch, at);
    }
    buffer_finish(&value);
    map_free(&apply->rows_by_key);
}
