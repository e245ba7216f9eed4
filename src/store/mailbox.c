#include "store/mailbox.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/internal.h"
#include "store/watch.h"

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
    list_init(&box->views);
    struct key key;
    map_put(store->mailboxes_by_id, MAP_KEY(id), box);
    map_put(store->mailboxes_by_owner, key_owner(&key, owner, name), box);
    if (id > store->mailbox_last)
        store->mailbox_last = id;
    return box;
}

void mailbox_free(struct mailbox *box)
{
    check(box->users == 0 && list_is_empty(&box->views));
    mailbox_cool(box);
    free((char *)box->owner.data);
    free((char *)box->name.data);
    free((char *)box->name_given.data);
    for (unsigned i = 0; i < box->keyword_count; i++)
        free((char *)box->keywords[i].data);
    free(box->keywords);
    free(box->entries);
    free(box);
}

void mailboxes_free(struct store *store)
{
    size_t position = 0;
    void *value;
    while (map_next(store->mailboxes_by_id, &position, NULL, &value))
        mailbox_free(value);
    map_free(&store->mailboxes_by_id);
    map_free(&store->mailboxes_by_owner);
}

/* The value of key B: the operation's fields, then where the mailbox's own record stands. */
void mailbox_put(struct mailbox *box)
{
    struct buffer value;
    struct key key;
    if (box->is_deleted)
        return;
    buffer_init(&value, 2048);
    wire_put_text(&value, box->owner);
    wire_put_text(&value, box->name);
    wire_put_u32(&value, box->uid_validity);
    wire_put_u32(&value, box->uid_next);
    wire_put_u64(&value, box->modseq);
    wire_put_u64(&value, box->base_record);
    wire_put_u64(&value, box->base_segment);
    wire_put_u32(&value, box->totals.messages);
    wire_put_u32(&value, box->totals.unseen);
    wire_put_u32(&value, box->totals.deleted);
    wire_put_u64(&value, box->totals.bytes);
    wire_put_u64(&value, box->totals.deleted_bytes);
    struct index_batch *batch = box->store->batch;
    index_batch_put(batch, key_mailbox(&key, box->id), buffer_text(&value));
    buffer_finish(&value);
}

/* The value of key k, as an operation has it. */
static void put_traits(struct mailbox *box)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, MAILBOX_KEYWORDS_MAX * (MAILBOX_KEYWORD_BYTES_MAX + 4) + 64);
    wire_put_u16(&value, (uint16_t)box->uses);
    for (unsigned i = 0; i < box->keywords_applied; i++)
        wire_put_text(&value, box->keywords[i]);
    index_batch_put(box->store->batch, key_traits(&key, box->id), buffer_text(&value));
    buffer_finish(&value);
}

static void add_keyword(struct mailbox *box, struct text keyword)
{
    if (box->keywords == NULL)
        box->keywords = calloc(MAILBOX_KEYWORDS_MAX, sizeof(*box->keywords));
    check(box->keywords != NULL && box->keyword_count < MAILBOX_KEYWORDS_MAX);
    box->keywords[box->keyword_count++] = own(keyword);
}

static void load_traits(struct mailbox *box)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, 64 << 10);
    if (index_get(box->store->index, key_traits(&key, box->id), &value)) {
        struct wire_reader in = wire_reader_of(buffer_text(&value));
        box->uses = wire_get_u16(&in);
        while (!wire_end(&in) && !in.bad && box->keyword_count < MAILBOX_KEYWORDS_MAX)
            add_keyword(box, wire_get_text(&in));
        box->keywords_applied = box->keyword_count;
    }
    buffer_finish(&value);
}

