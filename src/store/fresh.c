#include "store/fresh.h"

#include "base/check.h"
#include "store/internal.h"

enum { ENTRY_BYTES = 256, AT_ONCE = 1024 };

struct looking {
    struct store *store;
    struct mailbox_entry *out;
    struct fresh_place place;
    bool found, is_there; /* a key; and its entry */
};

static bool take_first(void *context, struct text key, struct text value)
{
    struct looking *looking = context;
    struct buffer entry;
    struct key at;
    unused(value);
    looking->found = true;
    looking->place = (struct fresh_place){key_get_u64(key, 0), key_get_u32(key, 8)};
    buffer_init(&entry, ENTRY_BYTES);
    struct text wanted = key_entry(&at, looking->place.mailbox, looking->place.uid);
    looking->is_there = index_get(looking->store->index, wanted, &entry) &&
                        entry_decode(buffer_text(&entry), looking->out);
    buffer_finish(&entry);
    return false;
}

bool fresh_next(struct store *store, struct fresh_place *place, struct mailbox_entry *out)
{
    struct looking looking;
    struct key key;
    for (;;) {
        looking = (struct looking){.store = store, .out = out};
        index_scan(store->index, TEXT("n"), key_fresh(&key, place->mailbox, place->uid), take_first,
                   &looking);
        *place = looking.place;
        if (!looking.found || looking.is_there)
            return looking.found;
        fresh_done(store, *place);
    }
}

static void apply_alone(struct store *store, struct index_batch **batch)
{
    index_batch_apply(*batch, index_applied(store->index));
    index_batch_free(batch);
}

void fresh_done(struct store *store, struct fresh_place place)
{
    struct index_batch *batch = index_batch_new(store->index);
    struct key key;
    index_batch_delete(batch, key_fresh(&key, place.mailbox, place.uid));
    apply_alone(store, &batch);
}

struct renewing {
    struct index_batch *batch;
    uint64_t mailbox;
    uint32_t next; /* UID */
    unsigned count;
};

static bool renew_one(void *context, struct text key, struct text value)
{
    struct renewing *renewing = context;
    struct key at;
    unused(value);
    renewing->next = key_get_u32(key, 8) + 1;
    index_batch_put(renewing->batch, key_fresh(&at, renewing->mailbox, renewing->next - 1),
                    TEXT("1"));
    return ++renewing->count < AT_ONCE;
}

void fresh_renew(struct store *store, uint64_t mailbox)
{
    struct renewing renewing = {.mailbox = mailbox};
    do {
        struct key prefix, from;
        renewing.count = 0;
        renewing.batch = index_batch_new(store->index);
        index_scan(store->index, key_entries(&prefix, mailbox),
                   key_entry(&from, mailbox, renewing.next), renew_one, &renewing);
        apply_alone(store, &renewing.batch);
        fresh_tell(store);
        task_yield();
    } while (renewing.count == AT_ONCE);
}

void fresh_renew_some(struct store *store, uint64_t mailbox, const uint32_t *uids, unsigned count)
{
    struct buffer entry;
    struct key key;
    if (count == 0)
        return;
    struct index_batch *batch = index_batch_new(store->index);
    buffer_init(&entry, ENTRY_BYTES);
    for (unsigned i = 0; i < count; i++)
        if (index_get(store->index, key_entry(&key, mailbox, uids[i]), &entry))
            index_batch_put(batch, key_fresh(&key, mailbox, uids[i]), TEXT("1"));
    buffer_finish(&entry);
    apply_alone(store, &batch);
    fresh_tell(store);
}

static bool count_one(void *context, struct text key, struct text value)
{
    struct renewing *counting = context;
    unused(value);
    counting->next = key_get_u32(key, 8) + 1;
    return ++counting->count % AT_ONCE != 0;
}

uint64_t fresh_count(struct store *store, uint64_t mailbox)
{
    struct renewing counting = {.mailbox = mailbox};
    uint64_t count = 0;
    do {
        struct key prefix, from;
        key_fresh(&from, mailbox, counting.next);
        key_fresh(&prefix, mailbox, 0);
        counting.count = 0;
        index_scan(store->index, text_of(prefix.bytes, prefix.length - sizeof(uint32_t)),
                   text_of(from.bytes, from.length), count_one, &counting);
        count += counting.count;
        task_yield();
    } while (counting.count == AT_ONCE);
    return count;
}

uint16_t fresh_version(struct store *store, uint64_t mailbox)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, sizeof(uint16_t));
    index_get(store->index, key_fresh_version(&key, mailbox), &value);
    struct wire_reader in = wire_reader_of(buffer_text(&value));
    uint16_t version = wire_get_u16(&in);
    buffer_finish(&value);
    return version;
}

void fresh_set_version(struct store *store, uint64_t mailbox, uint16_t version)
{
    struct buffer value;
    struct key key;
    if (mailbox_find_id(store, mailbox) == NULL)
        return;
    struct index_batch *batch = index_batch_new(store->index);
    buffer_init(&value, sizeof(version));
    wire_put_u16(&value, version);
    index_batch_put(batch, key_fresh_version(&key, mailbox), buffer_text(&value));
    buffer_finish(&value);
    apply_alone(store, &batch);
}

struct task_event *fresh_news(struct store *store)
{
    return &store->fresh;
}

uint64_t fresh_told(const struct store *store)
{
    return store->fresh_told;
}

void fresh_tell(struct store *store)
{
    store->fresh_told++;
    task_event_tell_all(&store->fresh);
}
