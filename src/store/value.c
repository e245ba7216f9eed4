#include "store/value.h"

#include "base/check.h"
#include "store/apply.h"

/* Key o: where the record stands, then the value. */
enum { HEAD_BYTES = 16, VALUE_LIVE_BYTES = 64 };

bool value_get(struct store *store, struct text owner, struct text name, struct buffer *out)
{
    struct key key;
    struct text at = key_value(&key, owner, name);
    bool found = !text_is_empty(at) && index_get(store->index, at, out) && out->length > HEAD_BYTES;
    if (found)
        buffer_consume(out, HEAD_BYTES);
    return found;
}

bool value_compose(struct change *change, struct text owner, struct text name, struct text value)
{
    if (owner.length + name.length > VALUE_NAMES_MAX || value.length > VALUE_BYTES_MAX)
        return false;
    struct operation operation = {.type = OPERATION_VALUE,
                                  .value = {.owner = owner, .name = name, .value = value}};
    change_add(change, &operation);
    return true;
}

enum status value_set(struct store *store, struct text owner, struct text name, struct text value)
{
    struct change change;
    change_init(&change);
    enum status status = value_compose(&change, owner, name, value)
                             ? store_commit(store, &change)
                             : refused("the name or the value is too long");
    change_finish(&change);
    return status;
}

struct walk {
    value_visit *visit;
    void *context;
    size_t owner_length;
};

static bool visit_one(void *context, struct text key, struct text value)
{
    const struct walk *walk = context;
    return walk->visit(walk->context, text_from_position(key, walk->owner_length + 2),
                       text_from_position(value, HEAD_BYTES));
}

void value_each(struct store *store, struct text owner, struct text prefix, value_visit *visit,
                void *context)
{
    struct key key;
    struct walk walk = {visit, context, owner.length};
    struct text from = key_value(&key, owner, prefix);
    if (!text_is_empty(from))
        index_scan(store->index, from, TEXT(""), visit_one, &walk);
}

/* Applying */

static struct touched_value *find_value(struct apply *apply, struct text owner, struct text name)
{
    list_each(link, &apply->values)
    {
        struct touched_value *value = list_entry(link, struct touched_value, link);
        if (text_equals(value->owner, owner) && text_equals(value->name, name))
            return value;
    }
    return NULL;
}

static struct touched_value *load_value(struct apply *apply, struct text owner, struct text name)
{
    struct touched_value *value = arena_alloc(apply->arena, sizeof(*value));
    struct buffer bytes;
    struct key key;
    *value = (struct touched_value){.owner = owner, .name = name};
    buffer_init(&bytes, VALUE_BYTES_MAX + HEAD_BYTES);
    if (index_get(apply->store->index, key_value(&key, owner, name), &bytes)) {
        struct wire_reader in = wire_reader_of(buffer_text(&bytes));
        wire_get_u64(&in);
        value->segment = wire_get_u64(&in);
        value->bytes = VALUE_LIVE_BYTES + in.rest.length;
    }
    buffer_finish(&bytes);
    list_append(&apply->values, &value->link);
    return value;
}

void apply_value(struct apply *apply, const struct operation_value *operation)
{
    struct touched_value *value = find_value(apply, operation->owner, operation->name);
    if (value == NULL)
        value = load_value(apply, operation->owner, operation->name);
    if (value->segment != 0)
        live_add(apply->store, value->segment, -(int64_t)value->bytes);
    value->value = operation->value;
    value->segment = text_is_empty(operation->value) ? 0 : apply->segment;
    value->bytes = VALUE_LIVE_BYTES + operation->value.length;
    if (value->segment != 0)
        live_add(apply->store, value->segment, (int64_t)value->bytes);
}

void apply_put_values(struct apply *apply)
{
    list_each(link, &apply->values)
    {
        const struct touched_value *value = list_entry(link, struct touched_value, link);
        struct key key;
        struct text at = key_value(&key, value->owner, value->name);
        if (value->segment == 0) {
            index_batch_delete(apply->store->batch, at);
            continue;
        }
        struct buffer bytes;
        buffer_init(&bytes, VALUE_BYTES_MAX + HEAD_BYTES);
        wire_put_u64(&bytes, apply->number);
        wire_put_u64(&bytes, value->segment);
        buffer_append(&bytes, value->value);
        index_batch_put(apply->store->batch, at, buffer_text(&bytes));
        buffer_finish(&bytes);
    }
}

uint64_t value_segment(struct store *store, struct text owner, struct text name)
{
    struct buffer bytes;
    struct key key;
    buffer_init(&bytes, VALUE_BYTES_MAX + HEAD_BYTES);
    uint64_t segment = 0;
    if (index_get(store->index, key_value(&key, owner, name), &bytes)) {
        struct wire_reader in = wire_reader_of(buffer_text(&bytes));
        wire_get_u64(&in);
        segment = wire_get_u64(&in);
    }
    buffer_finish(&bytes);
    return segment;
}