static struct mailbox *mailbox_from_value(struct store *store, uint64_t id, struct text value)
{
    struct wire_reader in = wire_reader_of(value);
    struct text owner = wire_get_text(&in), name = wire_get_text(&in);
    uint32_t uid_validity = wire_get_u32(&in), uid_next = wire_get_u32(&in);
    uint64_t modseq = wire_get_u64(&in), record = wire_get_u64(&in), segment = wire_get_u64(&in);
    struct mailbox_totals totals = {
        .messages = wire_get_u32(&in), .unseen = wire_get_u32(&in), .deleted = wire_get_u32(&in)};
    totals.bytes = wire_get_u64(&in);
    totals.deleted_bytes = wire_get_u64(&in);
    if (!wire_end(&in) || owner.length + name.length > MAILBOX_NAMES_MAX)
        return NULL;
    struct mailbox *box = mailbox_new(store, id, owner, name);
    box->uid_validity = uid_validity;
    box->uid_next = box->uid_given = uid_next;
    box->modseq = box->modseq_given = modseq;
    box->base_record = record;
    box->base_segment = segment;
    box->totals = totals;
    box->has_snapshot = snapshot_exists(store, id);
    load_traits(box);
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

struct mailbox *mailbox_named(struct store *store, struct text owner, struct text name)
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

struct mailbox *mailbox_find(struct store *store, struct text owner, struct text name)
{
    struct mailbox *box = mailbox_named(store, owner, name);
    return box == NULL || box->is_going ? NULL : box;
}

struct mailbox *mailbox_find_id(struct store *store, uint64_t id)
{
    return mailbox_by_id(store, id);
}

/* RFC 3501 2.3.1.1: rises when a mailbox of the name is made anew; here, with every mailbox. */
static uint32_t next_validity(struct store *store)
{
    uint32_t now_s = (uint32_t)(clock_wall_ms() / SECOND);
    store->validity_last = now_s > store->validity_last ? now_s : store->validity_last + 1;
    return store->validity_last;
}

struct mailbox *mailbox_make(struct store *store, struct text owner, struct text name,
                             unsigned uses)
{
    struct mailbox *box = mailbox_new(store, store->mailbox_last + 1, owner, name);
    box->uid_validity = next_validity(store);
    box->uses = uses;
    return box;
}

void mailbox_unmake(struct mailbox *box)
{
    struct key key;
    if (box->base_segment != 0)
        return; /* another change has made it */
    map_remove(box->store->mailboxes_by_owner, key_owner(&key, box->owner, box->name));
    map_remove(box->store->mailboxes_by_id, MAP_KEY(box->id));
    box->is_going = box->is_deleted = true;
    if (box->users == 0)
        mailbox_free(box);
}

struct mailbox *mailbox_find_or_make(struct store *store, struct text owner, struct text name)
{
    struct mailbox *box = mailbox_named(store, owner, name);
    if (box != NULL)
        return box;
    if (owner.length + name.length > MAILBOX_NAMES_MAX)
        return NULL;
    return mailbox_make(store, owner, name, 0);
}

void mailbox_describe(const struct mailbox *box, struct operation_mailbox *out)
{
    *out = (struct operation_mailbox){.mailbox = box->id,
                                      .modseq = box->modseq_given,
                                      .owner = box->owner,
                                      .name = text_is_empty(box->name_given) ? box->name
                                                                             : box->name_given,
                                      .uid_validity = box->uid_validity,
                                      .uid_next = box->uid_given,
                                      .uses = box->uses,
                                      .keywords = box->keywords,
                                      .keyword_count = box->keyword_count,
                                      .mailbox_last = box->store->mailbox_last,
                                      .validity_last = box->store->validity_last};
}

/* The first few messages all come with it: one record that is damaged must not cost a mailbox. */
void mailbox_compose_box(struct mailbox *box, struct change *change)
{
    enum { TOLD_BEFORE_UID = 4 };
    if (box->base_segment != 0 && box->keyword_count == box->keywords_applied &&
        box->uid_given >= TOLD_BEFORE_UID)
        return;
    struct operation operation = {.type = OPERATION_MAILBOX};
    mailbox_describe(box, &operation.mailbox);
    change_add(change, &operation);
}

bool mailbox_compose(struct mailbox *box, struct change *change, struct message_entry *entry)
{
    if (box->uid_given == UINT32_MAX || box->is_going)
        return false;
    mailbox_compose_box(box, change);
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

unsigned mailbox_uses(const struct mailbox *box)
{
    return box->uses;
}

bool mailbox_is_deleted(const struct mailbox *box)
{
    return box->is_going;
}

unsigned mailbox_keyword_count(const struct mailbox *box)
{
    return box->keyword_count;
}

struct text mailbox_keyword(const struct mailbox *box, unsigned i)
{
    check(i < box->keyword_count);
    return box->keywords[i];
}

uint64_t mailbox_keyword_find(const struct mailbox *box, struct text keyword)
{
    for (unsigned i = 0; i < box->keyword_count; i++)
        if (text_equals_nocase(box->keywords[i], keyword))
            return UINT64_C(1) << (MAILBOX_FIRST_KEYWORD + i);
    return 0;
}

uint64_t mailbox_keyword_add(struct mailbox *box, struct text keyword)
{
    uint64_t flag = mailbox_keyword_find(box, keyword);
    if (flag != 0 || box->keyword_count == MAILBOX_KEYWORDS_MAX || text_is_empty(keyword) ||
        keyword.length > MAILBOX_KEYWORD_BYTES_MAX)
        return flag;
    add_keyword(box, keyword);
    return UINT64_C(1) << (MAILBOX_FIRST_KEYWORD + box->keyword_count - 1);
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

static void put_name(struct mailbox *box)
{
    struct key key;
    struct buffer value;
    buffer_init(&value, 64);
    wire_put_u64(&value, box->id);
    index_batch_put(box->store->batch, key_owner(&key, box->owner, box->name), buffer_text(&value));
    buffer_finish(&value);
}

/* Take the name away, unless another mailbox has it by now. */
static void drop_name(struct mailbox *box)
{
    struct store *store = box->store;
    struct key key;
    struct text at = key_owner(&key, box->owner, box->name);
    if (map_get(store->mailboxes_by_owner, at) != box)
        return;
    map_remove(store->mailboxes_by_owner, at);
    index_batch_delete(store->batch, at);
}

static void change_name(struct mailbox *box, struct text owner, struct text name)
{
    struct key key;
    drop_name(box);
    owner_totals_forget(box->store, box->owner);
    owner_totals_forget(box->store, owner);
    free((char *)box->owner.data);
    free((char *)box->name.data);
    box->owner = own(owner);
    box->name = own(name);
    map_put(box->store->mailboxes_by_owner, key_owner(&key, owner, name), box);
}

/* What the operation says of keywords; those that were given since, but are not in a record yet,
 * stay. */
static void apply_traits(struct mailbox *box, const struct operation_mailbox *operation)
{
    for (unsigned i = box->keyword_count; i < operation->keyword_count; i++)
        add_keyword(box, operation->keywords[i]);
    if (box->keywords_applied < operation->keyword_count)
        box->keywords_applied = operation->keyword_count;
    box->uses = operation->uses;
    put_traits(box);
}

static void follow_marks(struct store *store)
{
    if (store->mailbox_last < store->mailbox_last_applied)
        store->mailbox_last = store->mailbox_last_applied;
    if (store->validity_last < store->validity_last_applied)
        store->validity_last = store->validity_last_applied;
}

static void raise_marks(struct store *store, const struct operation_mailbox *operation)
{
    struct buffer value;
    struct key key;
    if (store->mailbox_last_applied < operation->mailbox_last)
        store->mailbox_last_applied = operation->mailbox_last;
    if (store->validity_last_applied < operation->validity_last)
        store->validity_last_applied = operation->validity_last;
    follow_marks(store);
    buffer_init(&value, 64);
    wire_put_u64(&value, store->mailbox_last_applied);
    wire_put_u32(&value, store->validity_last_applied);
    index_batch_put(store->batch, key_marks(&key), buffer_text(&value));
    buffer_finish(&value);
}

void mailbox_marks_load(struct store *store)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, 64);
    if (index_get(store->index, key_marks(&key), &value)) {
        struct wire_reader in = wire_reader_of(buffer_text(&value));
        store->mailbox_last_applied = wire_get_u64(&in);
        store->validity_last_applied = wire_get_u32(&in);
        follow_marks(store);
    }
    buffer_finish(&value);
}

void mailbox_apply(struct store *store, const struct operation_mailbox *operation,
                   log_number number, uint64_t segment)
{
    struct mailbox *box = mailbox_by_id(store, operation->mailbox);
    if (box == NULL) {
        box = mailbox_new(store, operation->mailbox, operation->owner, operation->name);
        mailbox_sum_all(box);
        owner_totals_forget(store, operation->owner);
    }
    if (!text_equals(box->name, operation->name) || !text_equals(box->owner, operation->owner))
        change_name(box, operation->owner, operation->name);
    if (box->base_segment == 0)
        box->uid_validity = operation->uid_validity;
    else
        live_add(store, box->base_segment, -MAILBOX_LIVE_BYTES);
    put_name(box);
    apply_traits(box, operation);
    raise_marks(store, operation);
    live_add(store, segment, MAILBOX_LIVE_BYTES);
    box->base_segment = segment;
    box->base_record = number;
    mailbox_raise_counters(box, operation->uid_next, operation->modseq);
}

void mailbox_apply_delete(struct mailbox *box)
{
    struct store *store = box->store;
    struct key key;
    drop_name(box);
    index_batch_delete(store->batch, key_mailbox(&key, box->id));
    index_batch_delete(store->batch, key_traits(&key, box->id));
    if (box->base_segment != 0)
        live_add(store, box->base_segment, -MAILBOX_LIVE_BYTES);
    map_remove(store->mailboxes_by_id, MAP_KEY(box->id));
    box->is_going = box->is_deleted = true;
}

void mailbox_tell(struct mailbox *box)
{
    views_wake(box);
    mailbox_watchers_wake(box->store, box->owner);
    if (box->is_deleted && box->users == 0)
        mailbox_free(box);
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
