#include "store/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/internal.h"

static struct text own(struct text text)
{
    return text_of(text_to_string(text), text.length);
}

static struct mailbox *mailbox_new(struct store *store, uint64_t id, struct text owner,
                                   struct text name)
{
    struct mailbox *box = calloc(1, sizeof(*box));
    check(box != NULL);
    *box = (struct mailbox){.store = store,
                            .id = id,
                            .owner = own(owner),
                            .name = own(name),
                            .uid_next = 1,
                            .uid_given = 1,
                            .modseq = 1,
                            .modseq_given = 1};
    task_event_init(&box->news);
    list_init(&box->views);
    struct key key;
    map_put(store->mailboxes_by_id, MAP_KEY(id), box);
    map_put(store->mailboxes_by_owner, key_owner(&key, owner, name), box);
    if (id > store->mailbox_last)
        store->mailbox_last = id;
    return box;
}

void mailboxes_free(struct store *store)
{
    size_t position = 0;
    void *value;
    while (map_next(store->mailboxes_by_id, &position, NULL, &value)) {
        struct mailbox *box = value;
        check(box->users == 0);
        free((char *)box->owner.data);
        free((char *)box->name.data);
        free(box->entries);
        free(box);
    }
    map_free(&store->mailboxes_by_id);
    map_free(&store->mailboxes_by_owner);
}

/* The value of key B: the operation's fields, then where the mailbox's own record stands. */
void mailbox_put(struct mailbox *box)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, 2048);
    wire_put_text(&value, box->owner);
    wire_put_text(&value, box->name);
    wire_put_u32(&value, box->uid_validity);
    wire_put_u32(&value, box->uid_next);
    wire_put_u64(&value, box->modseq);
    wire_put_u64(&value, box->base_record);
    wire_put_u64(&value, box->base_segment);
    struct index_batch *batch = box->store->batch;
    index_batch_put(batch, key_mailbox(&key, box->id), buffer_text(&value));
    buffer_finish(&value);
}

static struct mailbox *mailbox_from_value(struct store *store, uint64_t id, struct text value)
{
    struct wire_reader in = wire_reader_of(value);
    struct text owner = wire_get_text(&in), name = wire_get_text(&in);
    uint32_t uid_validity = wire_get_u32(&in), uid_next = wire_get_u32(&in);
    uint64_t modseq = wire_get_u64(&in), record = wire_get_u64(&in), segment = wire_get_u64(&in);
    if (!wire_end(&in) || owner.length + name.length > 600)
        return NULL;
    struct mailbox *box = mailbox_new(store, id, owner, name);
    box->uid_validity = uid_validity;
    box->uid_next = box->uid_given = uid_next;
    box->modseq = box->modseq_given = modseq;
    box->base_record = record;
    box->base_segment = segment;
    return box;
}

struct mailbox *mailbox_by_id(struct store *store, uint64_t id)
{
    struct mailbox *box = map_get(store->mailboxes_by_id, MAP_KEY(id));
    if (box != NULL)
        return box;
    struct key key;
    struct buffer value;
    buffer_init(&value, 2048);
    if (index_get(store->index, key_mailbox(&key, id), &value))
        box = mailbox_from_value(store, id, buffer_text(&value));
    buffer_finish(&value);
    return box;
}

struct mailbox *mailbox_find(struct store *store, struct text owner, struct text name)
{
    struct key key;
    struct text at = key_owner(&key, owner, name);
    if (text_is_empty(at))
        return NULL;
    struct mailbox *box = map_get(store->mailboxes_by_owner, at);
    if (box != NULL)
        return box;
    struct buffer value;
    buffer_init(&value, 64);
    if (index_get(store->index, at, &value)) {
        struct wire_reader in = wire_reader_of(buffer_text(&value));
        box = mailbox_by_id(store, wire_get_u64(&in));
    }
    buffer_finish(&value);
    return box;
}

struct mailbox *mailbox_find_or_make(struct store *store, struct text owner, struct text name)
{
    struct mailbox *box = mailbox_find(store, owner, name);
    if (box != NULL)
        return box;
    if (owner.length + name.length > 600)
        return NULL;
    box = mailbox_new(store, store->mailbox_last + 1, owner, name);
    /* RFC 3501 2.3.1.1: rises when a mailbox is made anew. */
    box->uid_validity = (uint32_t)(clock_wall_ms() / 1000);
    return box;
}

void mailbox_describe(const struct mailbox *box, struct operation_mailbox *out)
{
    *out = (struct operation_mailbox){.mailbox = box->id,
                                      .modseq = box->modseq_given,
                                      .owner = box->owner,
                                      .name = box->name,
                                      .uid_validity = box->uid_validity,
                                      .uid_next = box->uid_given};
}

bool mailbox_compose(struct mailbox *box, struct change *change, struct message_entry *entry)
{
    if (box->uid_given == UINT32_MAX)
        return false;
    if (box->base_segment == 0) {
        struct operation operation = {.type = OPERATION_MAILBOX};
        mailbox_describe(box, &operation.mailbox);
        change_add(change, &operation);
    }
    entry->mailbox = box->id;
    entry->uid = box->uid_given++;
    entry->modseq = ++box->modseq_given;
    return true;
}

