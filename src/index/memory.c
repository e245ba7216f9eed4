/* The index in memory: a skip list of keys. For tests and the simulation, which need nothing to
 * survive, and while the disk is too full for RocksDB; a scan walks a copy of what it will show, so
 * that the visitor may change the index. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "index/engine.h"

enum { LEVELS = 16 };

/* Key and value are one allocation behind the struct. */
struct node {
    struct text key, value;
    char *bytes;
    unsigned level_count;
    struct node *next[];
};

struct memory {
    struct index index;
    struct node *head; /* has every level and no key */
};

struct change {
    bool is_delete;
    size_t key_length, value_length;
};

struct memory_batch {
    struct index_batch batch;
    struct buffer changes; /* struct change, key, value; repeated */
};

static struct node *node_new(unsigned level_count)
{
    struct node *node = calloc(1, sizeof(*node) + level_count * sizeof(struct node *));
    check(node != NULL);
    node->level_count = level_count;
    return node;
}

static void node_set(struct node *node, struct text key, struct text value)
{
    char *bytes = malloc(key.length + value.length + 1);
    check(bytes != NULL);
    memcpy(bytes, key.data, key.length);
    if (value.length > 0)
        memcpy(bytes + key.length, value.data, value.length);
    free(node->bytes);
    node->bytes = bytes;
    node->key = text_of(bytes, key.length);
    node->value = text_of(bytes + key.length, value.length);
}

static void node_free(struct node *node)
{
    free(node->bytes);
    free(node);
}

/* The last node before key on each level (path may be NULL); returns the first at or behind it. */
static struct node *seek(struct memory *memory, struct text key, struct node *path[LEVELS])
{
    struct node *node = memory->head;
    for (unsigned level = LEVELS; level-- > 0;) {
        while (node->next[level] != NULL && text_compare(node->next[level]->key, key) < 0)
            node = node->next[level];
        if (path != NULL)
            path[level] = node;
    }
    return node->next[0];
}

static void put(struct memory *memory, struct text key, struct text value)
{
    struct node *path[LEVELS];
    struct node *found = seek(memory, key, path);
    if (found != NULL && text_equals(found->key, key)) {
        node_set(found, key, value);
        return;
    }
    unsigned level_count = 1;
    while (level_count < LEVELS && random_below(4) == 0)
        level_count++;
    struct node *node = node_new(level_count);
    node_set(node, key, value);
    for (unsigned level = 0; level < level_count; level++) {
        node->next[level] = path[level]->next[level];
        path[level]->next[level] = node;
    }
}

static void remove_key(struct memory *memory, struct text key)
{
    struct node *path[LEVELS];
    struct node *found = seek(memory, key, path);
    if (found == NULL || !text_equals(found->key, key))
        return;
    for (unsigned level = 0; level < found->level_count; level++)
        path[level]->next[level] = found->next[level];
    node_free(found);
}

static void memory_close(struct index *index)
{
    struct memory *memory = (struct memory *)index;
    for (struct node *node = memory->head, *next; node != NULL; node = next) {
        next = node->next[0];
        node_free(node);
    }
    free(memory);
}

static bool memory_get(struct index *index, struct text key, struct buffer *out)
{
    struct node *found = seek((struct memory *)index, key, NULL);
    return found != NULL && text_equals(found->key, key) && buffer_append(out, found->value);
}

static void memory_scan(struct index *index, struct text prefix, struct text from,
                        index_visit *visit, void *context)
{
    struct memory *memory = (struct memory *)index;
    struct text start = text_compare(from, prefix) > 0 ? from : prefix;
    struct memory snapshot = {.head = node_new(LEVELS)};
    struct node *last = snapshot.head;
    for (struct node *node = seek(memory, start, NULL);
         node != NULL && text_starts_with(node->key, prefix); node = node->next[0]) {
        if (text_equals(node->key, INDEX_APPLIED_KEY))
            continue;
        last = last->next[0] = node_new(1);
        node_set(last, node->key, node->value);
    }
    bool more = true;
    for (struct node *node = snapshot.head, *next; node != NULL; node = next) {
        if (more && node != snapshot.head)
            more = visit(context, node->key, node->value);
        next = node->next[0];
        node_free(node);
    }
}

static enum status memory_flush(struct index *index)
{
    unused(index);
    return OK;
}

static struct index_batch *memory_batch_new(struct index *index)
{
    unused(index);
    struct memory_batch *batch = calloc(1, sizeof(*batch));
    check(batch != NULL);
    buffer_init(&batch->changes, SIZE_MAX / 2);
    return &batch->batch;
}

static void add_change(struct index_batch *batch, struct text key, struct text value,
                       bool is_delete)
{
    struct buffer *changes = &((struct memory_batch *)batch)->changes;
    struct change change = {
        .is_delete = is_delete, .key_length = key.length, .value_length = value.length};
    check(buffer_append(changes, text_of(&change, sizeof(change))) && buffer_append(changes, key) &&
          buffer_append(changes, value));
}

static void memory_batch_put(struct index_batch *batch, struct text key, struct text value)
{
    add_change(batch, key, value, false);
}

static void memory_batch_delete(struct index_batch *batch, struct text key)
{
    add_change(batch, key, (struct text){0}, true);
}

static enum status memory_batch_apply(struct index_batch *batch)
{
    struct memory *memory = (struct memory *)batch->index;
    struct buffer *changes = &((struct memory_batch *)batch)->changes;
    const char *at = changes->data;
    for (const char *end = at + changes->length; at < end;) {
        struct change change;
        memcpy(&change, at, sizeof(change));
        struct text key = text_of(at + sizeof(change), change.key_length);
        struct text value = text_of(key.data + key.length, change.value_length);
        if (change.is_delete)
            remove_key(memory, key);
        else
            put(memory, key, value);
        at = value.data + value.length;
    }
    buffer_reset(changes, changes->capacity);
    return OK;
}

static void memory_batch_free(struct index_batch *batch)
{
    buffer_finish(&((struct memory_batch *)batch)->changes);
    free(batch);
}

static const struct index_engine memory_engine = {
    .close = memory_close,
    .get = memory_get,
    .scan = memory_scan,
    .flush = memory_flush,
    .batch_new = memory_batch_new,
    .batch_put = memory_batch_put,
    .batch_delete = memory_batch_delete,
    .batch_apply = memory_batch_apply,
    .batch_free = memory_batch_free,
};

struct index *memory_open(void)
{
    struct memory *memory = calloc(1, sizeof(*memory));
    check(memory != NULL);
    memory->index.engine = &memory_engine;
    memory->head = node_new(LEVELS);
    return &memory->index;
}
