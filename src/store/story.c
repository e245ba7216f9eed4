/* Stories: what `trace` tells of a message, a session or a refusal. */
#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "store/internal.h"

enum {
    STORIES_PER_SECOND = 2000, /* told one by one; above, they are counted and dropped */
    STORIES_PER_RECORD = 256,
    STORY_TEXT_MAX = 4096,
};

uint64_t store_message_id_hash(struct text message_id)
{
    return text_is_empty(message_id) ? 0 : hash_checksum(message_id) | 1;
}

void store_story(struct store *store, uint64_t id, struct text event, struct text text)
{
    int64_t now = clock_wall_ms();
    if (now / SECOND != store->story_second) {
        store->story_second = now / SECOND;
        store->story_second_count = 0;
    }
    if (store->story_count >= STORIES_PER_SECOND ||
        store->story_second_count >= STORIES_PER_SECOND) {
        store->stories_dropped++;
        return;
    }
    store->story_second_count++;
    store->story_count++;
    struct operation operation = {.type = OPERATION_STORY,
                                  .story = {.id = id,
                                            .wall_ms = now,
                                            .event = text_head(event, 64),
                                            .text = text_head(text, STORY_TEXT_MAX)}};
    change_add(&store->stories, &operation);
}

/* Move at most STORIES_PER_RECORD operations off the front into change. */
static void take_some(struct store *store, struct change *change)
{
    struct text rest = buffer_text(&store->stories.operations);
    struct arena arena;
    struct operation operation;
    bool bad;
    arena_init(&arena);
    unsigned taken = 0;
    while (taken < STORIES_PER_RECORD && change_next(&rest, &arena, &operation, &bad)) {
        change_add(change, &operation);
        taken++;
    }
    arena_finish(&arena);
    buffer_consume(&store->stories.operations, store->stories.operations.length - rest.length);
    store->story_count -= taken;
}

void store_story_flush(struct store *store)
{
    enum status status = OK;
    while (store->story_count > 0 && status == OK) {
        struct change change;
        change_init(&change);
        take_some(store, &change);
        status = store_commit(store, &change);
        change_finish(&change);
    }
    if (store->story_count == 0)
        buffer_reset(&store->stories.operations, 1 << 16);
}

struct story_walk {
    store_story_visit *visit;
    void *context;
    bool found;
};

static bool walk_stories(void *context, struct text key, struct text value)
{
    struct story_walk *walk = context;
    unused(key);
    struct wire_reader in = wire_reader_of(value);
    wire_get_u64(&in); /* hash of the Message-ID */
    while (!wire_end(&in) && !in.bad) {
        int64_t wall_ms = (int64_t)wire_get_u64(&in);
        struct text event = wire_get_text(&in), text = wire_get_text(&in);
        if (in.bad)
            break;
        walk->found = true;
        walk->visit(walk->context, wall_ms, event, text);
    }
    return true;
}

bool store_stories(struct store *store, uint64_t id, store_story_visit *visit, void *context)
{
    struct story_walk walk = {.visit = visit, .context = context};
    struct key key;
    index_scan(store->index, key_stories(&key, id), TEXT(""), walk_stories, &walk);
    return walk.found;
}

struct id_list {
    uint64_t *ids;
    unsigned count, most;
};

static bool add_id(void *context, struct text key, struct text value)
{
    struct id_list *list = context;
    unused(value);
    list->ids[list->count++] = key_get_u64(key, 8);
    return list->count < list->most;
}

unsigned store_find_message_id(struct store *store, struct text message_id, uint64_t *ids,
                               unsigned most)
{
    struct id_list list = {.ids = ids, .most = most};
    struct key key;
    uint64_t hash = store_message_id_hash(message_id);
    if (hash != 0 && most > 0)
        index_scan(store->index, key_hashes(&key, hash), TEXT(""), add_id, &list);
    return list.count;
}

/* Which ids one record may forget: bounds the work of one apply. */
struct expiry_search {
    int64_t before_wall_ms;
    uint64_t below;
    unsigned count;
};

static bool search_expired(void *context, struct text key, struct text value)
{
    enum { AT_ONCE = 1000 };
    struct expiry_search *search = context;
    unused(value);
    uint64_t id = key_get_u64(key, 0);
    if (id_time_ms(id) >= search->before_wall_ms || search->count++ >= AT_ONCE)
        return false;
    search->below = id + 1;
    return true;
}

enum status store_expire_stories(struct store *store, int64_t before_wall_ms)
{
    for (;;) {
        struct expiry_search search = {.before_wall_ms = before_wall_ms};
        index_scan(store->index, TEXT("t"), TEXT(""), search_expired, &search);
        if (search.below == 0)
            return OK;
        struct change change;
        change_init(&change);
        struct operation operation = {.type = OPERATION_STORY_EXPIRE, .expire_below = search.below};
        change_add(&change, &operation);
        enum status status = store_commit(store, &change);
        change_finish(&change);
        if (status != OK)
            return status;
    }
}