uint64_t mailbox_id(const struct mailbox *box)
{
    return box->id;
}

struct text mailbox_owner(const struct mailbox *box)
{
    return box->owner;
}

struct text mailbox_name(const struct mailbox *box)
{
    return box->name;
}

uint32_t mailbox_uid_validity(const struct mailbox *box)
{
    return box->uid_validity;
}

uint32_t mailbox_uid_next(const struct mailbox *box)
{
    return box->uid_next;
}

uint64_t mailbox_modseq(const struct mailbox *box)
{
    return box->modseq;
}

void entry_encode(const struct mailbox_entry *entry, struct buffer *out)
{
    wire_put_u64(out, entry->message);
    wire_put_u64(out, entry->modseq);
    wire_put_u64(out, (uint64_t)entry->date_ms);
    wire_put_u64(out, entry->size);
    wire_put_u32(out, entry->uid);
    wire_put_u32(out, entry->flags);
}

bool entry_decode(struct text value, struct mailbox_entry *out)
{
    struct wire_reader in = wire_reader_of(value);
    out->message = wire_get_u64(&in);
    out->modseq = wire_get_u64(&in);
    out->date_ms = (int64_t)wire_get_u64(&in);
    out->size = wire_get_u64(&in);
    out->uid = wire_get_u32(&in);
    out->flags = wire_get_u32(&in);
    return wire_end(&in);
}

unsigned mailbox_place(const struct mailbox *box, uint32_t uid)
{
    unsigned low = 0, high = box->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (box->entries[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_entry(struct mailbox *box, const struct mailbox_entry *entry)
{
    if (box->count == box->capacity) {
        box->capacity = box->capacity == 0 ? 16 : box->capacity * 2;
        box->entries = realloc(box->entries, box->capacity * sizeof(*box->entries));
        check(box->entries != NULL);
    }
    unsigned at = mailbox_place(box, entry->uid);
    if (at < box->count && box->entries[at].uid == entry->uid)
        return;
    memmove(&box->entries[at + 1], &box->entries[at], (box->count - at) * sizeof(*entry));
    box->entries[at] = *entry;
    box->count++;
}

static bool load_entry(void *context, struct text key, struct text value)
{
    struct mailbox_entry entry;
    unused(key);
    if (entry_decode(value, &entry))
        add_entry(context, &entry);
    return true;
}

void mailbox_open(struct mailbox *box)
{
    box->users++;
    if (box->loaded)
        return;
    struct key key;
    box->loaded = true;
    index_scan(box->store->index, key_entries(&key, box->id), TEXT(""), load_entry, box);
}

void mailbox_close(struct mailbox **closed)
{
    struct mailbox *box = *closed;
    *closed = NULL;
    if (box == NULL)
        return;
    check(box->users > 0);
    if (--box->users > 0)
        return;
    free(box->entries);
    box->entries = NULL;
    box->count = box->capacity = 0;
    box->loaded = false;
}

const struct mailbox_entry *mailbox_entries(const struct mailbox *box, unsigned *count)
{
    check(box->loaded);
    *count = box->count;
    return box->entries;
}

const struct mailbox_entry *mailbox_entry_find(const struct mailbox *box, uint32_t uid)
{
    check(box->loaded);
    unsigned at = mailbox_place(box, uid);
    return at < box->count && box->entries[at].uid == uid ? &box->entries[at] : NULL;
}

struct task_event *mailbox_news(struct mailbox *box)
{
    return &box->news;
}

bool mailbox_lock(struct mailbox *box)
{
    if (box->locked)
        return false;
    box->locked = true;
    return true;
}

void mailbox_unlock(struct mailbox *box)
{
    check(box->locked);
    box->locked = false;
}

/* Counters never go back: an operation written forward may carry older or newer ones. */
static void raise_counters(struct mailbox *box, uint32_t uid_next, uint64_t modseq)
{
    if (box->uid_next < uid_next)
        box->uid_next = uid_next;
    if (box->uid_given < uid_next)
        box->uid_given = uid_next;
    if (box->modseq < modseq)
        box->modseq = modseq;
    if (box->modseq_given < modseq)
        box->modseq_given = modseq;
}

void mailbox_apply(struct store *store, const struct operation_mailbox *operation,
                   log_number number, uint64_t segment)
{
    struct mailbox *box = mailbox_by_id(store, operation->mailbox);
    if (box == NULL)
        box = mailbox_new(store, operation->mailbox, operation->owner, operation->name);
    if (box->base_segment == 0) {
        struct key key;
        struct buffer value;
        box->uid_validity = operation->uid_validity;
        buffer_init(&value, 64);
        wire_put_u64(&value, box->id);
        index_batch_put(store->batch, key_owner(&key, box->owner, box->name), buffer_text(&value));
        buffer_finish(&value);
    } else {
        live_add(store, box->base_segment, -MAILBOX_LIVE_BYTES);
    }
    live_add(store, segment, MAILBOX_LIVE_BYTES);
    box->base_segment = segment;
    box->base_record = number;
    raise_counters(box, operation->uid_next, operation->modseq);
}

void mailbox_apply_entry(struct mailbox *box, const struct mailbox_entry *entry)
{
    raise_counters(box, entry->uid + 1, entry->modseq);
    if (box->loaded)
        add_entry(box, entry);
}

void mailbox_apply_expunge(struct mailbox *box, const uint32_t *uids, unsigned count,
                           uint64_t modseq)
{
    if (count == 0)
        return;
    raise_counters(box, uids[count - 1] + 1, modseq);
    if (!box->loaded)
        return;
    views_note_gone(box, uids, count);
    /* One pass, so that emptying a large mailbox is not quadratic. */
    unsigned kept = mailbox_place(box, uids[0]), next = 0;
    for (unsigned at = kept; at < box->count; at++) {
        while (next < count && uids[next] < box->entries[at].uid)
            next++;
        if (next == count || uids[next] != box->entries[at].uid)
            box->entries[kept++] = box->entries[at];
    }
    box->count = kept;
}

void mailbox_apply_flags(struct mailbox *box, uint32_t uid, uint32_t flags, uint64_t modseq)
{
    raise_counters(box, 1, modseq);
    if (!box->loaded)
        return;
    unsigned at = mailbox_place(box, uid);
    if (at == box->count || box->entries[at].uid != uid)
        return;
    box->entries[at].flags = flags;
    box->entries[at].modseq = modseq;
}

static int compare_uids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

enum status mailbox_expunge(struct mailbox *box, const uint32_t *uids, unsigned count)
{
    enum { AT_ONCE = 4096 }; /* per record: bounds the work of one apply */
    struct arena arena;
    arena_init(&arena);
    uint32_t *sorted = arena_array(&arena, count, sizeof(*sorted));
    memcpy(sorted, uids, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_uids);
    enum status status = OK;
    for (unsigned done = 0; done < count && status == OK; done += AT_ONCE) {
        struct change change;
        change_init(&change);
        unsigned part = count - done < AT_ONCE ? count - done : AT_ONCE;
        struct operation operation = {.type = OPERATION_EXPUNGE,
                                      .expunge = {.mailbox = box->id,
                                                  .modseq = ++box->modseq_given,
                                                  .uids = sorted + done,
                                                  .uid_count = part}};
        change_add(&change, &operation);
        status = store_commit(box->store, &change);
        change_finish(&change);
    }
    arena_finish(&arena);
    return status;
}

enum status mailbox_flag(struct mailbox *box, uint32_t uid, uint32_t add, uint32_t remove)
{
    struct change change;
    change_init(&change);
    struct operation operation = {.type = OPERATION_FLAGS,
                                  .flags = {.mailbox = box->id,
                                            .modseq = ++box->modseq_given,
                                            .uid = uid,
                                            .add = add,
                                            .remove = remove}};
    change_add(&change, &operation);
    enum status status = store_commit(box->store, &change);
    change_finish(&change);
    return status;
}

static const char prefix_start[] = "Return-Path: <";
static const char prefix_end[] = ">\r\n";

uint64_t mailbox_prefix_bytes(struct text sender)
{
    return sizeof(prefix_start) - 1 + sender.length + sizeof(prefix_end) - 1;
}

enum status mailbox_read(struct store *store, uint64_t message, uint64_t offset, uint32_t length,
                         struct buffer *out)
{
    struct arena arena;
    struct message facts;
    arena_init(&arena);
    if (!store_message(store, message, &arena, &facts)) {
        arena_finish(&arena);
        return refused("the message is gone");
    }
    struct text prefix =
        arena_printf(&arena, "%s%.*s%s", prefix_start, TEXT_ARG(facts.sender), prefix_end);
    struct text wanted = text_head(text_from_position(prefix, (size_t)offset), length);
    if (offset < prefix.length)
        buffer_append(out, wanted);
    else
        wanted = TEXT("");
    uint64_t skip = offset > prefix.length ? offset - prefix.length : 0;
    uint32_t rest = length - (uint32_t)wanted.length;
    arena_finish(&arena);
    return rest == 0 ? OK : store_read(store, message, skip, rest, out);
}

struct mailbox_walk {
    struct store *store;
    mailbox_visit *visit;
    void *context;
};

static bool walk_one(void *context, struct text key, struct text value)
{
    struct mailbox_walk *walk = context;
    unused(value);
    struct mailbox *box = mailbox_by_id(walk->store, key_get_u64(key, 0));
    if (box != NULL)
        walk->visit(walk->context, box);
    return true;
}

void mailbox_each(struct store *store, mailbox_visit *visit, void *context)
{
    struct mailbox_walk walk = {store, visit, context};
    index_scan(store->index, TEXT("B"), TEXT(""), walk_one, &walk);
}
